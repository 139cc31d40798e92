"""What the stages that grow trees have in common."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.gbdt_target import Target

if TYPE_CHECKING:
    import xgboost

    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Relation
    from stagecraft.transforms.chain import Chain

log = logging.getLogger(__name__)

BOOSTER_FILE = "booster.ubj"
HOST_BYTES = 12
"""What a value takes on one machine while trees are grown, about: itself as float32, its bin, its place."""


@dataclass(frozen=True)
class Grown:
    """Trees, and what they were grown on.

    :param encoder: what made the rows
    :param columns: the features' columns
    :param trainer: who grew them: ``host`` or ``spark``
    """

    encoder: Model
    rows: Relation
    columns: list[str]
    target: Target
    trainer: str
    booster: xgboost.Booster

    def keep(self, model: Draft) -> None:
        """Write the booster in XGBoost's own format, and who grew it."""
        model.write(BOOSTER_FILE, bytes(self.booster.save_raw("ubj")))
        model.meta["trainer"] = self.trainer


class Boosted(Stage):
    """Trains XGBoost on encoded columns.

    :param label: the label's column: of two values, of several, or a number, as ``boosting.objective`` says
    :param weight: the rows' weights, or None
    :param boosting: how the trees are grown
    :param trainer: where trees are grown: ``host`` (this machine), ``spark`` (``xgboost.spark`` on the
        engine's Spark, whose trees differ a little from a host's; not through Spark Connect), or ``auto``:
        the host, unless the engine is such a Spark and the rows do not fit this machine's memory. The log
        and the model's ``meta`` tell which it was
    """

    inputs = {"dataset": Kind.DATASET}

    label: str
    weight: str | None = None
    boosting: BoostingParameters = Field(default_factory=BoostingParameters)
    trainer: Literal["auto", "host", "spark"] = "auto"

    def grow(self, bench: Workbench, dataset: Dataset) -> Grown:
        """Check the rows, and grow the trees."""
        if dataset.model is None:
            raise InvalidInputError(
                f"{self.name}.dataset", "the rows are not encoded", "the output of an encode stage"
            )
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        columns = self._features(encoder.chain)
        self._check_passed_by("label", self.label, columns)
        self._check_passed_by("weight", self.weight, columns)
        dataset.require(f"{self.name}.dataset", *columns)
        dataset.require(f"{self.name}.label", self.label)
        dataset.require(f"{self.name}.weight", *([self.weight] if self.weight else []))
        rows = bench.engine.scan(dataset)
        trainer = self._trainer(bench, dataset, rows, len(columns))
        target = Target.fit(bench.engine, rows, self.label, self.weight, self.boosting.objective, self.name)
        booster = self._train(trainer, bench, dataset, rows, columns, target)
        return Grown(encoder, rows, columns, target, trainer, booster)

    def _trainer(
        self, bench: Workbench, dataset: Dataset, rows: Relation, columns: int
    ) -> Literal["host", "spark"]:
        from stagecraft.engines.choose import usable_memory
        from stagecraft.stages.gbdt_spark import is_remote

        engine = bench.engine.name
        place = "Spark Connect" if engine == "spark" and is_remote(rows) else f"the engine {engine}"
        if self.trainer == "spark" and place != "the engine spark":
            raise InvalidInputError(
                f"{self.name}.trainer",
                f"'spark' on {place}",
                'engine="spark" with a master such as spark://… or yarn, or trainer="host"',
            )
        if self.trainer != "auto":
            return self.trainer
        needed, memory = dataset.rows * columns * HOST_BYTES, usable_memory()
        trainer: Literal["host", "spark"] = (
            "spark" if place == "the engine spark" and needed > memory else "host"
        )
        log.info(
            "Trees are grown on %s: %s, and the values take about %d of this machine's %d MiB",
            *(trainer, place, needed >> 20, memory >> 20),
        )
        return trainer

    def _train(
        self,
        trainer: Literal["host", "spark"],
        bench: Workbench,
        dataset: Dataset,
        rows: Relation,
        columns: list[str],
        target: Target,
    ) -> xgboost.Booster:
        if trainer == "spark":
            from stagecraft.stages.gbdt_spark import train_on_spark

            return train_on_spark(bench.engine, rows, columns, target, self.boosting)
        from stagecraft.stages.gbdt_host import train_on_host

        def on_round(number: int, loss: float) -> None:
            bench.tracker.log(number, loss=loss, progress=number / self.boosting.rounds)

        return train_on_host(dataset, columns, target, self.boosting, on_round)

    def _features(self, encoder: Chain) -> list[str]:
        """The encoded columns, each a feature of the trees.

        :raises InvalidInputError: a column holds lists
        """
        for block in encoder.layout.blocks:
            if block.kind == "leaves":
                raise InvalidInputError(
                    f"{self.name}.dataset",
                    f"the column {block.column!r} holds lists, which trees do not split",
                    "rows that are encoded into one number a column",
                )
        return encoder.layout.columns

    def _check_passed_by(self, field: str, column: str | None, features: list[str]) -> None:
        """Refuse a label or weight that the trees would see as a feature.

        :raises InvalidInputError: names the column
        """
        if column is not None and column.lower() in (name.lower() for name in features):
            raise InvalidInputError(
                f"{self.name}.{field}",
                f"the column {column!r} is encoded, so the trees would see it as a feature",
                "an encoding that lets it pass, or label= of the encode stage",
            )
