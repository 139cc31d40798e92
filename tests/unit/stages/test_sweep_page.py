"""The page of a sweep, over studies made up for it."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from stagecraft.stages.sweep_page import ROWS, page
from stagecraft.tuning.rounds import Round
from stagecraft.tuning.space import Choice, Integer, LogUniform, Space, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.trial import Cause, Trial, TrialState
from stagecraft.tuning.trials import Trials

SPACE: dict[str, Any] = {
    "boosting.depth": Integer(1, 64, log=True),
    "boosting.rate": LogUniform(0.01, 1),
    "kind": Choice(["a", None, "<b>"]),
    "step": Uniform(0, 1, step=0.1, when={"kind": ["a"]}),
}


def study(trials: int, **changes: Any) -> Trials:
    """Every tenth trial fails and the one after it is stopped."""
    given: dict[str, Any] = {"space": SPACE, "objectives": {"auc": "maximize"}, "searcher": "random"}
    spec, source = StudySpec(**given | changes), random.Random(0)
    made = []
    for number in range(trials):
        parameters = Space(SPACE).sample(source)
        auc = parameters["boosting.rate"]
        ended: dict[str, Any] = {
            "metrics": {"auc": auc, "size": 1 - auc, "cost": 0.5},
            "curve": [(1, auc / 2), (2, auc)],
            "cpu": 2.0,
            "state": TrialState.STOPPED if number % 10 == 5 else TrialState.FINISHED,
        }
        if number % 10 == 4:
            ended = {"state": TrialState.FAILED, "cause": Cause.RAISED, "message": "no <script> here"}
        made.append(Trial(number=number, parameters=parameters, round=number // 20, **ended))
    rounds = [Round(number=turn, begins=20 * turn, space=SPACE) for turn in range(1, trials // 20)]
    return Trials(spec, made, rounds)


def made(sweep: Trials, **more: Any) -> str:
    assert sweep.best is not None
    return page(sweep, sweep.best, **more)


def headings(html: str) -> list[str]:
    return re.findall(r"<h2>([^<]*)</h2>", html)


def test_a_page_shows_all_that_a_sweep_has() -> None:
    sweep = study(60, objectives={"auc": "maximize", "size": "minimize"})
    html = made(sweep, test={"auc": 0.7, "loss": 0.5}, notes=["began at <two> earlier ones"])
    assert headings(html) == [
        "Best so far", "Parameter importance", "Pareto front", "Curves", "Best parameters",
        "Parallel coordinates", "Rounds", "Trials",
    ]  # fmt: skip
    assert html.count("<svg") == 5
    assert "failed: no &lt;script&gt; here" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!#)', html.replace("xlink:href", "href")), "nothing is fetched"
    for name, value in {"trials": "60", "failed": "6", "CPU seconds": "108.0", "cost": "27"}.items():
        assert f'<div class="name">{name}</div><div class="value">{value}</div>' in html
    best = max(trial.metrics["auc"] for trial in sweep.finished)
    assert f'<div class="value">{best:.5g}</div>' in html
    assert '<div class="name">test auc</div><div class="value">0.7</div>' in html
    assert "<br>began at &lt;two&gt; earlier ones" in html
    assert html == made(sweep, test={"auc": 0.7}, notes=["began at <two> earlier ones"])


@pytest.mark.parametrize("trials", [1, 2, 12])
def test_a_short_sweep_has_a_page_too(trials: int) -> None:
    html = made(study(trials))
    assert {"Best so far", "Best parameters", "Trials"} <= set(headings(html))
    assert ("Parameter importance" in html) == (trials == 12)


def test_thousands_of_trials_make_no_heavy_page() -> None:
    html = made(study(3000))
    assert f"{ROWS} of 3,000 trials" in html
    assert len(html) < 1_500_000
    assert html.count("<tr>") < ROWS + 200
