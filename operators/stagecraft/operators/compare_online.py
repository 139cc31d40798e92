"""Checks that a service answers what batch prediction said."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator
from airflow.sdk import XComArg

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.hooks.serving import ServingHook
from stagecraft.hooks.store import StoreHook
from stagecraft.operators.output import Output, open_reference
from stagecraft.serving.deployment import Deployment

if TYPE_CHECKING:
    import pyarrow as pa
    from airflow.sdk import Context


class CompareOnlineOperator(BaseOperator):
    """Sends every row of a dataset to a service and compares the answers with the batch predictions.

    Fails where a score differs by more than ``tolerance``, or where a row has no partner; the message names
    the worst row.

    >>> CompareOnlineOperator(
    ...     task_id="compare", deployment=live.deployment, predictions=predict.dataset, dataset=split.test,
    ...     key=["flight_id"],
    ... )  # doctest: +SKIP

    :param deployment: what a deploying task hands on; its version is asked, whatever the default is
    :param predictions: the batch predictions: the key columns and ``score``, or ``scores``
    :param dataset: the raw rows that were predicted
    :param key: columns that tell every row apart, in both datasets
    :param tolerance: the largest difference of two scores that passes
    :param batch_rows: rows a request
    :param conn_id: the service's connection, as the deploying task has it
    :param store_conn_id: connection of the artifact store
    """

    template_fields: Sequence[str] = ("deployment", "predictions", "dataset", "key", "tolerance")

    def __init__(
        self,
        *,
        deployment: XComArg | Mapping[str, Any],
        predictions: XComArg | Mapping[str, Any],
        dataset: XComArg | Mapping[str, Any],
        key: str | Sequence[str],
        tolerance: float = 1e-6,
        batch_rows: int = 1000,
        conn_id: str = ServingHook.default_conn_name,
        store_conn_id: str = StoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for field, value in (("predictions", predictions), ("dataset", dataset)):
            if isinstance(value, Output) and value.kind is not Kind.DATASET:
                where = f"task {self.task_id}: compare_online.{field}"
                raise InvalidInputError(where, f"{value!r} is wired here", "a dataset")
        self.deployment = deployment
        self.predictions = predictions
        self.dataset = dataset
        self.key = key
        self.tolerance = tolerance
        self.batch_rows = batch_rows
        self.conn_id = conn_id
        self.store_conn_id = store_conn_id

    def execute(self, context: Context) -> None:
        from stagecraft.serving.compare import compare
        from stagecraft.transforms.predictor import SCORE, SCORES

        where = f"task {self.task_id}: compare_online"
        store = StoreHook(self.store_conn_id).store()
        deployment = Deployment.of(f"{where}.deployment", self.deployment)
        hook = ServingHook(self.conn_id)
        hook.endpoint.check(f"{where}.conn_id", deployment)
        raw = open_reference(store, f"{where}.dataset", self.dataset, Kind.DATASET)
        batch = open_reference(store, f"{where}.predictions", self.predictions, Kind.DATASET)
        key = [self.key] if isinstance(self.key, str) else list(self.key)
        raw.require(f"{where}.key", *key)
        column = SCORES if SCORES in batch.columns else SCORE
        batch.require(f"{where}.predictions", *key, column)
        for dataset in (raw, batch):
            dataset.verify()
        begun = time.monotonic()
        rows = raw.table()
        online = rows.select(key).append_column(column, [self._ask(hook, deployment, rows, column)])
        seconds = time.monotonic() - begun
        found = compare(online, batch.table([*key, column]), key)
        self.log.info(
            "%d rows compared, the largest difference is %.3g; the service answered %d rows in %.1f s",
            found.rows,
            found.largest,
            rows.num_rows,
            seconds,
        )
        if fault := found.fault(float(self.tolerance)):
            raise AirflowFailException(f"Online and batch disagree: {fault}")

    def _ask(self, hook: ServingHook, deployment: Deployment, rows: pa.Table, column: str) -> pa.Array:
        import pyarrow as pa

        from stagecraft.serving.rows import json_columns, rows_of
        from stagecraft.transforms.predictor import score_type

        rows = rows.select(json_columns(rows.schema))
        scores: list[Any] = []
        for start in range(0, rows.num_rows, self.batch_rows):
            part = rows_of(rows.slice(start, self.batch_rows))
            answer = hook.predict(model=deployment.name, version=deployment.version, rows=part)
            scores += answer["scores"]
        return pa.array(scores, score_type(column))
