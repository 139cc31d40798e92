"""Numeric chains are fitted to the same numbers by every engine: to those of numpy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.dataset import Dataset
from stagecraft.stages import quantiles
from stagecraft.stages.base import Workbench
from stagecraft.stages.numeric_fit import fit_numeric
from stagecraft.stages.numeric_statistics import rounded
from stagecraft.stages.numeric_steps import Bin, Clip, Fill, Log, MinMax, Robust, Standardize
from stagecraft.stages.quantiles import exact_quantiles
from stagecraft.transforms.numeric import (
    FittedBin,
    FittedClip,
    FittedFill,
    FittedLog,
    FittedScale,
    NumericMap,
)

ROWS = 12_000


def _columns() -> dict[str, pa.Array]:
    random = np.random.default_rng(5)
    normal = random.normal(1e6, 1, ROWS)
    return {
        "select": pa.array(
            np.where(random.random(ROWS) < 0.1, np.nan, normal), mask=random.random(ROWS) < 0.1
        ),
        'a "b" c.d': pa.array(
            random.integers(-2, 3, ROWS).astype(np.float32), mask=random.random(ROWS) < 0.3
        ),
        "big": pa.array(random.integers(-(2**62), 2**62, ROWS)),
        "bool": pa.array(random.random(ROWS) < 0.7),
        "infinite": pa.array(np.where(random.random(ROWS) < 0.1, math.inf, random.normal(size=ROWS))),
        "zeros": pa.array(np.where(random.random(ROWS) < 0.8, -0.0, random.exponential(size=ROWS))),
        "digits": pa.array(random.integers(0, 40, ROWS).astype(np.int32)),
        "none": pa.nulls(ROWS, pa.float64()),
        "y": pa.array(random.normal(size=ROWS)),
    }


def test_fits_are_those_of_numpy(
    bench: Workbench, commit_rows: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = _columns()
    columns["y"] = pa.array(columns["y"].to_numpy() * 0.01 + (columns["zeros"].to_numpy() > 0))
    rows = bench.engine.scan(commit_rows(bench.store, "rows", pa.table(columns)))
    present = {
        name: column.cast(pa.float64(), safe=False).drop_null().to_numpy() for name, column in columns.items()
    }
    present = {name: np.sort(values[~np.isnan(values)]) for name, values in present.items()}

    select = present["select"]
    missing = ROWS - len(select)
    filled = np.concatenate([select, np.full(missing, np.median(select))])
    expected: dict[str, list[NumericMap]] = {
        "select": [
            FittedFill(value=float(np.median(select))),
            FittedScale(shift=rounded(filled.mean(), filled.std()), scale=rounded(filled.std())),
        ]
    }
    small = present['a "b" c.d']
    values, counts = np.unique(small, return_counts=True)
    mode = float(values[counts.argmax()])
    logs = np.log(np.concatenate([small, np.full(ROWS - len(small), mode)]) + 3)
    expected['a "b" c.d'] = [
        FittedFill(value=mode),
        FittedLog(offset=3, low=-2),
        FittedScale(shift=rounded(logs.mean(), logs.std()), scale=rounded(logs.std())),
    ]
    big = present["big"]
    expected["big"] = [
        FittedScale(shift=big.min(), scale=big.max() - big.min()),
        FittedBin(edges=[float(np.quantile((big - big.min()) / np.ptp(big), 0.5))]),
    ]
    expected["bool"] = [
        FittedScale(
            shift=rounded(present["bool"].mean(), present["bool"].std()), scale=rounded(present["bool"].std())
        )
    ]
    low, high = np.quantile(present["infinite"], [0.1, 0.8])
    clipped = np.quantile(np.clip(present["infinite"], low, high), [0.25, 0.5, 0.75])
    expected["infinite"] = [
        FittedClip(low=low, high=high),
        FittedScale(shift=clipped[1], scale=clipped[2] - clipped[0]),
    ]
    expected["digits"] = [FittedBin(edges=[float(edge) for edge in np.arange(1, 13) * 3])]
    expected["none"] = [FittedFill(value=2), FittedScale(shift=2, scale=1)]
    positive = present["zeros"][present["zeros"] > 0]
    expected["zeros"] = [FittedBin(edges=[float(positive.min())])]

    monkeypatch.setattr(quantiles, "SAMPLE", 2000)
    found = fit_numeric(
        bench,
        rows,
        {
            "select": [Fill("median"), Standardize()],
            'a "b" c.d': [Fill("most_frequent"), Log(3), Standardize()],
            "big": [MinMax(), Bin(count=2)],
            "bool": [Standardize()],
            "infinite": [Clip(quantiles=(0.1, 0.8)), Robust()],
            "digits": [Bin(count=13, by="width")],
            "none": [Fill(2), Standardize()],
            "zeros": [Bin(count=2, by="label")],
        },
        label="y",
    )
    assert found == expected

    many = [place / 40 for place in range(41)]
    exact = exact_quantiles(bench.engine, rows, {"few": ("zeros", [0.9]), "many": ("zeros", many)})
    assert exact == {
        "few": [float(np.quantile(present["zeros"], 0.9))],
        "many": [float(value) for value in np.quantile(present["zeros"], many)],
    }
