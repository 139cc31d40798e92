"""Models are loaded once, freed when nobody holds them, and refused where memory lacks."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.serving.loader import Loader, TooLargeError, release, resident
from stagecraft.serving.manifest import Version
from stagecraft.serving.table import ModelTable
from stagecraft.transforms.categorical import FittedHash
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import SlotEncoding
from stagecraft.transforms.linear import Linear

LARGE = 128 << 20


def version(model: Model) -> Version:
    return Version(uri=model.uri, fingerprint=model.fingerprint)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model with few weights that are not zero: small in its files, a hundred times that in memory."""
    store = Store(str(tmp_path_factory.mktemp("large")))
    bits = 25
    encode = Encode(
        encodings=[
            SlotEncoding(columns=["id"], output="id", map=FittedHash(bits=bits, salt="id")),
        ]
    )
    chain = Chain((encode,))
    weights = np.zeros(chain.layout.dimension, dtype=np.float32)
    weights[:: 1 << 10] = 0.5  # One in each page, so that the memory is taken for real.
    draft = store.draft(Kind.MODEL, "b" * 32, lineage={"stage": "test"})
    rows = pa.table({"id": [f"id-{number}" for number in range(64)]})
    fill_model(draft, chain.then(Linear.of(chain.layout, weights)), rows, labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


def test_an_artifact_is_loaded_once_and_freed_when_nobody_holds_it(large: Model) -> None:
    loader = Loader(large.store)
    loader.load(version(large))  # The first load brings the compiled kernels with it.
    release()
    before = resident()
    predictor = loader.load(version(large))
    assert loader.load(version(large)) is predictor
    files = sum(entry.bytes for entry in large.manifest.files.values())
    assert files < LARGE / 50
    assert loader.size(large.fingerprint) > 0.9 * LARGE
    gone = weakref.ref(predictor)
    del predictor
    gc.collect()
    assert gone() is None
    release()
    assert resident() - before < LARGE / 8
    again = loader.load(version(large))
    assert again.schema.names == ["id"]


def test_what_is_too_large_is_refused_and_freed(large: Model) -> None:
    loader = Loader(large.store, max_memory=resident() + LARGE // 2)
    # Its files are small: only loading it tells.
    with pytest.raises(TooLargeError, match=r"more than the [\d,]+ that it may; what would do"):
        loader.load(version(large))
    gc.collect()
    release()
    held = resident()
    # It is known by now, so that it is not loaded again to be refused again.
    with pytest.raises(TooLargeError):
        loader.load(version(large))
    assert resident() - held < LARGE / 4


def test_files_that_are_too_large_are_not_even_read(large: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader(large.store, max_memory=1)
    monkeypatch.setattr(Model, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(TooLargeError):
        loader.load(version(large))


def test_one_that_is_too_large_never_replaces_a_good_one(table: ModelTable, commit: Any) -> None:
    table.loader.max_memory = 1
    model = commit(table.loader.store, "4")
    table.file.update(lambda manifest: manifest.deployed("late", "4", version(model)))
    asyncio.run(table.refresh())
    assert table.route("late").version == "3"
    assert "late 4" in str(table.error)
    assert "max_memory" in str(table.error)
