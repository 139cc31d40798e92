"""Trials as mapped tasks of a DAG: the parameter sets before, and the best one after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.tuning.searchers import make_searcher
from stagecraft.tuning.space import Space
from stagecraft.tuning.spec import StudySpec

INDEPENDENT = ("grid", "random")
AT_MOST = 1024
"""Airflow's own limit of mapped tasks, unless ``max_map_length`` says otherwise."""


def mapped_trials(study: StudySpec, trials: int | None = None) -> list[dict[str, Any]]:
    """Return a study's trials to map a task over: ``number`` and ``parameters`` of each.

    They are those of a sweep by the same study. Only ``grid`` and ``random`` decide them without results.

    :param trials: how many; the whole grid where None
    :raises InvalidInputError: the searcher learns from results, or there are more trials than can be mapped

    >>> from stagecraft.tuning.space import Integer
    >>> space = {"depth": Integer(2, 3)}
    >>> spec = StudySpec(space=space, objectives={"auc": "maximize"}, searcher="grid")
    >>> mapped_trials(spec)
    [{'number': 0, 'parameters': {'depth': 2}}, {'number': 1, 'parameters': {'depth': 3}}]
    """
    if study.searcher not in INDEPENDENT or study.rounds is not None or study.population is not None:
        found = f"{study.searcher!r}, rounds or a population learn from the trials before"
        raise InvalidInputError("study.searcher", found, "'grid' or 'random', or a RayTuneSweepOperator")
    space = Space(study.space, study.constraints)
    searcher = make_searcher(study.searcher, space, study.seed, study.start)
    bounds = [bound for bound in (trials, searcher.limit) if bound is not None]
    count = min(bounds, default=0)
    if not 0 < count <= AT_MOST:
        found = f"{trials} trials of {searcher.limit or 'any number'}"
        raise InvalidInputError("study.trials", found, f"1 to {AT_MOST}")
    chosen: list[dict[str, Any]] = []
    for number in range(count):
        parameters = searcher.ask(number, [each["parameters"] for each in chosen])
        chosen.append({"number": number, "parameters": parameters})
    return chosen


def best_of(study: StudySpec, ended: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return the best of mapped trials by the study's first objective; the earlier one of equals.

    :param ended: of each trial what :func:`mapped_trials` said, with its ``metrics`` beside. One that failed
        is missing or None; a metric that is missing or no number counts as a failure
    :raises JobFailedError: no trial has a finite metric

    >>> from stagecraft.tuning.space import Integer
    >>> space = {"depth": Integer(2, 3)}
    >>> spec = StudySpec(space=space, objectives={"auc": "maximize"}, searcher="grid")
    >>> ended = [{**trial, "metrics": {"auc": 1 / trial["number"]}} for trial in mapped_trials(spec)[1:]]
    >>> best_of(spec, ended)["parameters"]
    {'depth': 3}
    """
    judged = [dict(trial) for trial in ended if trial is not None and _finite(trial, study)]
    if not judged:
        raise JobFailedError(f"no mapped trial returned a finite {', '.join(study.objectives)}")
    return min(judged, key=lambda trial: (study.losses(trial["metrics"]), trial["number"]))


def _finite(trial: Mapping[str, Any], study: StudySpec) -> bool:
    values = [trial.get("metrics", {}).get(name) for name in study.objectives]
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)
