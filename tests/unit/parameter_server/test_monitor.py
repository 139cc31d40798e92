"""What is seen of a run, and when it stops."""

from __future__ import annotations

import pytest

from stagecraft.parameter_server.ledger import Ledger
from stagecraft.parameter_server.monitor import Budget, EarlyStopping, Monitor
from stagecraft.parameter_server.share import Stats


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_budget_spends_its_share_of_the_time():
    clock = Clock()
    budget = Budget(0.01, clock)
    spent, looks = 0.0, 0
    for _ in range(1000):
        clock.now += 0.1
        if budget.left:
            with budget.spending():
                clock.now += 0.05
            spent, looks = spent + 0.05, looks + 1
    assert looks > 10
    assert spent <= 0.01 * (clock.now - 100.0) + 0.05


def test_a_monitor_reports_recent_speed_and_thins_out_what_costs():
    clock, asked = Clock(), []

    def stats():
        asked.append(clock.now)
        clock.now += 1.0
        return [Stats(3, 80, behind=4.0, furthest=2.0, pushes=4), Stats(5, 80, furthest=3.0, pushes=4)]

    def validate(pull):
        return {"auc": pull(None)}

    monitor = Monitor(100_000, stats, lambda keys: 0.75, validate, clock)
    ledger = Ledger(rows=1000)
    monitor.begin(ledger)
    seen = []
    for _ in range(90):
        clock.now += 1.0
        ledger = ledger.finish_round(steps=2, rows=100 if ledger.rows < 5000 else 300, loss=1.0, weight=4.0)
        seen.append(monitor.progress(ledger))
    assert seen[0].values["keys"] == 8
    assert seen[0].values["staleness"] == 0.5
    assert seen[0].values["staleness_max"] == 3.0
    assert seen[0].values["shard_memory"] == 160
    assert len(asked) == 1, "a second of looking is a hundredth of 100 s"
    assert set(seen[-1].values) == {"loss", "rows_per_second", "progress", "auc"}
    assert seen[-1].values["rows_per_second"] == pytest.approx(300)
    assert seen[-1].values["loss"] == 0.25
    assert seen[-1].values["progress"] == ledger.rows / 100_000
    assert seen[-1].step == 180


@pytest.mark.parametrize(
    ("values", "patience", "ends"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.4, 0.45], 1, True),
        ([0.5, 0.4, 0.45], 2, False),
        ([0.5, 0.4, 0.45, 0.38], 2, False),
        ([0.5, 0.4, 0.45, 0.41], 2, True),
        ([0.5, 0.499], 1, True),
    ],
)
def test_early_stopping(values, patience, ends):
    stopping = EarlyStopping(metric="loss", patience=patience, minimum=0.01)
    assert stopping.ends([{"loss": value} for value in values]) is ends
    mirrored = EarlyStopping(metric="auc", patience=patience, minimum=0.01)
    assert mirrored.ends([{"auc": -value} for value in values]) is ends
