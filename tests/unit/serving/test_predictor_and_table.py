from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.serving.manifest import UnknownModelError, Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.serving.table import ModelTable, NotLoadedError
from stagecraft.transforms.categorical import FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill

ROWS = pa.table({"wind": [1.0, None, 3.0], "origin": ["JFK", "XYZ", None], "id": [1, 2, 3]})
CHAIN = Chain(
    (
        Encode(
            encodings=[
                NumericEncoding(column="wind", maps=[FittedFill(value=2.0)]),
                SlotEncoding(columns=["origin"], output="origin", map=FittedIndex(vocabulary=["JFK"])),
            ],
        ),
    )
)


def commit(store: Store, digit: str, *, chain: Chain | None = None, golden: pa.Table = ROWS) -> Model:
    if chain is None:
        weights = np.linspace(-1, int(digit, 16), CHAIN.layout.dimension).astype(np.float32)
        chain = CHAIN.then(Linear.of(CHAIN.layout, weights))
    draft = store.draft(Kind.MODEL, digit * 32, lineage={"stage": "test"})
    fill_model(draft, chain, golden, labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def table(store: Store, tmp_path: Path) -> ModelTable:
    return ModelTable(ManifestFile(tmp_path / "service"), store)


def deploy(table: ModelTable, model: Model, version: str) -> None:
    artifact = Version(uri=model.uri, fingerprint=model.fingerprint)
    table.file.update(lambda manifest: manifest.deployed("late", version, artifact))


def test_rows_and_tables_are_scored_as_the_chain_does(store: Store) -> None:
    predictor = Predictor.load(commit(store, "1").uri)
    raw = ROWS.select(["wind", "origin"]).combine_chunks()
    scores = predictor.model.chain.predict(raw.to_batches()[0]).tolist()
    by_table, by_rows = predictor.predict_table(ROWS), predictor.predict(rows_of(ROWS))
    assert by_table.scores == by_rows.scores == scores
    assert by_rows.labels == ["yes" if score >= 0.5 else "no" for score in scores]
    assert predictor.predict_table(ROWS.slice(0, 0)).scores == []


def test_a_table_of_other_columns_is_refused(store: Store) -> None:
    predictor = Predictor(commit(store, "1"))
    with pytest.raises(InvalidInputError, match=r"table\.origin.*absent"):
        predictor.predict_table(ROWS.drop_columns("origin"))
    with pytest.raises(InvalidInputError, match=r"table\.wind: the column is there 2 times"):
        predictor.predict_table(ROWS.append_column("wind", ROWS["wind"]))
    text = ROWS.set_column(0, "wind", [pa.array(["strong"] * 3)])
    with pytest.raises(InvalidInputError, match=r"table\.wind"):
        predictor.predict_table(text)


def test_an_encoder_is_no_predictor(store: Store) -> None:
    with pytest.raises(InvalidInputError, match="does not score"):
        Predictor(commit(store, "1", chain=CHAIN))


def test_golden_rows_that_score_otherwise_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(commit(store, "1"))
    predictor.check()
    means = Linear.means
    monkeypatch.setattr(Linear, "means", lambda self, batch: means(self, batch) + 2e-5)
    with pytest.raises(CorruptArtifactError, match="golden row 0 scores 2e-05 away"):
        predictor.check()
    monkeypatch.setattr(Linear, "means", lambda self, batch: means(self, batch) * np.nan)
    with pytest.raises(CorruptArtifactError, match="golden row"):
        predictor.check()


def test_the_table_follows_the_manifest(table: ModelTable, store: Store) -> None:
    with pytest.raises(UnknownModelError):
        table.route("late")
    deploy(table, commit(store, "1"), "one")
    asyncio.run(table.refresh())
    first = table.route("late")
    assert (first.version, table.generation) == ("one", 1)
    deploy(table, commit(store, "2"), "two")
    asyncio.run(table.refresh())
    assert table.route("late").version == "two"
    assert table.route("late", "one") == first
    assert table.state() == (2, {"late": ["one", "two"]}, None)


def test_one_artifact_is_loaded_once(table: ModelTable, store: Store) -> None:
    model = commit(store, "1")
    deploy(table, model, "one")
    deploy(table, model, "same")
    asyncio.run(table.refresh())
    assert table.route("late", "one").predictor is table.route("late", "same").predictor


def test_a_bad_default_leaves_the_one_before(table: ModelTable, store: Store) -> None:
    deploy(table, commit(store, "1"), "one")
    asyncio.run(table.refresh())
    bad = commit(store, "2")
    os.unlink(store.strip(bad.file_uri("1-linear/weights.npz")))
    deploy(table, bad, "two")
    asyncio.run(table.refresh())
    assert table.state()[:2] == (2, {"late": ["one"]})
    assert "missing" in str(table.error)
    assert table.route("late").version == "one"
    table.file.update(lambda manifest: manifest.with_default("late", "one"))
    asyncio.run(table.refresh())
    assert table.state()[:2] == (3, {"late": ["one"]})
    table.file.update(lambda manifest: manifest.without("late", "two"))
    asyncio.run(table.refresh())
    assert table.state() == (4, {"late": ["one"]}, None)


def test_a_dead_old_version_does_not_hold_up_a_deployment_after_a_restart(
    table: ModelTable, store: Store
) -> None:
    dead = commit(store, "1")
    deploy(table, dead, "dead")
    os.unlink(store.strip(dead.file_uri("1-linear/weights.npz")))
    deploy(table, commit(store, "2"), "two")
    asyncio.run(table.refresh())
    assert table.state()[:2] == (2, {"late": ["two"]})
    deploy(table, commit(store, "3"), "three")
    asyncio.run(table.refresh())
    assert table.state()[:2] == (3, {"late": ["two", "three"]})
    assert "late dead" in str(table.error)
    assert table.route("late").version == "three"


def test_a_torn_manifest_leaves_the_old_generation(table: ModelTable, store: Store) -> None:
    deploy(table, commit(store, "1"), "one")
    asyncio.run(table.refresh())
    table.file.path.write_text('{"generation": 2, "mod')
    asyncio.run(table.refresh())
    assert table.error is not None
    assert table.route("late").version == "one"


def test_a_worker_that_starts_serves_what_it_can(table: ModelTable, store: Store) -> None:
    deploy(table, commit(store, "1"), "one")
    bad = commit(store, "2")
    os.unlink(store.strip(bad.file_uri("golden.parquet")))
    deploy(table, bad, "two")
    asyncio.run(table.refresh())
    assert table.state()[:2] == (2, {"late": ["one"]})
    assert table.route("late", "one").version == "one"
    with pytest.raises(NotLoadedError, match=r"'two'.*golden\.parquet.*missing"):
        table.route("late")


def test_a_repaired_model_is_taken_later(
    table: ModelTable, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stagecraft.serving.table.FIRST_RETRY", 0)
    table._retry = 0
    bad = commit(store, "1")
    golden = Path(store.strip(bad.file_uri("golden.parquet")))
    content = golden.read_bytes()
    golden.write_bytes(b"")
    deploy(table, bad, "one")
    asyncio.run(table.refresh())
    assert "checksum" in str(table.error)
    golden.write_bytes(content)
    asyncio.run(table.refresh())
    assert table.state() == (1, {"late": ["one"]}, None)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/",
        "http://127.0.0.1/artifacts/aa",
        "file:///etc/passwd",
        "{root}/artifacts/..",
        "{root}/artifacts/a/../b",
    ],
)
def test_artifacts_outside_of_the_store_are_refused(table: ModelTable, store: Store, uri: str) -> None:
    with pytest.raises(InvalidInputError, match="outside of this service's store"):
        table.loader.artifact(uri.format(root=store.root))


def test_the_store_s_own_artifacts_are_known_by_either_spelling(table: ModelTable, store: Store) -> None:
    uri = store.artifact_uri("a" * 32)
    assert (
        table.loader.artifact(f"file://{uri}/")
        == table.loader.artifact(uri)
        == Version(uri=uri, fingerprint="a" * 32)
    )
