"""GBDT feature encoding: grow trees, keep their details, encode every row into leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.boosted import Boosted
from stagecraft.stages.labels import handed_on
from stagecraft.stages.raw_rows import RawRows

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Relation
    from stagecraft.transforms.chain import Chain
    from stagecraft.transforms.leaf_encode import LeafEncode


class GBDTEncode(Boosted):
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
    outputs = {"dataset": Kind.DATASET, "model": Kind.MODEL}

    output: str = "leaves"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.trees import tree_table
        from stagecraft.transforms.leaf_encode import LeafEncode

        dataset: Dataset = inputs["dataset"]
        check_output("gbdt_encode.output", dataset, self.output)
        grown = self.grow(bench, dataset)
        encoder, model = grown.encoder, drafts["model"]
        leaves = LeafEncode.of(tree_table(grown.booster), grown.columns, self.output)
        grown.keep(model)
        model.meta.update(handed_on(encoder))
        add_leaves(bench, drafts, grown.rows, encoder.chain, leaves, RawRows.kept_by(encoder))


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
