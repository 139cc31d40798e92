"""What an encoding does with columns of any names, and with those that it cannot encode."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Bin, Cross, Hash, Index, OneHot, TargetEncode
from stagecraft.transforms.categorical import FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import SlotEncoding


def chain(artifact: Artifact) -> Chain:
    assert isinstance(artifact, Model)
    return artifact.chain


def test_columns_named_as_our_own_change_nothing(bench: Workbench, commit_rows: Any) -> None:
    """The label's number and the folds have names that no column has."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    rows = pa.table(
        {"id": range(400), "x": x, "word": rng.choice(["a", "b", "c"], 400), "late": (x > 0.7).tolist()}
    )
    stage = EncodeColumns(
        columns={"x": Bin(count=2, by="label"), "word": TargetEncode(key=("id",))}, label="late"
    )
    plain = stage.run(bench, dataset=commit_rows(bench.store, "a1", rows))
    names = {"Number_Of_Label": rng.normal(size=400), "FOLD_0": ["?"] * 400, "__label": [0] * 400}
    more = rows
    for name, values in names.items():
        more = more.append_column(name, pa.array(values))
    found = stage.run(bench, dataset=commit_rows(bench.store, "a2", more))
    assert chain(found["model"]) == chain(plain["model"])
    encoded, expected = found["dataset"], plain["dataset"]
    assert isinstance(encoded, Dataset)
    assert isinstance(expected, Dataset)
    assert encoded.table().sort_by("id").drop_columns(list(names)).equals(expected.table().sort_by("id"))
    assert encoded.table().select(list(names)).num_columns == len(names)


def test_refuses(bench: Workbench, commit_rows: Any) -> None:
    dates = pa.array([-800_000, None, 2_932_896, 2_932_897], pa.date32())
    rows = pa.table(
        {"a": ["x", "y", "x", "z"], "none": pa.nulls(4, pa.string()), "day": dates, "late": [0, 1, 0, 1]}
    )
    dataset = commit_rows(bench.store, "b1", rows)
    refused: list[tuple[Any, str]] = [
        ({("a", "none"): OneHot()}, r"encode\.columns\.none: every value is missing"),
        ({"day": Index()}, r"encode\.columns\.day: 2 dates lie outside the years 1 to 9999"),
        ({Cross("a", "day"): Hash(bits=4)}, r"encode\.columns\.day: 2 dates lie outside"),
        ({("a", "late"): Hash(bits=62)}, r"encode\.columns\.a: .*would do: fewer bits"),
    ]
    for columns, message in refused:
        with pytest.raises(InvalidInputError, match=message):
            EncodeColumns(columns=columns).run(bench, dataset=dataset)
    kept = rows.set_column(2, "day", pa.array([datetime.date.min, None, None, datetime.date.max]))
    made = EncodeColumns(columns={"day": Index()}).run(bench, dataset=commit_rows(bench.store, "b2", kept))
    encode = chain(made["model"]).transforms[0]
    assert isinstance(encode, Encode)
    [index] = encode.encodings
    assert isinstance(index, SlotEncoding)
    assert isinstance(index.map, FittedIndex)
    assert index.map.vocabulary == ["0001-01-01", "9999-12-31"]
