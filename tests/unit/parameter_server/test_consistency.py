"""Shards and workers in one process: what each consistency promises, without Ray."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from stagecraft.parameter_server.consistency import BSP, SSP, Async
from stagecraft.parameter_server.models import LogisticRegression
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.parameter_server.plan import Plan, default_batch_rows
from stagecraft.parameter_server.shard import NONE, Shard, merged
from stagecraft.parameter_server.wire import Severed

TOKEN = b"x" * 32
DIMENSION = 10


def plan(consistency, workers=2, shards=1, **more):
    layout = SimpleNamespace(dimension=DIMENSION)
    return Plan(
        store=None,
        columns=SimpleNamespace(layout=layout),
        groups=[],
        model=LogisticRegression(),
        optimizer=FTRL(),
        epochs=1,
        batch_rows=64,
        workers=workers,
        shards=shards,
        consistency=consistency,
        **more,
    )


def shard(consistency, workers=2, step=0, **more):
    made = Shard(plan(consistency, workers, **more), 0, None, TOKEN)
    made.begin(None, step, 1)
    return made


def grads(*values):
    return np.array(values, np.float32).reshape(-1, 1)


SLOTS = np.array([1, 4], np.int32)
NO_SLOTS, NO_GRADIENT = np.empty(0, np.int32), np.empty((0, 1), np.float32)


def state(made):
    keys, found = made.states()
    whole = np.zeros((DIMENSION, 2), np.float32)
    whole[keys] = found[:, 0]
    return whole


def later(call, *arguments):
    """Call in a thread; return the thread and the list that its answer will be in."""
    answer = []
    thread = threading.Thread(target=lambda: answer.append(call(*arguments)), daemon=True)
    thread.start()
    return thread, answer


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_bsp_applies_the_sum_of_a_step_once_all_have_pushed(order):
    made = shard(BSP())
    for rank in order:
        made.exchange(rank, 1, NONE, NO_GRADIENT, 0, SLOTS)
    first, second = order
    thread, answer = later(made.exchange, first, 1, 0, grads(1, 2), 1, SLOTS)
    thread.join(0.1)
    assert thread.is_alive()
    assert not state(made).any()
    weights = made.exchange(second, 1, 0, grads(3, -2), 1, SLOTS)
    thread.join(5)
    # n grows by the square of the sum: key 1 by (1 + 3)², key 4 by (2 - 2)², that is not at all.
    assert state(made)[1].tolist() == [4.0, 4.0]
    assert not state(made)[4].any()
    assert answer[0].tolist() == weights.tolist()
    assert weights[0, 0] == pytest.approx(-4.0 * 0.1 / (1 + 4))


def test_ssp_lets_the_fastest_be_a_bound_ahead_and_no_more():
    made = shard(SSP(bound=2))
    made.exchange(0, 1, NONE, NO_GRADIENT, 0, SLOTS)
    made.exchange(1, 1, NONE, NO_GRADIENT, 0, SLOTS)
    made.exchange(0, 1, 0, grads(1, 1), 1, SLOTS)
    made.exchange(0, 1, 1, grads(1, 1), 2, SLOTS)
    thread, _ = later(made.exchange, 0, 1, 2, grads(1, 1), 3, SLOTS)
    thread.join(0.1)
    assert thread.is_alive()
    assert state(made)[1][1] == pytest.approx(3**0.5), "its push counts, though it has to wait"
    made.exchange(1, 1, 0, grads(1, 1), 1, SLOTS)
    thread.join(5)
    assert not thread.is_alive()


def test_async_waits_for_nobody_and_counts_how_far_behind():
    made = shard(Async())
    made.exchange(1, 1, NONE, NO_GRADIENT, 0, SLOTS)
    made.exchange(0, 1, NONE, NO_GRADIENT, 0, SLOTS)
    for step in range(10):
        made.exchange(0, 1, step, grads(1, 0), step + 1, SLOTS)
    made.exchange(1, 1, 0, grads(0, 1), NONE, NO_SLOTS)
    stats = made.stats()
    assert (stats.keys, stats.pushes, stats.furthest, stats.behind) == (2, 11, 5.0, 5.0)
    assert stats.bytes == DIMENSION * (8 + 4)
    assert made.stats().pushes == 0


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("consistency", [SSP(bound=3), Async()])
def test_late_pushes_regard_what_they_missed(consistency, grows):
    gradients = [grads(1, -2), grads(3, -1), grads(0.5, 4)]
    made = shard(consistency, workers=3, grows=grows)
    for rank in range(3):
        made.exchange(rank, 1, NONE, NO_GRADIENT, 0, SLOTS)
    for rank, gradient in enumerate(gradients):
        made.exchange(rank, 1, 0, gradient, NONE, NO_SLOTS)
    agreeing, opposed = state(made)[1, 1], state(made)[4, 1]
    # n is Σ g², and gᵢgⱼ of each pair that missed one another; it does not fall.
    assert agreeing**2 == pytest.approx(1 + 9 + 0.25 + (1 * 3 + 1 * 0.5 + 3 * 0.5))
    assert opposed**2 == pytest.approx(4 + (1 + 2 * 1) + (16 - 3 * 4))
    # What was applied before a pull is known to it, and counts no more.
    made.exchange(1, 1, NONE, NO_GRADIENT, 1, SLOTS)
    made.exchange(1, 1, 1, grads(2, 0), NONE, NO_SLOTS)
    assert state(made)[1, 1] ** 2 == pytest.approx(agreeing**2 + 4, rel=1e-6)


def test_a_push_that_comes_again_is_answered_and_not_applied():
    for consistency in (BSP(), Async()):
        made = shard(consistency, workers=1)
        made.exchange(0, 1, NONE, NO_GRADIENT, 0, SLOTS)
        once = made.exchange(0, 1, 0, grads(1, 2), 1, SLOTS)
        before = state(made).tobytes()
        again = made.exchange(0, 1, 0, grads(1, 2), 1, SLOTS)
        assert state(made).tobytes() == before
        assert again.tobytes() == once.tobytes()


def test_a_push_of_another_step_or_of_other_keys_is_refused():
    made = shard(Async(), step=5)
    made.exchange(0, 1, NONE, NO_GRADIENT, 5, SLOTS)
    with pytest.raises(RuntimeError, match="worker 0 pushes step 6, but 5 is its next one"):
        made.exchange(0, 1, 6, grads(1, 2), NONE, NO_SLOTS)
    made = shard(Async())
    made.exchange(0, 1, NONE, NO_GRADIENT, 0, SLOTS)
    with pytest.raises(RuntimeError, match="1 gradients of 2 keys"):
        made.exchange(0, 1, 0, grads(1), NONE, NO_SLOTS)


def test_what_belongs_to_an_earlier_incarnation_is_refused_and_released():
    made = shard(BSP())
    made.exchange(0, 1, NONE, NO_GRADIENT, 0, SLOTS)
    refused = []

    def wait():
        with pytest.raises(Severed, match="since incarnation 1"):
            made.exchange(0, 1, 0, grads(1, 2), 1, SLOTS)
        refused.append(True)

    thread, _ = later(wait)
    thread.join(0.1)
    assert thread.is_alive()
    made.begin(None, 0, 2)
    thread.join(5)
    assert refused
    with pytest.raises(Severed):
        made.exchange(1, 1, NONE, NO_GRADIENT, 0, SLOTS)
    assert not state(made).any()


def test_merged_sums_in_the_order_of_pushes():
    rng = np.random.default_rng(0)
    pushes = [(rng.permutation(50)[:20].astype(np.int32), rng.normal(size=(20, 2))) for _ in range(4)]
    pushes = [(slots, gradient.astype(np.float32)) for slots, gradient in pushes]
    expected = np.zeros((50, 2), np.float32)
    for slots, gradient in pushes:
        for slot, row in zip(slots, gradient, strict=True):
            expected[slot] += row
    slots, total = merged(pushes)
    assert sorted(slots) == sorted({slot for own, _ in pushes for slot in own.tolist()})
    assert np.array_equal(total, expected[slots])


@pytest.mark.parametrize("workers", [1, 3, 32])
@pytest.mark.parametrize("consistency", [BSP(), SSP(bound=3), Async(), Async(rows_in_flight=640)])
def test_rows_in_flight_do_not_grow_with_workers(consistency, workers):
    flying = consistency.worker_rows(1920, workers) * workers * consistency.ahead
    assert flying == (640 if consistency == Async(rows_in_flight=640) and workers != 3 else flying)
    assert flying <= 1920 + (workers if consistency == BSP() else 0)
    assert flying > 0.9 * (640 if consistency == Async(rows_in_flight=640) else 1920)


def test_the_default_batch_is_a_512th_of_the_rows():
    assert [default_batch_rows(rows) for rows in (100, 512_000, 10**9)] == [256, 1000, 16384]
