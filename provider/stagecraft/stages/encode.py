"""Encoding: fitted on one dataset, applied to all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import fill_model
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.encodings import AnyStep, Hash, Index, NumericStep, Step
from stagecraft.stages.numeric_fit import fit_numeric
from stagecraft.stages.quoting import quoted
from stagecraft.transforms.types import check_categorical, check_numeric

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Relation
    from stagecraft.transforms.columns import FittedHash, FittedIndex
    from stagecraft.transforms.encode import Encode

GOLDEN_ROWS = 64


class Encoding(BaseModel):
    """Columns that are encoded alike, and the steps that do it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: list[str] = Field(min_length=1)
    steps: list[AnyStep] = Field(min_length=1)


def encodings(value: Any) -> Any:
    """Take ``{"a": Index(), ("b", "c"): Fill(0) | Standardize()}`` for a list of encodings."""
    if not isinstance(value, Mapping):
        return value
    return [
        {
            "columns": [columns] if isinstance(columns, str) else list(columns),
            "steps": [steps] if isinstance(steps, Step) else steps,
        }
        for columns, steps in value.items()
    ]


class EncodeColumns(Stage):
    """Numeric columns become float32, categorical ones slots; other columns pass through.

    Numeric: ``Fill``, ``Standardize``, in any order, chained with ``|``. Categorical: ``Index`` or ``Hash``.

    :param columns: column, or tuple of columns → steps
    """

    name = "encode"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET, "model": Kind.MODEL}

    columns: Annotated[list[Encoding], BeforeValidator(encodings), Field(min_length=1)]

    def model_post_init(self, _: Any) -> None:
        seen: set[str] = set()
        for encoding in self.columns:
            categorical = [step for step in encoding.steps if isinstance(step, Index | Hash)]
            if categorical and len(encoding.steps) > 1:
                raise ValueError(f"{encoding.columns}: {categorical[0]} stands alone")
            for column in encoding.columns:
                if column in seen:
                    raise ValueError(f"the column {column!r} is encoded twice")
                seen.add(column)

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.transforms.chain import Chain

        dataset: Dataset = inputs["dataset"]
        names = [column for encoding in self.columns for column in encoding.columns]
        dataset.require("encode.columns", *names)
        self._check_types(dataset)
        rows = bench.engine.scan(dataset)
        chain = Chain((self.fit(bench, rows),))
        bench.engine.write(bench.engine.map_batches(rows, chain), drafts["dataset"])
        order = ", ".join(map(quoted, names))
        golden = bench.engine.sql(f"SELECT {order} FROM rows ORDER BY {order} LIMIT {GOLDEN_ROWS}", rows=rows)
        fill_model(drafts["model"], chain, bench.engine.collect(golden))
        drafts["dataset"].meta["model"] = drafts["model"].reference.model_dump(mode="json")

    def fit(self, bench: Workbench, rows: Relation) -> Encode:
        """Fit all columns: one query a round of numeric steps, one a vocabulary."""
        from stagecraft.transforms.encode import CategoricalEncoding, Encode, NumericEncoding

        chains: dict[str, list[NumericStep]] = {}
        categorical: dict[str, FittedIndex | FittedHash] = {}
        for encoding in self.columns:
            step = encoding.steps[0]
            for column in encoding.columns:
                if isinstance(step, Index):
                    categorical[column] = step.fit(_counts(bench, rows, column))
                elif isinstance(step, Hash):
                    categorical[column] = step.fit(column)
                else:
                    chains[column] = [each for each in encoding.steps if isinstance(each, NumericStep)]
        numeric = fit_numeric(bench, rows, chains)
        return Encode.model_validate(
            {
                "numeric": [
                    NumericEncoding.model_validate({"column": c, "maps": m}) for c, m in numeric.items()
                ],
                "categorical": [CategoricalEncoding(column=c, map=m) for c, m in categorical.items()],
            }
        )

    def _check_types(self, dataset: Dataset) -> None:
        for encoding in self.columns:
            check = check_numeric if isinstance(encoding.steps[0], NumericStep) else check_categorical
            for column in encoding.columns:
                check(f"encode.columns.{column}", dataset.columns[column])


def _counts(bench: Workbench, rows: Relation, column: str) -> dict[str, int]:
    table = bench.engine.collect(
        bench.engine.sql(
            f"SELECT CAST({quoted(column)} AS VARCHAR) AS value, count(*) AS count FROM rows "
            f"WHERE {quoted(column)} IS NOT NULL GROUP BY 1",
            rows=rows,
        )
    )
    return dict(zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True))
