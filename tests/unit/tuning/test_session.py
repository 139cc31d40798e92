"""What one sweep of a study still hands out, and how long what runs may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.tracking.writer import Tracker
from stagecraft.tuning.attempt import Limits
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.live import Live
from stagecraft.tuning.session import Session
from stagecraft.tuning.space import Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

SPEC = StudySpec(space={"x": Uniform(0, 1)}, objectives={"loss": "minimize"}, searcher="random")


@pytest.mark.parametrize(
    ("used", "ending", "seconds_left", "asks"),
    [
        (90.0, 0.0, 15.0, True),
        (90.0, 4.0, 11.0, True),
        (97.0, 0.0, 8.0, True),
        (97.0, 4.0, 4.0, False),
        (89.0, 60.0, 6.0, True),
        (91.0, 60.0, 4.0, False),
    ],
)
def test_rays_end_is_taken_from_the_budget_but_never_more_than_a_tenth(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    used: float,
    ending: float,
    seconds_left: float,
    asks: bool,
) -> None:
    study, budget = Study(Store(str(tmp_path)), "studies/example", SPEC), Budget(wall_seconds=100)
    monkeypatch.setattr(Study, "wall", used)
    live = Live(Tracker.nowhere(), study, budget)
    session = Session(study, lambda *_: {}, budget, Limits(), tmp_path, lambda _: None, live, ending=ending)
    assert session.left == pytest.approx(seconds_left)
    assert (session.ask() is not None) == asks
