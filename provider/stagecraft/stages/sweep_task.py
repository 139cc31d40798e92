"""What the lessons of other sweeps are looked for by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.artifacts.fingerprint import fingerprint
from stagecraft.stages.spaced_rows import spaced_rows
from stagecraft.tuning.experience import Task
from stagecraft.tuning.meta_features import ROWS, meta_features

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.trainer import Trainer

DATA = ("label", "weight")
"""What a trainer says of the data, not of itself."""


def task_of(trainer: Trainer, version: int, train: Dataset) -> Task:
    """Return what a sweep tunes, and for what kind of data.

    :param version: of the sweep's stage
    """
    tuned = trainer.model_dump(mode="json", exclude=set(DATA))
    label, weight = (getattr(trainer, name, None) for name in DATA)
    columns = [name for name in train.columns if name != weight]
    rows = spaced_rows(train, columns, ROWS)
    return Task(
        trainer=f"{tuned['type']} {fingerprint('trainer', version, tuned, {})}",
        features=meta_features(rows, label if label in columns else None, train.rows),
    )
