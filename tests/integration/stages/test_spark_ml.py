"""Spark ML: every family learns what is there, and its saved model says the same of raw rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize
from stagecraft.stages.metrics import ranking
from stagecraft.stages.predict import Predict
from stagecraft.stages.spark_algorithms import (
    SparkFM,
    SparkGBT,
    SparkLinearRegression,
    SparkLogisticRegression,
    SparkRandomForest,
)
from stagecraft.stages.spark_als import SparkALS
from stagecraft.stages.spark_cluster import SparkCluster
from stagecraft.stages.spark_clusterings import SparkBisectingKMeans, SparkGaussianMixture, SparkKMeans
from stagecraft.stages.spark_predict import SparkPredict
from stagecraft.stages.spark_train import SparkTrain
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]

pytestmark = pytest.mark.parametrize(
    "engine", [pytest.param("spark", marks=pytest.mark.spark)], indirect=True
)
CITIES = ["oslo", "roma", "köln", None]


def flights(rows: int = 600) -> pa.Table:
    draw = np.random.default_rng(11)
    wind = draw.normal(10, 3, rows)
    city = draw.integers(0, 4, rows)
    pull = (wind - 10) / 2 + np.array([0.0, 2.0, -2.0, 0.5])[city]
    late = draw.random(rows) < 1 / (1 + np.exp(-2 * pull))
    return pa.table(
        {
            "select": pa.array(range(rows), pa.int64()),
            "wind.m/s": pa.array(np.where(draw.random(rows) < 0.05, np.nan, wind)),
            "from": pa.array([CITIES[number] for number in city]),
            "late": pa.array(np.where(late, "yes, late", "it's on time")),
            "minutes": pa.array(5 * pull + draw.normal(0, 1, rows)),
            "grade": pa.array(np.digitize(pull, [-1, 1]) * 10, pa.int32()),
            "mass": pa.array(draw.integers(1, 4, rows), pa.int32()),
        }
    )


@dataclass
class World:
    bench: Workbench
    table: pa.Table
    raw: Dataset
    encoded: Dataset

    def truth(self, column: str, key: list[int]) -> np.ndarray:
        return np.asarray(self.table[column].take(key).to_numpy(zero_copy_only=False))


@pytest.fixture
def bench(engine: Engine, store: Store) -> Workbench:
    return Workbench(engine, store, Tracker.nowhere())


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> World:
    bench = Workbench(engine, Store(str(tmp_path_factory.mktemp("spark_ml"))), Tracker.nowhere())
    table = flights()
    raw = commit(bench.store, "raw", table)
    steps: Any = {"wind.m/s": Fill("mean") | Standardize(), "from": Index()}
    encoded = EncodeColumns(columns=steps, label="late").run(bench, dataset=raw)["dataset"]
    assert isinstance(encoded, Dataset)
    return World(bench, table, raw, encoded)


def commit(store: Store, name: str, rows: pa.Table, files: int = 2) -> Dataset:
    """Commit rows as a dataset in some files."""
    import io

    import pyarrow.parquet as pq

    from stagecraft.artifacts.artifact import Kind

    draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "test"})
    each = -(-rows.num_rows // files) or 1
    for number in range(files):
        sink = io.BytesIO()
        pq.write_table(rows.slice(number * each, each), sink)
        draft.write(f"part-{number:05}.parquet", sink.getvalue())
    draft.meta.update(rows=rows.num_rows, columns={field.name: str(field.type) for field in rows.schema})
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made


def train(world: World, label: str, algorithm: Any, **parameters: Any) -> tuple[Model, pa.Table]:
    """Train on the encoded rows; the saved model must say of the raw rows what the trained one said.

    So must its chain, which needs no Spark: many rows at once, and one at a time as servers have them.
    """
    made = SparkTrain(label=label, algorithm=algorithm, key=["select"], **parameters).run(
        world.bench, dataset=world.encoded
    )
    model, fitted = made["model"], made["dataset"]
    assert isinstance(model, Model)
    assert isinstance(fitted, Dataset)
    again = SparkPredict(key=["select"]).run(world.bench, model=model, dataset=world.raw)["dataset"]
    assert isinstance(again, Dataset)
    table = fitted.table().sort_by("select")
    assert again.table().sort_by("select").equals(table)
    check_without_spark(world, model, table)
    return model, table


def check_without_spark(world: World, model: Model, table: pa.Table) -> None:
    expected = table["probability" if "probability" in table.column_names else "score"].to_pylist()
    served = Predictor(model)
    served.check()
    found = served.predict_table(world.table)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-12, atol=1e-12)
    assert served.row_path is not None
    rows = rows_of(world.table.select(model.input_schema.names).slice(0, 50))
    one_by_one = np.concatenate([served.row_scores([row]) for row in rows])
    np.testing.assert_allclose(one_by_one, expected[:50], rtol=1e-12, atol=1e-12)
    if "prediction" in table.column_names:
        assert found.labels == table["prediction"].to_pylist()


def test_logistic_regression(world: World) -> None:
    algorithm = SparkLogisticRegression(regularization=0.001)
    model, found = train(world, "late", algorithm, weight="mass")
    assert found.column_names == ["select", "score", "prediction"]
    late = np.asarray(world.table["late"].to_numpy(zero_copy_only=False)) == "yes, late"
    assert ranking(late, found["score"].to_numpy())["auc"] > 0.9
    guess = pc.if_else(pc.greater_equal(found["score"], 0.5), "yes, late", "it's on time")
    assert found["prediction"].equals(guess)
    assert model.meta["labels"] == ["it's on time", "yes, late"]
    loss = [point["loss"] for point in model.meta["history"]]
    assert len(loss) > 2
    assert loss == sorted(loss, reverse=True)
    assert model.meta["metrics"]["auc"] > 0.9

    assert pa.types.is_integer(world.encoded.table()["late"].type)

    # Other files, another order, other partitions of Spark: the same model to the bit.
    shuffled = world.encoded.table().take(np.random.default_rng(0).permutation(600))
    other = commit(world.bench.store, "shuffled", shuffled, files=5)
    features = ["wind.m/s", "mass"]
    stage = SparkTrain(label="late", algorithm=algorithm, features=features, key=["select"], partitions=2)
    first, second = (stage.run(world.bench, dataset=dataset)["dataset"] for dataset in (world.encoded, other))
    assert isinstance(first, Dataset)
    assert isinstance(second, Dataset)
    one, two = (made.table().sort_by("select").select(["select", "score"]) for made in (first, second))
    assert one.equals(two)


def test_many_labels(world: World) -> None:
    for algorithm in (SparkLogisticRegression(), SparkRandomForest(trees=10, seed=3)):
        model, found = train(world, "grade", algorithm)
        assert model.meta["labels"] == [0, 10, 20]
        assert found.column_names == ["select", "prediction", "probability"]
        probability = np.array(found["probability"].to_pylist())
        np.testing.assert_allclose(probability.sum(axis=1), 1)
        best = np.array(model.meta["labels"])[probability.argmax(axis=1)]
        assert found["prediction"].to_pylist() == best.tolist()
        assert np.mean(best == world.table["grade"].to_numpy()) > 0.85


def test_linear_regression_is_least_squares(world: World) -> None:
    """On one-hot slots, so that every feature must be where it belongs."""
    _, found = train(world, "minutes", SparkLinearRegression(), weight="mass")
    rows = world.encoded.table()
    wind, slot = rows["wind.m/s"].to_numpy().astype(np.float64), rows["from"].to_numpy()
    features = np.column_stack([np.ones(len(wind)), wind, np.eye(slot.max() + 1)[slot]])
    root = np.sqrt(rows["mass"].to_numpy())
    weights, *_ = np.linalg.lstsq(features * root[:, None], rows["minutes"].to_numpy() * root, rcond=None)
    expected = dict(zip(rows["select"].to_pylist(), features @ weights, strict=True))
    np.testing.assert_allclose(found["score"], [expected[key] for key in range(600)], atol=1e-6)
    assert found.column_names == ["select", "score"]


@pytest.mark.parametrize("kind", [SparkGBT, SparkRandomForest, SparkFM], ids=lambda kind: kind.__name__)
def test_trees_and_factorization_machines(world: World, kind: Any) -> None:
    size: dict[str, Any] = {"trees": 15} if kind is not SparkFM else {"factors": 4, "max_iterations": 100}
    _, found = train(world, "late", kind(task="classification", **size))
    late = np.asarray(world.table["late"].to_numpy(zero_copy_only=False)) == "yes, late"
    assert ranking(late, found["score"].to_numpy())["auc"] > 0.9
    model, found = train(world, "minutes", kind(task="regression", **size))
    error = found["score"].to_numpy() - world.table["minutes"].to_numpy()
    assert np.mean(error**2) < 0.3 * np.var(world.table["minutes"].to_numpy())
    assert model.meta["metrics"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize(
    "algorithm",
    [SparkKMeans(clusters=3), SparkBisectingKMeans(clusters=3), SparkGaussianMixture(clusters=3)],
    ids=lambda algorithm: algorithm.type,
)
def test_clusters_are_recovered(bench: Workbench, algorithm: Any) -> None:
    draw = np.random.default_rng(5)
    true = draw.integers(0, 3, 300)
    points = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 20.0]])[true] + draw.normal(0, 1, (300, 2))
    table = pa.table({"id": range(300), "x y": points[:, 0], "group": points[:, 1]})
    rows = commit(bench.store, "points", table)
    made = SparkCluster(algorithm=algorithm, features=["x y", "group"], key=["id"]).run(bench, dataset=rows)
    found = made["dataset"].table().sort_by("id")  # type: ignore[attr-defined]
    pairs = set(zip(true.tolist(), found["cluster"].to_pylist(), strict=True))
    assert len(pairs) == 3
    again = SparkPredict(key=["id"]).run(bench, model=made["model"], dataset=rows)["dataset"]
    assert again.table().sort_by("id").equals(found)  # type: ignore[attr-defined]
    assert made["model"].meta["metrics"]["clusters"] == 3
    assert sorted(made["model"].meta["cluster_sizes"]) == sorted(np.bincount(true).tolist())
    if algorithm.type == "kmeans":
        served = Predictor(made["model"])  # type: ignore[arg-type]
        served.check()
        assert served.predict_table(table).labels == found["cluster"].to_pylist()
        distances = ((points.astype(np.float32)[:, None] - centres(made["model"])) ** 2).sum(axis=2)
        np.testing.assert_allclose(served.predict_table(table).scores, -distances, rtol=1e-9, atol=1e-9)
    else:
        with pytest.raises(InvalidInputError, match=f"Spark ML's {algorithm.type}.*SparkKMeans"):
            Predictor(made["model"])  # type: ignore[arg-type]
    if algorithm.type == "gaussian_mixture":
        assert (
            np.array(found["probability"].to_pylist()).argmax(axis=1).tolist() == found["cluster"].to_pylist()
        )


def centres(model: Any) -> np.ndarray:
    """The centres that Spark itself has written."""
    files = [name for name in model.manifest.files if name.startswith("spark/data/part")]
    tables = [pq.read_table(pa.BufferReader(model.read(name))) for name in files]
    rows = pa.concat_tables(tables).sort_by("clusterIdx").to_pylist()
    return np.array([row["clusterCenter"]["values"] for row in rows])


def test_als_finds_the_low_rank_and_recommends(bench: Workbench) -> None:
    draw = np.random.default_rng(2)
    full = draw.uniform(0.5, 1.5, (30, 2)) @ draw.uniform(0.5, 1.5, (2, 20))
    user, item = (axis.reshape(-1) for axis in np.indices(full.shape))
    seen = draw.random(full.size) < 0.6
    table = pa.table(
        {
            "user": pa.array([f"ü{number}" for number in user]),
            "order": pa.array(item + 5_000_000_000),
            "stars": full.reshape(-1),
        }
    )
    ratings = commit(bench.store, "ratings", table.filter(pa.array(seen)), files=3)
    stage = SparkALS(
        user="user",
        item="order",
        rating="stars",
        factors=2,
        regularization=0.01,
        max_iterations=10,
        recommendations=4,
    )
    made = stage.run(bench, dataset=ratings)
    unseen = commit(bench.store, "unseen", table.filter(pa.array(~seen)))
    scored = SparkPredict(key=["user", "order", "stars"]).run(bench, model=made["model"], dataset=unseen)
    found = scored["dataset"].table()  # type: ignore[attr-defined]
    error = found["score"].to_numpy() - found["stars"].to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.1
    assert made["model"].meta["metrics"]["rmse"] < 0.05
    with pytest.raises(InvalidInputError, match=r"'spark_als' trained it.*ML's als.*FactorizationMachine"):
        Predict().run(bench, model=made["model"], dataset=unseen)
    best = made["dataset"].table()  # type: ignore[attr-defined]
    assert best.column_names == ["user", "order", "rank", "score"]
    assert best.num_rows == 30 * 4
    for name in ("ü0", "ü29"):
        rows = best.filter(pc.equal(best["user"], name)).sort_by("rank")
        assert rows["rank"].to_pylist() == [1, 2, 3, 4]
        assert rows["score"].to_pylist() == sorted(rows["score"].to_pylist(), reverse=True)
        top = np.argsort(-full[int(name[1:])])[:6] + 5_000_000_000
        assert set(rows["order"].to_pylist()) <= set(top.tolist())

    strangers = pa.table({"user": ["ü0", "nobody"], "order": pa.array([5_000_000_000] * 2)})
    rows = commit(bench.store, "strangers", strangers)
    asked = SparkPredict(key=["user"]).run(bench, model=made["model"], dataset=rows)["dataset"]
    scores = {row["user"]: row["score"] for row in asked.table().to_pylist()}  # type: ignore[attr-defined]
    assert scores["ü0"] == pytest.approx(full[0, 0], abs=0.2)
    assert scores["nobody"] is None

    clicks = pa.concat_tables([table.select(["user", "order"]).filter(pa.array(seen))] * 2)
    liked = SparkALS(user="user", item="order", implicit=True, factors=2, max_iterations=3, recommendations=1)
    first, second = (
        liked.run(bench, dataset=commit(bench.store, name, rows, files))["dataset"].table()  # type: ignore[attr-defined]
        for name, rows, files in (("c1", clicks, 1), ("c2", clicks.take(draw.permutation(len(clicks))), 4))
    )
    assert first.sort_by("user").equals(second.sort_by("user"))
    assert first.num_rows == 30


def test_refusals(world: World) -> None:
    bench, raw, encoded = world.bench, world.raw, world.encoded
    logistic = SparkLogisticRegression(max_iterations=2)
    cases: list[tuple[str, Dataset, dict[str, Any]]] = [
        (r"features: the rows are not encoded", raw, {}),
        (r"features\.wind\.m/s: \d+ values are missing .*Fill\(\)", raw, {"features": ["wind.m/s"]}),
        (r"features\.from: the column is of type string", raw, {"features": ["from"]}),
        (r"label: the dataset has no column 'lat'", encoded, {"label": "lat"}),
        (
            r"label: the label has more than 2 value.*two values",
            encoded,
            {"label": "grade", "algorithm": SparkGBT()},
        ),
        (r"label: the column is of type string", raw, {"algorithm": SparkLinearRegression()}),
        (r"label: 'late' holds the classes", encoded, {"algorithm": SparkLinearRegression()}),
        (r"weight\.minutes: \d+ values", encoded, {"weight": "minutes"}),
        (r"features: 'from' is the label", encoded, {"label": "from"}),
    ]
    for message, dataset, parameters in cases:
        stage = SparkTrain(**{"label": "late", "algorithm": logistic, **parameters})
        with pytest.raises(InvalidInputError, match=message):
            stage.run(bench, dataset=dataset)
    with pytest.raises(InvalidInputError, match="700 clusters of 600 rows"):
        SparkCluster(algorithm=SparkKMeans(clusters=700)).run(bench, dataset=encoded)

    plain = SparkTrain(label="late", algorithm=logistic, features=["mass"]).run(bench, dataset=raw)
    assert set(plain["dataset"].table()["prediction"].to_pylist()) <= {"it's on time", "yes, late"}  # type: ignore[attr-defined]
    model = SparkTrain(label="late", algorithm=logistic).run(bench, dataset=encoded)["model"]
    encoder = bench.store.open(encoded.meta["model"]["fingerprint"])
    with pytest.raises(InvalidInputError, match=r"stage 'encode' is none of Spark ML.*Predict"):
        SparkPredict().run(bench, model=encoder, dataset=raw)
    other = EncodeColumns(columns={"wind.m/s": Fill(0), "from": Index(top=1)}).run(bench, dataset=raw)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="encoded by another model"):
        SparkPredict().run(bench, model=model, dataset=other["dataset"])
    narrow = commit(bench.store, "narrow", world.table.select(["from"]))
    with pytest.raises(InvalidInputError, match="no column 'wind"):
        SparkPredict().run(bench, model=model, dataset=narrow)

    name = next(name for name in model.manifest.files if name.endswith(".parquet"))
    path = bench.store.strip(model.file_uri(name))
    with open(path, "r+b") as file:
        file.write(b"other")
    with pytest.raises(CorruptArtifactError, match="checksum"):
        SparkPredict().run(bench, model=model, dataset=raw)
