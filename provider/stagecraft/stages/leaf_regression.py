"""The trainer of a sweep that tunes trees and the linear model over their leaves, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.trainer import Trainer, judged_on
from stagecraft.tuning.space import Parameters, Space

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.base import Workbench
    from stagecraft.stages.leaf_trial import LeafTrial

GROUPS: dict[str, type[BaseModel]] = {"boosting": BoostingParameters, "optimizer": FTRL}
FIXED = {"boosting.objective", "boosting.seed", "optimizer.type"}
TUNABLE = [
    name
    for group, model in GROUPS.items()
    for field in model.model_fields
    if (name := f"{group}.{field}") not in FIXED
]
METRICS = ("log_loss", "auc", "ks", "brier", "average_precision")


class LeafRegression(Trainer):
    """Grows trees on encoded rows, and fits the FTRL logistic regression over columns and leaves.

    All of it in the trial's memory: trials of some tenths of a second. The sweep's ``train`` is the dataset
    of an encode stage, ``validation`` raw rows. The space's parameters are those of ``boosting`` and of
    ``optimizer``: ``boosting.rounds``, ``optimizer.alpha`` …

    :param label: the label's column, of two values
    :param weight: the column of the training rows' weights, or None; in the last training, validation rows
        that have no such column weigh 1
    :param boosting: how trees are grown, where the space does not say; tried first, where it lies in it
    :param optimizer: the linear model's optimizer, likewise
    :param epochs: passes of the linear model over the training rows
    :param max_rows: at most so many rows of each dataset are used, evenly spaced
    :param seed: decides the order of the rows

    >>> LeafRegression(label="late", boosting={"rounds": 20}).boosting.rounds
    20
    """

    type: Literal["leaf_regression"] = "leaf_regression"
    label: str = Field(min_length=1)
    weight: str | None = None
    boosting: BoostingParameters = BoostingParameters()
    optimizer: FTRL = FTRL()
    epochs: int = Field(default=2, ge=1, le=1000)
    max_rows: int = Field(default=100_000, ge=100)
    seed: int = Field(default=0, ge=0, lt=2**32)

    def check(self, space: Space, metric: str) -> None:
        if metric not in METRICS:
            raise InvalidInputError("sweep.metric", repr(metric), f"one of {', '.join(METRICS)}")
        for name, dimension in space.dimensions.items():
            if name not in TUNABLE:
                raise InvalidInputError(
                    "sweep.space", f"no parameter {name!r} to tune", f"known are {', '.join(TUNABLE)}"
                )
            for value in dimension.probes():
                _check_value(name, value)

    def own(self) -> Mapping[str, Any]:
        return {
            f"{group}.{field}": value
            for group in GROUPS
            for field, value in getattr(self, group).model_dump().items()
        }

    def effort(self, space: Space) -> str | None:
        """What the trees of a trial cost."""
        always = [name for name, dimension in space.dimensions.items() if not dimension.when]
        return " * ".join(name for name in ("boosting.rounds", "boosting.depth") if name in always) or None

    def settled(self, parameters: Parameters) -> tuple[BoostingParameters, FTRL]:
        """Return what a trial trains with: its parameters, and the trainer's own for the rest."""
        groups: dict[str, dict[str, Any]] = {
            "boosting": self.boosting.model_dump(),
            "optimizer": self.optimizer.model_dump(),
        }
        for name, value in parameters.items():
            group, _, field = name.partition(".")
            groups[group][field] = value
        return BoostingParameters(**groups["boosting"]), FTRL(**groups["optimizer"])

    def chosen(self, parameters: Parameters) -> dict[str, Any]:
        boosting, optimizer = self.settled(parameters)
        return {
            "boosting": boosting.model_dump(mode="json"),
            "optimizer": optimizer.model_dump(mode="json"),
        }

    def fill(self) -> dict[str, float]:
        return {self.weight: 1.0} if self.weight else {}

    def prepare(self, bench: Workbench, datasets: Mapping[str, Dataset], metric: str) -> LeafTrial:
        from stagecraft.stages.leaf_trial import LeafTrial

        train = datasets["train"]
        if train.model is None:
            raise InvalidInputError(
                "sweep.train", "the rows are not encoded", "the dataset of an encode stage"
            )
        encoder = bench.store.open(train.model)
        assert isinstance(encoder, Model)
        return LeafTrial.of(self, train, judged_on(datasets), encoder)


def _check_value(name: str, value: Any) -> None:
    """Refuse a value that the parameter does not take."""
    group, _, field = name.partition(".")
    try:
        GROUPS[group](**{field: value})
    except ValidationError as error:
        found = f"{name} does not take {value!r}"
        raise InvalidInputError("sweep.space", found, error.errors()[0]["msg"]) from None
