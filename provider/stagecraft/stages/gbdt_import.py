"""Leaves of trees that were trained elsewhere: XGBoost's and LightGBM's model files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.gbdt_encode import add_leaves, check_output
from stagecraft.stages.imported import Imported
from stagecraft.stages.labels import handed_on
from stagecraft.stages.raw_rows import RawRows
from stagecraft.transforms.types import check_numeric

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.store import Draft

WHERE = "gbdt_import.booster"


class GBDTImport(Imported):
    """Adds the leaves of a trained model's trees, as :class:`~stagecraft.stages.gbdt_encode.GBDTEncode` does.

    The rows may be raw, or encoded by the columns that the model was trained on. An XGBoost model gives
    exactly the leaves of its ``predict(pred_leaf=True)``: values are rounded to float32. A LightGBM model
    gives LightGBM's own, on float64. All trees of the file are taken.

    :param booster: URI of the model file: XGBoost's JSON or UBJSON, or LightGBM's text. Its content, not its
        place, decides the result
    :param columns: the columns that are the model's features, in its order; None: the features' names in the
        file are columns
    :param output: the name of the list column to add

    >>> GBDTImport(booster="s3://models/clicks.ubj").output
    'leaves'
    """

    name = "gbdt_import"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET, "model": Kind.MODEL}
    file: ClassVar[str] = "booster"

    booster: str = Field(min_length=1)
    columns: list[str] | None = None
    output: str = "leaves"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.transforms.chain import Chain
        from stagecraft.transforms.leaf_encode import LeafEncode

        dataset: Dataset = inputs["dataset"]
        content = self.content(drafts["model"], dataset)
        kind, names, trees = read_trees(content)
        columns = self._columns(dataset, names)
        check_output("gbdt_import.output", dataset, self.output)
        leaves = LeafEncode.of(trees, columns, self.output)
        rows = bench.engine.scan(dataset)
        if dataset.model is None:
            chain, raw = Chain(()), RawRows.of(dataset, columns)
        else:
            encoder = bench.store.open(dataset.model)
            assert isinstance(encoder, Model)
            chain, raw = encoder.chain, RawRows.kept_by(encoder)
            drafts["model"].meta.update(handed_on(encoder))
            for column in columns:
                if column not in chain.layout.columns:
                    raise InvalidInputError(
                        "gbdt_import.columns",
                        f"the column {column!r} passed the encoding by, so a model would not know it",
                        f"one of the encoded columns {chain.layout.columns}, or raw rows",
                    )
        drafts["model"].write(f"booster.{kind}", content)
        add_leaves(bench, drafts, rows, chain, leaves, raw)

    def _columns(self, dataset: Dataset, names: list[str]) -> list[str]:
        """The features' columns, each of numbers."""
        columns = self.columns if self.columns is not None else names
        if len(columns) != len(names):
            raise InvalidInputError(
                "gbdt_import.columns",
                f"{len(columns)} columns",
                f"as many as it has features: {len(names)}",
            )
        where = "gbdt_import.columns" if self.columns else WHERE
        for column in columns:
            if column not in dataset.columns:
                raise InvalidInputError(
                    where,
                    f"the dataset has no column {column!r}, which is a feature of the model",
                    f"columns=[…], the model's {len(names)} features in its order",
                )
            check_numeric(f"{where}.{column}", dataset.columns[column])
        return columns


def read_trees(content: bytes) -> tuple[str, list[str], pa.Table]:
    """Return a model's kind (``ubj``, ``json``, ``txt``), its features' names, and its trees' details.

    :param content: XGBoost's UBJSON or JSON, or LightGBM's text
    :raises InvalidInputError: it is none of these, or has trees that cannot be read
    """
    if content.startswith(b"tree\n"):
        from stagecraft.stages import lightgbm_text

        text = content.decode()
        return "txt", lightgbm_text.feature_names(text), lightgbm_text.tree_table(text, WHERE)
    import xgboost

    from stagecraft.stages.trees import tree_table

    try:
        booster = xgboost.Booster(model_file=bytearray(content))
    except xgboost.core.XGBoostError as error:
        raise InvalidInputError(
            WHERE,
            f"it is no model that XGBoost reads ({str(error).splitlines()[-1]})",
            "XGBoost's .json or .ubj, or LightGBM's text",
        ) from error
    names = booster.feature_names or [f"f{number}" for number in range(booster.num_features())]
    kind = "json" if content[1:2] in (b'"', b"\n", b" ") else "ubj"
    return kind, list(names), tree_table(booster, WHERE)
