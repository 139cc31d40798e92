"""Exports of trained models into files of other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator
from airflow.sdk import XComArg

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.hooks.store import StoreHook
from stagecraft.operators.output import Output, open_reference

if TYPE_CHECKING:
    from airflow.sdk import Context

FORMATS = ("vw", "libfm", "libffm", "onnx")


class ExportModelOperator(BaseOperator):
    """Writes what a trained model predicts with into a file, and hands on the file's URI.

    :param model: a trained model
    :param format: ``vw`` (a line ``index:weight`` for each weight of a linear model, as ``vw
        --readable_model`` prints them), ``libfm`` (as libFM's ``-save_model``), ``libffm`` (a field-aware
        factorization machine as libffm's ``ffm-train`` writes it), or ``onnx`` (from the numbers and values
        of a row's features to its score)
    :param path: the file, anywhere that fsspec reaches with the options of the store's connection
    :param store_conn_id: connection of the artifact store
    """

    template_fields: Sequence[str] = ("model", "format", "path", "store_conn_id")

    def __init__(
        self,
        *,
        model: XComArg | Mapping[str, Any],
        format: str,
        path: str,
        store_conn_id: str = StoreHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = f"task {self.task_id}: export_model"
        if isinstance(model, Output) and model.kind is not Kind.MODEL:
            raise InvalidInputError(f"{where}.model", f"{model!r} is wired here", "a model")
        if format not in FORMATS and "{{" not in format:
            raise InvalidInputError(f"{where}.format", repr(format), f"one of {FORMATS}")
        self.model = model
        self.format = format
        self.path = path
        self.store_conn_id = store_conn_id

    def execute(self, context: Context) -> str:
        from stagecraft.exports.export import export_model

        store = StoreHook(self.store_conn_id).store()
        model = open_reference(store, f"task {self.task_id}: export_model.model", self.model, Kind.MODEL)
        options = {} if store.is_local else store.storage_options
        export_model(model, self.format, self.path, storage_options=options)  # type: ignore[arg-type]
        self.log.info("Wrote model %s as %s to %s", model.fingerprint, self.format, self.path)
        return self.path
