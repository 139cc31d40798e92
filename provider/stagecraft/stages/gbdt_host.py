"""Growing trees in this process: on rows in memory, or read in batches."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import xgboost

from stagecraft.jobs.scratch import scratch_folder
from stagecraft.parameter_server.units import row_groups
from stagecraft.stages.boosting import BoostingParameters, boost
from stagecraft.transforms.leaf_encode import feature_matrix

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.gbdt_target import Target

IN_MEMORY = 1 << 26
"""Up to so many values (rows × columns) are read at once. Beyond, they are read a row group at a time, cut
into at most 256 bins a column, and kept in temporary files."""


def train_on_host(
    dataset: Dataset,
    columns: list[str],
    target: Target,
    parameters: BoostingParameters,
    on_round: Callable[[int, float], None],
) -> xgboost.Booster:
    """Grow trees with all cores of this machine.

    :param columns: the features' columns
    :param on_round: called after each round with its number from 1 and the training loss
    """
    classes = len(target.classes or ())
    if dataset.rows * len(columns) <= IN_MEMORY:
        rows = dataset.table(list(dict.fromkeys([*columns, *target.columns])))
        matrix = xgboost.DMatrix(
            feature_matrix(rows, columns), label=target.labels(rows), weight=target.weights(rows)
        )
        return boost(matrix, parameters, classes=classes, on_round=on_round)
    folder = scratch_folder("stagecraft-gbdt-")
    try:
        matrix = xgboost.ExtMemQuantileDMatrix(Batches(dataset, columns, target, f"{folder}/bins"))
        booster = boost(matrix, parameters, classes=classes, on_round=on_round)
        del matrix  # It removes its files, and complains where they are gone.
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return booster


class Batches(xgboost.DataIter):  # type: ignore[misc]
    """The rows of a dataset, a row group at a time, as often as XGBoost asks.

    :param cache: where XGBoost's temporary files begin their names
    """

    def __init__(self, dataset: Dataset, columns: list[str], target: Target, cache: str) -> None:
        self._dataset, self._columns, self._target = dataset, columns, target
        self._tables = self._read()
        super().__init__(cache_prefix=cache)

    def reset(self) -> None:
        self._tables = self._read()

    def next(self, input_data: Callable[..., Any]) -> bool:
        rows = next(self._tables, None)
        if rows is None:
            return False
        labels, weights = self._target.labels(rows), self._target.weights(rows)
        features = np.ascontiguousarray(feature_matrix(rows, self._columns))
        input_data(data=features, label=labels, weight=weights)
        return True

    def _read(self) -> Iterator[pa.Table]:
        store = self._dataset.store
        columns = list(dict.fromkeys([*self._columns, *self._target.columns]))
        for group in row_groups(self._dataset):
            with store.arrow_filesystem.open_input_file(store.strip(group.uri)) as source:
                yield pq.ParquetFile(source).read_row_group(group.group, columns=columns)
