"""GBDT feature encoding: grow trees, keep their details, encode every row into leaves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.gbdt_target import Target
from stagecraft.stages.labels import handed_on
from stagecraft.stages.raw_rows import RawRows

if TYPE_CHECKING:
    import xgboost

    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Relation
    from stagecraft.transforms.chain import Chain
    from stagecraft.transforms.leaf_encode import LeafEncode

log = logging.getLogger(__name__)

BOOSTER_FILE = "booster.ubj"
HOST_BYTES = 12
"""What a value takes on one machine while trees are grown, about: itself as float32, its bin, its place."""


class GBDTEncode(Stage):
    """Trains XGBoost on encoded columns and adds, for each tree, the leaf that a row falls into.

    The model keeps the booster in XGBoost's own format (``booster.ubj``), and the trees' details as a table
    (``…-leaf_encode/trees.parquet``, see :data:`stagecraft.stages.trees.COLUMNS`).

    :param label: the label's column: of two values, of several, or a number, as ``boosting.objective`` says
    :param weight: the rows' weights, or None
    :param boosting: how the trees are grown
    :param output: the name of the list column to add
    :param trainer: where trees are grown: ``host`` (this machine), ``spark`` (``xgboost.spark`` on the
        engine's Spark, whose trees differ a little from a host's; not through Spark Connect), or ``auto``:
        the host, unless the engine is such a Spark and the rows do not fit this machine's memory. The log
        and the model's ``meta`` tell which it was

    >>> GBDTEncode(label="late", boosting={"rounds": 60, "depth": 5}).boosting.rounds
    60
    """

    name = "gbdt_encode"
    version = 2
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET, "model": Kind.MODEL}

    label: str
    weight: str | None = None
    boosting: BoostingParameters = Field(default_factory=BoostingParameters)
    output: str = "leaves"
    trainer: Literal["auto", "host", "spark"] = "auto"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.trees import tree_table
        from stagecraft.transforms.leaf_encode import LeafEncode

        dataset: Dataset = inputs["dataset"]
        if dataset.model is None:
            raise InvalidInputError(
                "gbdt_encode.dataset", "the rows are not encoded", "the output of an encode stage"
            )
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        columns = _features(encoder.chain)
        _check_passed_by("label", self.label, columns)
        _check_passed_by("weight", self.weight, columns)
        dataset.require("gbdt_encode.dataset", *columns)
        dataset.require("gbdt_encode.label", self.label)
        dataset.require("gbdt_encode.weight", *([self.weight] if self.weight else []))
        check_output("gbdt_encode.output", dataset, self.output)
        rows = bench.engine.scan(dataset)
        trainer = self._trainer(bench, dataset, rows, len(columns))

        target = Target.fit(bench.engine, rows, self.label, self.weight, self.boosting.objective)
        booster = self._train(trainer, bench, dataset, rows, columns, target)
        leaves = LeafEncode.of(tree_table(booster), columns, self.output)
        drafts["model"].write(BOOSTER_FILE, bytes(booster.save_raw("ubj")))
        drafts["model"].meta.update(handed_on(encoder), trainer=trainer)
        add_leaves(bench, drafts, rows, encoder.chain, leaves, RawRows.kept_by(encoder))

    def _trainer(
        self, bench: Workbench, dataset: Dataset, rows: Relation, columns: int
    ) -> Literal["host", "spark"]:
        from stagecraft.engines.choose import usable_memory
        from stagecraft.stages.gbdt_spark import is_remote

        engine = bench.engine.name
        place = "Spark Connect" if engine == "spark" and is_remote(rows) else f"the engine {engine}"
        if self.trainer == "spark" and place != "the engine spark":
            raise InvalidInputError(
                "gbdt_encode.trainer",
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


def check_output(where: str, dataset: Dataset, output: str) -> None:
    """Refuse a name that a column of the rows has, before anything is trained.

    :raises InvalidInputError: names the column
    """
    if output.lower() in (name.lower() for name in dataset.columns):
        raise InvalidInputError(where, f"the rows already have a column {output!r}", "another name")


def add_leaves(
    bench: Workbench,
    drafts: dict[str, Draft],
    rows: Relation,
    encoder: Chain,
    leaves: LeafEncode,
    raw: RawRows,
) -> None:
    """Write the rows with their leaves, and the model that made them.

    :param encoder: what made ``rows`` from raw ones
    :param raw: what the model keeps
    """
    bench.engine.write(bench.engine.map_batches(rows, leaves), drafts["dataset"])
    fill_model(drafts["model"], encoder.then(leaves), raw.golden, reference=raw.reference)
    drafts["dataset"].meta["model"] = drafts["model"].reference.model_dump(mode="json")


def _features(encoder: Chain) -> list[str]:
    """The encoded columns, each a feature of the trees.

    :raises InvalidInputError: a column holds lists
    """
    for block in encoder.layout.blocks:
        if block.kind == "leaves":
            raise InvalidInputError(
                "gbdt_encode.dataset",
                f"the column {block.column!r} holds lists, which trees do not split",
                "rows that are encoded into one number a column",
            )
    return encoder.layout.columns


def _check_passed_by(field: str, column: str | None, features: list[str]) -> None:
    """Refuse a label or weight that the trees would see as a feature.

    :raises InvalidInputError: names the column
    """
    if column is not None and column.lower() in (name.lower() for name in features):
        raise InvalidInputError(
            f"gbdt_encode.{field}",
            f"the column {column!r} is encoded, so the trees would see it as a feature",
            "an encoding that lets it pass, or label= of the encode stage",
        )
