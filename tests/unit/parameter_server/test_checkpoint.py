"""The ledger, and checkpoints that commit it with the shards' state."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError
from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints
from stagecraft.parameter_server.ledger import POINTS, Ledger


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def state(seed):
    """Slots and their states."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.permutation(500)[:50]), rng.normal(size=(50, 3, 2)).astype(np.float32)


def commit(checkpoints, step):
    parts = [checkpoints.write_part(shard, step, *state(step + shard)) for shard in range(2)]
    checkpoints.commit(Checkpoint(ledger=Ledger(step=step, rows=10 * step), parts=parts))


def names(store):
    return sorted(path.rpartition("/")[2] for path in store.filesystem.find(store.uri("checkpoints", "abc")))


def test_ledger_counts_rounds_and_epochs():
    ledger = Ledger().finish_round(steps=4, rows=400, loss=140.0, weight=200.0)
    ledger = ledger.finish_round(steps=2, rows=150, loss=50.0, weight=100.0)
    assert (ledger.epoch, ledger.rounds, ledger.step, ledger.rows) == (0, 2, 6, 550)
    assert [(point.step, point.loss) for point in ledger.history] == [(4, 0.7), (6, 0.5)]
    following = ledger.finish_epoch({"auc": 0.8})
    assert (following.epoch, following.rounds, following.step) == (1, 0, 6)
    assert following.epochs == [{"loss": pytest.approx(190 / 300), "auc": 0.8}]
    assert following.finish_round(steps=1, rows=1, loss=2.0, weight=4.0).finish_epoch({}).epochs[1] == {
        "loss": 0.5
    }
    assert Ledger.model_validate_json(following.model_dump_json()) == following


def test_a_long_history_is_thinned_and_keeps_its_end():
    ledger = Ledger()
    for _ in range(3 * POINTS):
        ledger = ledger.finish_round(steps=1, rows=1, loss=1.0, weight=1.0)
    assert POINTS / 2 <= len(ledger.history) <= POINTS
    assert ledger.history[-1].step == 3 * POINTS


def test_latest_is_what_was_committed_last(store):
    checkpoints = Checkpoints(store, "abc")
    assert checkpoints.latest() is None
    commit(checkpoints, 3)
    commit(checkpoints, 8)
    latest = Checkpoints(store, "abc").latest()
    assert latest.ledger.step == 8
    for shard, part in enumerate(latest.parts):
        slots, restored = checkpoints.read_part(part, width=3)
        assert np.array_equal(slots, state(8 + shard)[0])
        assert restored.tobytes() == state(8 + shard)[1].tobytes()
    assert len(names(store)) == 3
    assert Checkpoints(store, "other").latest() is None


def test_parts_without_a_manifest_change_nothing(store):
    checkpoints = Checkpoints(store, "abc")
    commit(checkpoints, 3)
    checkpoints.write_part(0, 8, *state(0))
    latest = checkpoints.latest()
    assert latest.ledger.step == 3
    checkpoints.read_part(latest.parts[0], width=3)
    commit(checkpoints, 9)
    assert len(names(store)) == 3


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_damaged_part_is_refused(store, damage, caplog):
    checkpoints = Checkpoints(store, "abc")
    commit(checkpoints, 3)
    part = checkpoints.latest().parts[1]
    path = store.strip(store.uri("checkpoints", "abc", part.name))
    if damage == "missing":
        store.filesystem.rm_file(path)
    else:
        store.write(path, b"damage")
    assert checkpoints.latest() is None, "the training starts anew"
    assert part.name in caplog.text
    with pytest.raises(CorruptArtifactError, match=part.name):
        checkpoints.read_part(part, width=3)


def test_an_unreadable_manifest_is_passed_over(store, caplog):
    store.write(store.uri("checkpoints", "abc", "checkpoint.json"), b"{}")
    checkpoints = Checkpoints(store, "abc")
    assert checkpoints.latest() is None
    assert "unreadable" in caplog.text
    commit(checkpoints, 3)
    assert checkpoints.latest().ledger.step == 3


def test_two_runs_of_the_same_work_leave_each_other_s_parts(store):
    one, two = Checkpoints(store, "abc"), Checkpoints(store, "abc")
    commit(one, 3)
    written = [two.write_part(shard, 4, *state(4 + shard)) for shard in range(2)]
    commit(one, 5)
    two.commit(Checkpoint(ledger=Ledger(step=4), parts=written))
    assert Checkpoints(store, "abc").latest().ledger.step == 4
    one.remove()
    assert two.latest().ledger.step == 4
    two.remove()
    assert names(store) == []


def test_a_run_sweeps_what_it_went_on_from(store):
    commit(Checkpoints(store, "abc"), 3)
    retry = Checkpoints(store, "abc")
    assert retry.latest().ledger.step == 3
    commit(retry, 8)
    assert len(names(store)) == 3
    again = Checkpoints(store, "abc")
    assert again.latest().ledger.step == 8
    again.remove()
    assert names(store) == []


def test_remove_leaves_nothing(store):
    checkpoints = Checkpoints(store, "abc")
    checkpoints.remove()
    commit(checkpoints, 3)
    checkpoints.remove()
    assert names(store) == []
    assert checkpoints.latest() is None


def test_a_share_without_keys(store):
    checkpoints = Checkpoints(store, "abc")
    part = checkpoints.write_part(0, 1, np.empty(0, np.int64), np.empty((0, 3, 2), np.float32))
    slots, restored = checkpoints.read_part(part, width=3)
    assert len(slots) == 0
    assert restored.shape == (0, 3, 2)
