"""The ledger, and checkpoints that commit it with the shards' state."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError
from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints
from stagecraft.parameter_server.ledger import Ledger


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path))


def state(seed):
    made = np.random.default_rng(seed).normal(size=(50, 2)).astype(np.float32)
    made[::3] = 0
    return made


def commit(checkpoints, step):
    parts = [checkpoints.write_part(shard, step, state(step + shard)) for shard in range(2)]
    checkpoints.commit(Checkpoint(ledger=Ledger(step=step, rows=10 * step), parts=parts))


def names(store):
    return sorted(path.rpartition("/")[2] for path in store.filesystem.find(store.uri("checkpoints", "abc")))


def test_ledger_counts_rounds_and_epochs():
    ledger = Ledger().finish_round(steps=4, rows=400, loss=0.7).finish_round(steps=2, rows=150, loss=0.5)
    assert (ledger.epoch, ledger.rounds, ledger.step, ledger.rows) == (0, 2, 6, 550)
    assert [(point.step, point.loss) for point in ledger.history] == [(4, 0.7), (6, 0.5)]
    following = ledger.finish_epoch()
    assert (following.epoch, following.rounds, following.step) == (1, 0, 6)
    assert Ledger.model_validate_json(following.model_dump_json()) == following


def test_latest_is_what_was_committed_last(store):
    checkpoints = Checkpoints(store, "abc")
    assert checkpoints.latest() is None
    commit(checkpoints, 3)
    commit(checkpoints, 8)
    latest = Checkpoints(store, "abc").latest()
    assert latest.ledger.step == 8
    for shard, part in enumerate(latest.parts):
        restored = np.zeros((50, 2), dtype=np.float32)
        checkpoints.read_part(part, restored)
        assert restored.tobytes() == state(8 + shard).tobytes()
    assert len(names(store)) == 3
    assert Checkpoints(store, "other").latest() is None


def test_parts_without_a_manifest_change_nothing(store):
    checkpoints = Checkpoints(store, "abc")
    commit(checkpoints, 3)
    checkpoints.write_part(0, 8, state(0))
    latest = checkpoints.latest()
    assert latest.ledger.step == 3
    checkpoints.read_part(latest.parts[0], np.zeros((50, 2), dtype=np.float32))
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
        checkpoints.read_part(part, np.zeros((50, 2), dtype=np.float32))


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
    written = [two.write_part(shard, 4, state(4 + shard)) for shard in range(2)]
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
