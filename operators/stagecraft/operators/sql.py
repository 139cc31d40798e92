"""The SQL component: a query over datasets and files makes a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class SQLOperator(StageOperator):
    """Runs one SELECT over named inputs; the rows are its output ``dataset``.

    The query is written in DuckDB's dialect and runs on every engine; its tables are the names of ``inputs``.

    :param sql: the query, or the path of a ``.sql`` file; a template
    :param inputs: table name → the dataset of another task, or the URI of Parquet or CSV files

    >>> from airflow.sdk import DAG
    >>> with DAG("example"):
    ...     SQLOperator(task_id="rows", sql="SELECT * FROM raw", inputs={"raw": "/data/raw.parquet"}).dataset
    rows.dataset (dataset)
    """

    stage_address = "stagecraft.stages.sql:SQL"
    template_fields: Sequence[str] = ("sql", *StageOperator.template_fields)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql"}

    def __init__(self, *, sql: str, inputs: Mapping[str, Input | str], **kwargs: Any) -> None:
        self.sql = sql
        super().__init__(
            inputs={name: value for name, value in inputs.items() if not isinstance(value, str)},
            parameters={"files": {name: value for name, value in inputs.items() if isinstance(value, str)}},
            **kwargs,
        )

    def all_parameters(self) -> dict[str, Any]:
        return {**self.parameters, "query": self.sql}

    @property
    def dataset(self) -> Output:
        """The rows of the query."""
        return self.artifact("dataset")
