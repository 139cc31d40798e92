"""Whether a study with earlier ones' lessons needs fewer trials: held-out tasks of real tables."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from sweep_tables import NAMES, Rows, split, table
from sweep_trial import DEFAULTS, EFFORT, SPACE, Trainer

from stagecraft.artifacts.store import Store
from stagecraft.tuning.experience import Experience, Lesson, Task
from stagecraft.tuning.meta_features import meta_features
from stagecraft.tuning.searchers import SearcherName
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.warm_start import begin

ROWS, TRIALS, RANDOM = 4_000, 40, 30
CLOSED = 0.8
KDD = Path(__file__).parents[2] / "shared/data/kdd99/train.parquet"


class Held(NamedTuple):
    """A task that the store knew nothing of.

    :param source: the table that it was made from
    :param cold: trials until the gap was closed, from nothing; at most all
    :param warm: the same with the lessons of all other tasks
    :param afar: the same with the lessons of the other tables' tasks alone
    :param used: how many configurations the warm one began with
    :param gains: how much better than the cold one's the best was in the end, warm and afar
    """

    task: str
    source: str
    seed: int
    cold: int
    warm: int
    afar: int
    used: tuple[int, int]
    gains: tuple[float, float]


def tasks(folder: Path) -> Iterator[tuple[str, str, Rows]]:
    """Yield (task, table, rows): each table, other rows of it, half of its columns, and another label."""
    for name in [*NAMES, "kdd99"]:
        if name == "kdd99" and not KDD.exists():
            print(f"kdd99 is left out: there is no {KDD}")
            continue
        rows = _kdd() if name == "kdd99" else table(folder, name)
        features, label = rows
        other = max(range(features.shape[1]), key=lambda place: len(np.unique(features[:5_000, place])))
        above = features[:, other] > np.nanmedian(features[:, other])
        yield name, name, rows
        yield f"{name}, other rows", name, rows.at(np.flatnonzero(~above))
        yield f"{name}, half of the columns", name, Rows(features[:, ::2], label)
        yield f"{name}, another label", name, Rows(np.delete(features, other, 1), above.astype(np.float32))


def held_out(folder: Path, seeds: Sequence[int]) -> list[Held]:
    """Tune every task from nothing, then with the lessons of the others; each seed has its own lessons."""
    made = {}
    for name, source, rows in tasks(folder):
        parts = split(rows, 0, ROWS, ROWS)
        columns = dict(enumerate(parts.train.features.T))
        known = pa.table(
            {**{f"x{place}": column for place, column in columns.items()}, "y": parts.train.label}
        )
        made[name] = source, Trainer(parts), Task(trainer="xgboost", features=meta_features(known, "y"))
    found = []
    random = {name: _values(_study(trainer, "random", 0, RANDOM)) for name, (_, trainer, _) in made.items()}
    cold = {
        (name, seed): _study(trainer, "default", seed, TRIALS)
        for seed in seeds
        for name, (_, trainer, _) in made.items()
    }
    for name, (source, trainer, task) in made.items():
        runs = []
        for seed in seeds:
            lessons = {
                other: lesson
                for other, (_, _, theirs) in made.items()
                if other != name and (lesson := Lesson.of(cold[other, seed], other, theirs))
            }
            far = [lesson for other, lesson in lessons.items() if made[other][0] != source]
            begun = cold[name, seed]
            warm = [_warm(trainer, task, known, begun) for known in (list(lessons.values()), far)]
            runs.append([begun, *warm])
        best = max(max(_values(study)) for run in runs for study in run)
        median = statistics.median(random[name])
        goal = median + CLOSED * (best - median)
        for seed, run in zip(seeds, runs, strict=True):
            values = [_values(study) for study in run]
            needed = [next((n for n, value in enumerate(v, 1) if value >= goal), TRIALS) for v in values]
            used = [len(study.warm_start.start) if study.warm_start else 0 for study in run[1:]]
            gains = [max(each) - max(values[0]) for each in values[1:]]
            found.append(
                Held(name, source, seed, *needed, used=(used[0], used[1]), gains=(gains[0], gains[1]))
            )
    return found


def ratios(found: list[Held], place: int) -> tuple[float, float, str]:
    """Return warm trials for each cold one: of all tasks, of the worst task, and that one's name.

    :param place: 0 with the lessons of all other tasks, 1 with those of other tables alone
    """
    by_task: dict[str, list[Held]] = {}
    for each in found:
        by_task.setdefault(each.task, []).append(each)

    def ratio(runs: list[Held]) -> float:
        return sum((each.warm, each.afar)[place] for each in runs) / sum(each.cold for each in runs)

    worst = max(by_task, key=lambda name: ratio(by_task[name]))
    return ratio(found), ratio(by_task[worst]), worst


def _study(trainer: Trainer, searcher: SearcherName, seed: int, trials: int) -> Study:
    """Return a study that began with no lessons."""
    return _run(_opened(searcher, seed), trainer, trials)


def _warm(trainer: Trainer, task: Task, lessons: list[Lesson], cold: Study) -> Study:
    """Return a study that began with lessons, or the cold one where none of them is of use."""
    study = _opened("default", cold.spec.seed)
    for lesson in lessons:
        Experience(study.store).add(lesson)
    return _run(study, trainer, TRIALS) if begin(study, task).start else cold


def _opened(searcher: SearcherName, seed: int) -> Study:
    spec = StudySpec(
        space=dict(SPACE.dimensions),
        objectives={"auc": "maximize"},
        searcher=searcher,
        seed=seed,
        start=[] if searcher == "random" else [DEFAULTS],
        effort=EFFORT,
    )
    return Study(Store(tempfile.mkdtemp()), "studies/held-out", spec)


def _run(study: Study, trainer: Trainer, trials: int) -> Study:
    """Run trials in this process, and forget the store."""
    while (trial := study.ask(trials)) is not None:
        judged = trainer(trial.parameters, float("inf"))
        study.finish(trial, {"auc": judged.validation}, seconds=judged.cpu, cpu=judged.cpu)
    shutil.rmtree(study.store.root)
    return study


def _values(study: Study) -> list[float]:
    return [trial.metrics["auc"] for trial in study.trials]


def _kdd() -> Rows:
    """Normal connections against attacks."""
    import pandas as pd

    frame = pd.read_parquet(KDD)
    label = frame.pop("label").astype(str).str.strip(".").to_numpy() != "normal"
    columns = [
        column if pd.api.types.is_numeric_dtype(column) else column.astype("category").cat.codes
        for _, column in frame.items()
    ]
    return Rows(np.column_stack(columns).astype(np.float32), label.astype(np.float32))
