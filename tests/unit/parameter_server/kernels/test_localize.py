"""The distinct keys of a batch, against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.transforms.layout import CSR


def plain(csr: CSR, order: np.ndarray) -> tuple[list[int], list[int]]:
    places: dict[int, int] = {}
    local = []
    for row in order:
        for key in csr.indices[csr.indptr[row] : csr.indptr[row + 1]].tolist():
            local.append(places.setdefault(key, len(places)))
    return list(places), local


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("distinct", [3, 500, 200_000])
def test_equals_a_dictionary(kind, distinct):
    rng = np.random.default_rng(distinct)
    top = np.iinfo(kind).max
    indices = rng.integers(0, top, distinct, endpoint=True)[rng.integers(0, distinct, 60_000)].astype(kind)
    indices[:2] = 0, top
    indptr = np.sort(rng.integers(0, len(indices), 5001, endpoint=True))
    indptr[[0, -1]] = 0, len(indices)
    csr = CSR(indptr, indices, np.ones(len(indices), np.float32))
    for order in (rng.permutation(5000), np.array([4, 4, 4999]), np.array([0]), np.array([7])):
        keys, local = localize(csr, order)
        assert (keys.dtype, local.dtype) == (np.int64, np.int32)
        assert (keys.tolist(), local.tolist()) == plain(csr, order)


def test_no_rows_have_no_keys():
    csr = CSR(np.zeros(4, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    for order in (np.arange(3), np.arange(0)):
        assert [len(part) for part in localize(csr, order)] == [0, 0]
