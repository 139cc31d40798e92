"""Small models that score, each committed under a fingerprint of one digit, and a table that serves three."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.serving.manifest import Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.table import ModelTable
from stagecraft.serving.traffic import Alias
from stagecraft.transforms.categorical import FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill

ROWS = pa.table({"wind": [number / 8 for number in range(64)], "origin": ["JFK", "LGA", "JFK", None] * 16})


def _commit(store: Store, digit: str) -> Model:
    encodings = [
        NumericEncoding(column="wind", maps=[FittedFill(value=2.0)]),
        SlotEncoding(columns=["origin"], output="origin", map=FittedIndex(vocabulary=["JFK"])),
    ]
    chain = Chain((Encode(encodings=encodings),))
    weights = np.linspace(-1, int(digit, 16), chain.layout.dimension).astype(np.float32)
    draft = store.draft(Kind.MODEL, digit * 32, lineage={"stage": "test"})
    scoring = chain.then(Linear.of(chain.layout, weights))
    fill_model(draft, scoring, ROWS.slice(0, 8), reference=ROWS, labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


@pytest.fixture(scope="session")
def commit() -> Any:
    return _commit


@pytest.fixture
def table(tmp_path: Path) -> ModelTable:
    """Versions 1, 2 and 3 of the model ``late``; the default is 3, and it was 2 before."""
    made = ModelTable(ManifestFile(tmp_path / "service"), Store(str(tmp_path / "store")))
    for digit in "123":
        model = _commit(made.loader.store, digit)
        artifact = Version(uri=model.uri, fingerprint=model.fingerprint)
        made.file.update(lambda m, digit=digit, artifact=artifact: m.deployed("late", digit, artifact))
    asyncio.run(made.refresh())
    return made


@pytest.fixture
def rule(table: ModelTable) -> Callable[..., None]:
    """Gives the default a rule, and has the table follow."""

    def change(**fields: Any) -> None:
        alias = Alias.model_validate({"version": "3", **fields})
        table.file.update(lambda manifest: manifest.with_alias("late", "default", alias))
        asyncio.run(table.refresh())

    return change
