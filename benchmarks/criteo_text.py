"""Sparse rows as text: for Vowpal Wabbit, and for libsvm and libFM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.parameter_server.sparse import COLUMNS, csr_of
from stagecraft.transforms.sparse import VALUES


def write_vw(dataset: Dataset, path: str | Path, label: str = "click") -> None:
    """Write ``1 | 0 17 4534:0.5``: labels -1 and 1, a value where a column holds them.

    Feature 0 is the constant, so Vowpal Wabbit runs with ``--noconstant``.

    :param label: a column of 0 and 1
    """
    _write(dataset, path, label, negative="-1 |", positive="1 |", one="")


def write_libsvm(dataset: Dataset, path: str | Path, label: str = "click") -> None:
    """Write ``1 0:1 17:1 4534:0.5``: labels 0 and 1."""
    _write(dataset, path, label, negative="0", positive="1", one=":1")


def _write(dataset: Dataset, path: str | Path, label: str, *, negative: str, positive: str, one: str) -> None:
    """Write a line a row.

    :param one: what follows a feature's number where there is no column of values
    """
    columns = [name for name in (*COLUMNS, label) if name in dataset.columns]
    assert dataset.model is not None
    encoder = dataset.store.open(dataset.model)
    assert isinstance(encoder, Model)
    with open(path, "wb") as file:
        for uri in dataset.files:
            with dataset.store.arrow_filesystem.open_input_file(dataset.store.strip(uri)) as source:
                for batch in pq.ParquetFile(source).iter_batches(1 << 14, columns=columns):
                    csr = csr_of(pa.Table.from_batches([batch]), encoder.chain.layout)
                    tokens = pa.array(csr.indices).cast(pa.string())
                    if VALUES in columns:
                        values = pa.array(csr.values).cast(pa.string())
                        tokens = pc.binary_join_element_wise(tokens, values, ":")
                    elif one:
                        tokens = pc.binary_join_element_wise(tokens, one, "")
                    offsets = pa.array(csr.indptr.astype(np.int32))
                    features = pc.binary_join(pa.ListArray.from_arrays(offsets, tokens), " ")
                    labels = pc.if_else(pc.equal(batch.column(label), 1), positive, negative)
                    lines = pc.binary_join_element_wise(labels, features, " ")
                    lines = pc.binary_join_element_wise(lines, "", "\n")
                    content = lines.buffers()[2]
                    file.write(content)
