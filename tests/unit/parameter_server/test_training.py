"""Workers and shards, or workers in place, over a dataset: threads of one process in place of actors."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.parameter_server.checkpoint import Checkpoints
from stagecraft.parameter_server.consistency import BSP, SSP, Async
from stagecraft.parameter_server.in_place import InPlace
from stagecraft.parameter_server.models import DeepFM, FactorizationMachine, LogisticRegression
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.parameter_server.pair import Pair
from stagecraft.parameter_server.plan import Plan, WarmStart, share_out
from stagecraft.parameter_server.rows import Columns
from stagecraft.parameter_server.shard import Shard
from stagecraft.parameter_server.units import Orders, RowGroup, deal
from stagecraft.parameter_server.wire import Refused
from stagecraft.parameter_server.worker import Worker
from stagecraft.transforms.layout import Feature, Layout

TOKEN = b"x" * 32
DIMENSION, ROWS, GROUP, FEATURES = 200, 3000, 1000, 5


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Rows of a logistic regression in three row groups."""
    rng = np.random.default_rng(0)
    keys = np.sort([rng.choice(DIMENSION, FEATURES, replace=False) for _ in range(ROWS)], axis=1)
    effect = rng.normal(size=DIMENSION)
    label = (rng.random(ROWS) < 1 / (1 + np.exp(-effect[keys].sum(axis=1)))).astype(np.float32)
    offsets = pa.array(np.arange(0, ROWS * FEATURES + 1, FEATURES, dtype=np.int32))
    table = pa.table(
        {
            "indices": pa.ListArray.from_arrays(offsets, pa.array(keys.astype(np.int32).reshape(-1))),
            "values": pa.ListArray.from_arrays(offsets, pa.array(np.ones(keys.size, np.float32))),
            "label": label,
        }
    )
    root = tmp_path_factory.mktemp("rows")
    pq.write_table(table, root / "rows.parquet", row_group_size=GROUP)
    return SimpleNamespace(root=str(root), path=str(root / "rows.parquet"), keys=keys, label=label)


def plan(data, **changes):
    given = {"workers": 2, "shards": 2, "batch_rows": 200, "consistency": BSP(), **changes}
    path = given.pop("path", data.path)
    layout = Layout.of([Feature("key", "slot", given.pop("dimension", DIMENSION) - 1)])
    return Plan(
        store=Store(data.root),
        columns=Columns(layout, "label", None, None, sparse=True),
        groups=[RowGroup(path, group, GROUP) for group in range(ROWS // GROUP)],
        model=given.pop("model", LogisticRegression()),
        optimizer=FTRL(alpha=0.3),
        epochs=1,
        **given,
    )


def together(calls):
    """Call in a thread each; return the answers."""
    answers = [None] * len(calls)

    def call(at):
        answers[at] = calls[at]()

    threads = [threading.Thread(target=call, args=(at,)) for at in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def train(made, epochs=1, paired=0):
    """Return the states of all keys and the epochs' losses.

    :param paired: shards that have their worker beside them
    """
    checkpoints = Checkpoints(made.store, "x")
    if made.shards:
        kinds = [Pair] * paired + [Shard] * (made.shards - paired)
        shards = [kind(made, number, checkpoints, TOKEN) for number, kind in enumerate(kinds)]
        addresses = [shard.open("127.0.0.1") for shard in shards]
        for shard in shards:
            shard.begin(None, 0, 1)
        workers = [*shards[:paired], *[Worker(made, rank, TOKEN) for rank in range(paired, made.workers)]]
        for worker in workers:
            worker.join(addresses, 1)
    else:
        shards = [InPlace(made, checkpoints)]
        shards[0].begin(None, 0, 1)
        workers = shards * made.workers
    step, losses = 0, []
    for epoch in range(epochs):
        rounds = deal(made.groups, epoch=epoch, seed=made.seed, workers=made.workers)
        loss = 0.0
        for number in range(len(rounds)):
            work = share_out(made, rounds, number, epoch=epoch, step=step)
            pairs = zip(workers, work, strict=True)
            done = together([lambda worker=worker, share=share: worker.run(share) for worker, share in pairs])
            step += work[0].steps
            loss += sum(seen.loss for seen in done)
        losses.append(loss / ROWS)
    state = np.zeros((DIMENSION + made.objective.common, made.objective.width, 2), np.float32)
    for shard in shards:
        keys, found = shard.states()
        assert (np.diff(keys) > 0).all()
        state[keys // (made.dimension // DIMENSION)] = found
    return state.squeeze(), losses


def expected(made, data):
    """What batches of FTRL come to, in float64: the oracle."""
    z, root = np.zeros(DIMENSION), np.zeros(DIMENSION)
    orders, rows = Orders(made.groups, made.seed), made.worker_rows

    def weights():
        return -z / ((1 + root) / 0.3)

    for units in deal(made.groups, epoch=0, seed=made.seed, workers=made.workers):
        for number in range(made.steps(units)):
            w, total = weights(), np.zeros(DIMENSION)
            for unit in units:
                batch = orders.of(unit, 0)[number * rows : (number + 1) * rows] if unit else []
                for row in (GROUP * unit.group + at for at in batch):
                    margin = w[data.keys[row]].sum()
                    total[data.keys[row]] += 1 / (1 + np.exp(-margin)) - data.label[row]
            grown = np.sqrt(root**2 + total**2)
            z += total - (grown - root) / 0.3 * w
            root = grown
    return np.stack([z, root], axis=1)


@pytest.mark.parametrize(("workers", "shards"), [(1, 1), (2, 3), (3, 2)])
def test_bulk_synchronous_training_is_batches_of_ftrl(data, workers, shards):
    made = plan(data, workers=workers, shards=shards)
    state, _ = train(made)
    assert np.allclose(state, expected(made, data), rtol=2e-3, atol=2e-3)


def test_bulk_synchronous_training_gives_the_same_bits_whatever_the_shards(data):
    states = [train(plan(data, shards=shards), epochs=2)[0].tobytes() for shards in (2, 2, 1, 3)]
    states += [
        train(plan(data, shards=shards), 2, paired)[0].tobytes() for shards, paired in ((2, 2), (3, 1))
    ]
    assert len(set(states)) == 1


@pytest.mark.parametrize("consistency", [SSP(bound=1), Async()])
def test_looser_training_learns_as_well(data, consistency):
    strict = train(plan(data), epochs=3)[1]
    loose = train(plan(data, consistency=consistency, workers=3), epochs=3, paired=1)[1]
    assert strict[2] < strict[0] - 0.02
    assert loose[2] < strict[2] + 0.03


def test_a_network_gives_the_same_bits_whatever_the_shards_and_bears_late_gradients(data):
    pytest.importorskip("torch", reason="the package torch is not installed")
    given = {"model": DeepFM(factors=2, hidden=[4], dropout=0.1), "fields": np.array([1, DIMENSION])}
    runs = [
        train(plan(data, shards=shards, grows=grows, **given))
        for shards, grows in ((2, False), (2, False), (1, False), (3, False), (3, True))
    ]
    assert len({state.tobytes() for state, _ in runs}) == 1
    assert len({tuple(losses) for _, losses in runs}) == 1
    strict = train(plan(data, **given), epochs=3)[1]
    loose = train(plan(data, consistency=Async(), workers=3, **given), epochs=3)[1]
    assert strict[2] < strict[0] - 0.02
    assert loose[2] < strict[2] + 0.03


def test_in_place_training_by_one_is_the_same_each_time_and_by_several_as_good(data):
    alone = [train(plan(data, shards=0, workers=1), epochs=3) for _ in range(2)]
    assert alone[0][0].tobytes() == alone[1][0].tobytes()
    several = train(plan(data, shards=0, workers=3, consistency=Async()), epochs=3)
    assert several[1][2] == pytest.approx(alone[0][1][2], abs=0.02)


@pytest.mark.parametrize("model", [LogisticRegression(), FactorizationMachine(factors=2)], ids=["lr", "fm"])
@pytest.mark.parametrize(("workers", "shards"), [(1, 0), (1, 1), (2, 3)])
def test_a_growing_model_is_the_fixed_one_bit_for_bit(data, model, workers, shards):
    fixed, growing = (
        train(plan(data, workers=workers, shards=shards, model=model, grows=grows), epochs=2)
        for grows in (False, True)
    )
    assert growing[1] == fixed[1]
    assert growing[0].tobytes() == fixed[0].tobytes()
    assert fixed[0].any()


@pytest.fixture(scope="module")
def far(data):
    """The same rows; key ``k`` is ``k`` times 2^54."""
    table = pq.read_table(data.path)
    offsets = table["indices"].combine_chunks().offsets
    keys = pa.array(data.keys.astype(np.int64).reshape(-1) << 54)
    path = f"{data.root}/far.parquet"
    indices = pa.ListArray.from_arrays(offsets, keys)
    pq.write_table(table.set_column(0, "indices", indices), path, row_group_size=GROUP)
    return {"path": path, "dimension": DIMENSION << 54, "grows": True}


@pytest.mark.parametrize(("workers", "shards"), [(1, 0), (2, 2)])
def test_keys_may_be_any_number(data, far, workers, shards):
    near = train(plan(data, workers=workers, shards=shards))
    assert train(plan(data, workers=workers, shards=shards, **far))[0].tobytes() == near[0].tobytes()


def test_threads_let_a_model_grow_in_their_midst(data, far):
    alone = train(plan(data, shards=0, workers=1, **far), epochs=3)
    several = train(plan(data, shards=0, workers=3, consistency=Async(), **far), epochs=3)
    assert several[1][2] == pytest.approx(alone[1][2], abs=0.02)


def test_a_look_at_keys_that_never_came_does_not_let_a_model_grow(data):
    made = plan(data, shards=1, grows=True, model=FactorizationMachine(factors=2))
    start = WarmStart(np.array([3]), weights=np.array([[1, 2, 3]], np.float32))
    shard = Shard(replace(made, warm_start=start), 0, None, TOKEN)
    shard.begin(None, 0, 1)
    before = shard.stats()
    found = shard.pull(np.array([50, 3, 3, 51], np.int32))
    assert found[1].tolist() == found[2].tolist() == pytest.approx([1, 2, 3])
    beginning = made.objective.weights(np.zeros((2, 3, 2), np.float32), np.array([50, 51]))
    assert found[[0, 3]].tolist() == beginning.tolist()
    assert shard.stats() == before
    assert before.keys == 1


@pytest.mark.parametrize("kind", [Shard, Pair])
def test_what_a_shard_refuses_is_said_to_the_worker(data, kind):
    made = plan(data, workers=1, shards=1, consistency=Async())
    shard = kind(made, 0, Checkpoints(made.store, "x"), TOKEN)
    address = shard.open("127.0.0.1")
    shard.begin(None, 0, 1)
    worker = shard if kind is Pair else Worker(made, 0, TOKEN)
    worker.join([address], 1)
    shard._clock[0] = 7
    work = share_out(made, deal(made.groups, epoch=0, seed=0, workers=1), 0, epoch=0, step=0)[0]
    with pytest.raises(Refused, match=r"shard 0 refused worker 0: .*pushes step 8, but 7 is its next"):
        worker.run(work._replace(step=8))


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("form", ["state", "weights"])
def test_a_warm_start_is_what_the_first_pull_gives(data, form, grows):
    made = plan(data, grows=grows)
    keys = np.arange(10, 20)
    weights = np.linspace(-1, 1, 10, dtype=np.float32).reshape(-1, 1)
    start = WarmStart(keys, weights=weights, root=3.0)
    if form == "state":
        start = WarmStart(keys, state=start.states(made)[1])
    made = plan(data, warm_start=start, grows=grows)
    for number in range(2):
        shard = Shard(made, number, Checkpoints(made.store, "x"), TOKEN)
        shard.begin(None, 0, 1)
        own = keys[keys % 2 == number]
        assert np.allclose(shard.pull(own // 2)[:, 0], weights[keys % 2 == number, 0], atol=1e-6)
        assert shard.states()[0].tolist() == own.tolist()


@pytest.mark.parametrize("grows", [False, True])
def test_a_snapshot_is_of_its_moment_and_is_restored(data, grows):
    made = plan(data, shards=0, workers=1, grows=grows)
    checkpoints = Checkpoints(made.store, "y")
    share = InPlace(made, checkpoints)
    share.begin(None, 0, 1)
    rounds = deal(made.groups, epoch=0, seed=0, workers=1)
    share.run(share_out(made, rounds, 0, epoch=0, step=0)[0])
    before = [part.tobytes() for part in share.states()]
    share.snapshot(1)
    share.run(share_out(made, rounds, 1, epoch=0, step=1)[0])
    part = share.written()
    assert [part.tobytes() for part in share.states()] != before
    share.begin(part, 1, 2)
    assert [part.tobytes() for part in share.states()] == before
