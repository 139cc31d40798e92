"""Where a new study begins: earlier ones' lessons, which of them are used, and what is told of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.tuning.experience import Configuration, Experience, Lesson, Task, apart
from stagecraft.tuning.space import Choice, Dimension, Integer, Space, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.warm_start import WarmStart, adapted, begin, chosen, remember

SPACE: dict[str, Dimension] = {
    "x": Uniform(0, 1),
    "y": Uniform(0, 1),
    "depth": Integer(1, 9),
    "kind": Choice(["a", "b"]),
}
OWN = {"x": 0.5, "y": 0.5, "depth": 5, "kind": "a"}
GOOD = {"x": 0.1, "y": 0.9, "depth": 2, "kind": "b"}


def task(rows: float = 4.0, trainer: str = "trees 1") -> Task:
    return Task(trainer=trainer, features={"rows": rows})


def spec(**changes: Any) -> StudySpec:
    given: dict[str, Any] = {"space": SPACE, "objectives": {"loss": "minimize"}, "start": [OWN]}
    return StudySpec(**given | {"searcher": "genetic"} | changes)


def lesson(study: str, *best: dict[str, Any], rows: float = 4.0, **changes: Any) -> Lesson:
    configurations = [Configuration(parameters=each, score=1.0) for each in best or [GOOD]]
    given = {"study": study, "task": task(rows), "metric": "loss", "space": SPACE, "trials": 20}
    return Lesson(**{**given, "best": configurations, **changes})  # type: ignore[arg-type]


def told(store: Store, *lessons: Lesson) -> Store:
    for each in lessons:
        Experience(store).add(each)
    return store


def run(study: Study, trials: int) -> None:
    while (trial := study.ask(trials)) is not None:
        study.finish(trial, {"loss": apart(Space(SPACE), trial.parameters, GOOD)}, seconds=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_a_new_study_tries_what_a_similar_one_found_best_after_its_own(store: Store) -> None:
    first = Study(store, "studies/first", spec())
    assert begin(first, task()).start == []
    run(first, 30)
    remember(first, task())
    second = Study(store, "studies/second", spec(seed=1))
    begin(second, task(rows=4.2))
    run(second, 3)
    assert first.best is not None
    assert [trial.parameters for trial in second.trials][:2] == [OWN, first.best.parameters]
    assert "studies/first gave" in str(second.warm_start)


def test_a_study_keeps_what_it_began_with(store: Store) -> None:
    told(store, lesson("studies/a"))
    study = Study(store, "studies/new", spec())
    begun = begin(study, task())
    run(study, 1)
    told(store, lesson("studies/b", {**GOOD, "x": 0.7}))
    again = Study(store, "studies/new", spec())
    assert begin(again, task()) == begun == again.warm_start
    run(again, 3)
    assert again.trials[1].parameters == GOOD


def test_a_study_that_began_cold_stays_so(store: Store) -> None:
    study = Study(store, "studies/new", spec())
    run(study, 1)
    told(store, lesson("studies/a"))
    begin(study, task())
    assert study.warm_start is None
    run(study, 4)
    assert GOOD not in [trial.parameters for trial in study.trials]


def test_what_is_unlike_is_left_out_and_why_is_said(store: Store) -> None:
    told(store, lesson("studies/far", rows=6.0), lesson("studies/other", metric="auc"))
    told(store, lesson("studies/else", task=task(trainer="trees 2")))
    found = chosen(store, task(), spec())
    assert found.start == []
    assert [(each.study, each.distance) for each in found.considered] == [("studies/far", 2.0)]
    assert str(found) == "no earlier study fits: the nearest, studies/far, is unlike: 2.00 away, above 0.3"
    assert str(chosen(store, task(trainer="trees 3"), spec())).startswith("no earlier study of this trainer")


def test_the_nearest_two_are_used_where_they_differ(store: Store) -> None:
    near = {**GOOD, "x": 0.12}
    third = {**GOOD, "x": 0.9, "y": 0.1}
    told(store, lesson("studies/a", rows=4.01), lesson("studies/b", near, rows=4.02))
    told(store, lesson("studies/c", near, third, rows=4.03), lesson("studies/d", rows=4.04))
    found = chosen(store, task(), spec())
    assert found.start == [GOOD, third]
    assert [bool(each.used) for each in found.considered] == [True, False, True, False]
    assert found.considered[1].why == "says what is tried already"


def test_a_lesson_holds_good_trials_that_differ(store: Store) -> None:
    study = Study(store, "studies/a", spec(start=[OWN] * 8))
    losses = [0.0, 0.01, 0.02, 0.1, 0.5, 0.6, 0.7, 0.8, 0.9]
    places = [0.1, 0.15, 0.9, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3]
    for loss, place in zip(losses, places, strict=True):
        trial = study.ask()
        assert trial is not None
        study.trials[trial.number] = trial = trial.model_copy(update={"parameters": {**GOOD, "x": place}})
        study.finish(trial, {"loss": loss}, seconds=1.0)
    assert Lesson.of(study, "studies/a", task()) is None
    trial = study.ask()
    assert trial is not None
    study.finish(trial, {"loss": 1.0}, seconds=1.0)
    found = Lesson.of(study, "studies/a", task())
    assert found is not None
    assert found.trials == 10
    kept = [(each.parameters["x"], round(each.score, 3)) for each in found.best]
    assert kept == [(0.1, 1.0), (0.9, round(1 - 0.02 / 0.55, 3)), (0.5, round(1 - 0.1 / 0.55, 3))]


def test_studies_may_end_at_a_time_and_again(store: Store) -> None:
    lessons = [lesson(f"studies/{number}", rows=4 + number / 100) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(Experience(store).add, lessons + lessons))
    found = Experience(store).of(task(), "loss")
    assert [each for _, each in found] == lessons


def test_an_unreadable_lesson_is_left_out_with_a_word(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told(store, lesson("studies/a"))
    path = next((tmp_path / "experience").rglob("*.json"))
    path.with_name("broken.json").write_text('{"study": 1')
    assert len(Experience(store).of(task(), "loss")) == 1
    assert "broken.json: the lesson is unreadable" in caplog.text


def test_another_space_takes_what_it_shares() -> None:
    space = Space({**SPACE, "depth": Integer(1, 4), "kind": Choice(["b", "c"])})
    assert adapted(GOOD, SPACE, space, {}) == GOOD
    with_new = Space({**SPACE, "rate": Uniform(0, 1)})
    assert adapted(GOOD, SPACE, with_new, {**OWN, "rate": 0.3}) == {**GOOD, "rate": 0.3}
    with pytest.raises(InvalidInputError, match="rate"):
        adapted(GOOD, SPACE, with_new, {})
    narrow = Space({**SPACE, "x": Uniform(0.5, 1), "y": Uniform(0, 0.5)})
    with pytest.raises(InvalidInputError, match="2 of 4 dimensions"):
        adapted(GOOD, SPACE, narrow, OWN)
    bound = Space(SPACE, {"bound": "x > 0.2"})
    with pytest.raises(InvalidInputError, match="breaks a constraint"):
        adapted(GOOD, SPACE, bound, OWN)


@pytest.mark.parametrize("searcher", ["grid", "random"])
def test_what_looks_at_no_result_takes_nothing_over(store: Store, searcher: str) -> None:
    told(store, lesson("studies/a"))
    found = chosen(store, task(), spec(searcher=searcher))
    assert (found.start, str(found)) == ([], f"the searcher {searcher} takes nothing over")


def test_what_does_not_fit_is_told(store: Store) -> None:
    told(store, lesson("studies/a"))
    found = chosen(store, task(), spec(space={**SPACE, "rate": Uniform(0, 1)}, start=[]))
    assert found.start == []
    assert "does not fit" in str(found.considered[0].why)
    assert WarmStart.model_validate_json(found.model_dump_json()) == found
