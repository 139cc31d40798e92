"""A DAG whose mapped tasks are the trials of a random search, one of which fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pendulum
from airflow.sdk import dag, task

from stagecraft.tuning.mapping import best_of, mapped_trials
from stagecraft.tuning.space import Uniform
from stagecraft.tuning.spec import StudySpec

STUDY = StudySpec(space={"x": Uniform(0, 1)}, objectives={"loss": "minimize"}, searcher="random")
TRIALS = mapped_trials(STUDY, trials=4)


@dag(schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False)
def mapped_sweep() -> None:
    @task
    def train(trial: dict[str, Any]) -> dict[str, Any]:
        if trial["number"] == 1:
            raise ValueError("no such depth")
        return {**trial, "metrics": {"loss": (trial["parameters"]["x"] - 0.3) ** 2}}

    @task(trigger_rule="all_done")
    def best(ended: Iterable[dict[str, Any]]) -> dict[str, Any]:
        return best_of(STUDY, ended)

    best(train.expand(trial=TRIALS))  # type: ignore[arg-type]


mapped_sweep()
