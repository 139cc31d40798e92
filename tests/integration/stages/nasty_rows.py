"""Rows with columns that are named like SQL, like ours, like each other's parts, each with what is hard."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa

from stagecraft.engines.types import canonical


def nasty(rows: int = 1200) -> pa.Table:
    rng = np.random.default_rng(5)
    mass = np.exp(rng.normal(0, 2, rows))
    mass[::7] = 0
    return pa.table(
        {
            "select": rng.integers(-(2**63), 2**63 - 1, rows),
            'a "b"': pa.array([["", "ü漢", "x'y", None][number % 4] for number in range(rows)]),
            "rows": pa.array(rng.choice(["", "ü", "x y"], rows, p=[0.6, 0.3, 0.1])),
            "c0": rng.integers(0, 2, rows),
            "hash": mass,
            "even": rng.uniform(0.5, 1.5, rows),
            "order": pa.nulls(rows, pa.float64()),
            "day": [datetime.date(1969, 12, 30) + datetime.timedelta(number % 400) for number in range(rows)],
            "customer": rng.integers(0, 300, rows),
            "float": np.where(rng.random(rows) < 0.5, -0.5, 3.0),
            "when": pa.array(rng.integers(0, 2, rows) * 10**15, pa.timestamp("us", "Asia/Tokyo")),
            "price": pa.array([decimal.Decimal(f"{number % 2}.10") for number in range(rows)]),
        }
    )


def listed(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as engines have them."""
    return table.cast(canonical(table.schema)).to_pylist()  # type: ignore[no-any-return]


def permuted(rows: pa.Table) -> pa.Table:
    return rows.take(np.random.default_rng(1).permutation(rows.num_rows))
