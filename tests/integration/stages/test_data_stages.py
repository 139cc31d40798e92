"""SQL, split by time, encoding and GBDT encoding: the same on every engine, and strict at the door."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.sample import StratifiedSample
from stagecraft.stages.split import TimeSplit
from stagecraft.stages.sql import SQL
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]
SIZES = {"a": 701, "b": 200, "ü": 99}


@pytest.fixture
def raw() -> pa.Table:
    rng = np.random.default_rng(7)
    rows = sum(SIZES.values())
    wind = rng.normal(10, 3, rows)
    wind[rng.random(rows) < 0.1] = np.nan
    return pa.table(
        {
            "id": [f"row-{number}" for number in range(rows)],
            "stratum": [name for name, size in SIZES.items() for _ in range(size)],
            "day": [datetime.date(2013, 1 + number % 12, 1 + number % 28) for number in range(rows)],
            "wind": pa.array(wind, mask=rng.random(rows) < 0.1),
            "order": rng.integers(0, 5, rows),
            "city": pa.array(rng.choice(["oslo", "roma", "köln"], rows), mask=rng.random(rows) < 0.05),
            "late": (np.nan_to_num(wind) + rng.normal(0, 2, rows) > 10).astype(np.int32),
        }
    )


def rows_of(dataset: Any) -> list[dict[str, Any]]:
    """The rows in one order; NaN as text, since it equals nothing."""
    rows = dataset.table().to_pylist()
    return sorted(({k: "NaN" if v != v else v for k, v in row.items()} for row in rows), key=repr)


class TestSQL:
    def test_joins_files_and_datasets(
        self, bench: Workbench, store: Store, commit_rows: Commit, tmp_path: Any
    ) -> None:
        csv.write_csv(pa.table({"k": [1, 2], "name": ["one", "two"]}), tmp_path / "names.csv")
        left = commit_rows(store, "a1", pa.table({"k": [1, 2, 2]}))
        stage = SQL(
            query="SELECT name, count(*) AS n FROM l JOIN names USING (k) GROUP BY name",
            files={"names": str(tmp_path / "names.csv")},
        )
        assert rows_of(stage.run(bench, l=left)["dataset"]) == [
            {"name": "one", "n": 1},
            {"name": "two", "n": 2},
        ]

    def test_changed_file_is_other_work(self, bench: Workbench, tmp_path: Any) -> None:
        stage = SQL(query="SELECT * FROM t", files={"t": str(tmp_path / "t.csv")})
        csv.write_csv(pa.table({"k": [1]}), tmp_path / "t.csv")
        first = stage.run(bench)["dataset"]
        assert stage.run(bench)["dataset"].fingerprint == first.fingerprint
        csv.write_csv(pa.table({"k": [2]}), tmp_path / "t.csv")
        assert rows_of(stage.run(bench)["dataset"]) == [{"k": 2}]

    def test_missing_file_and_empty_result_are_refused(self, bench: Workbench, tmp_path: Any) -> None:
        with pytest.raises(InvalidInputError, match=r"sql\.files\.t: there is no file"):
            SQL(query="SELECT * FROM t", files={"t": str(tmp_path / "t.csv")}).run(bench)
        csv.write_csv(pa.table({"k": [1]}), tmp_path / "t.csv")
        empty = SQL(query="SELECT * FROM t WHERE k > 1", files={"t": str(tmp_path / "t.csv")})
        with pytest.raises(InvalidInputError, match="no rows"):
            empty.run(bench)
        assert not list((tmp_path / "store" / "artifacts").glob("*/*"))


class TestTimeSplit:
    def test_cuts_at_months_back_from_the_newest_row(
        self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table
    ) -> None:
        dataset = commit_rows(store, "a2", raw)
        parts = TimeSplit(column="day", test_months=2, validation_months=1, train_months=4).run(
            bench, dataset=dataset
        )
        months = {
            name: sorted({day.month for day in part.table()["day"].to_pylist()})  # type: ignore[attr-defined]
            for name, part in parts.items()
        }
        assert months == {"train": [6, 7, 8, 9], "validation": [10], "test": [11, 12]}

    def test_refuses(self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table) -> None:
        dataset = commit_rows(store, "a3", raw)
        with pytest.raises(InvalidInputError, match=r"time_split\.column: the dataset has no column 'date'"):
            TimeSplit(column="date").run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match="'wind' is of type double"):
            TimeSplit(column="wind").run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match="the part 'train' is empty"):
            TimeSplit(column="day", test_months=11).run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"999999 months .* before the year 1.*fewer months"):
            TimeSplit(column="day", train_months=999_999).run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"time_split\.dataset: it has no rows"):
            TimeSplit(column="day").run(bench, dataset=commit_rows(store, "a4", raw.slice(0, 0)))

    def test_cuts_at_instants(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        starts = [datetime.datetime(2013, month, 1, 12) for month in range(1, 7)]
        kinds = {"day": pa.date32(), "local": pa.timestamp("us"), "zoned": pa.timestamp("us", "UTC")}
        table = pa.table({"n": range(6), **{k: pa.array(starts).cast(kind) for k, kind in kinds.items()}})
        dataset = commit_rows(store, "a5", table)
        march, may = "2013-03-01", "2013-05-01"
        noon = {"local": "2013-03-01T12:00:00", "zoned": "2013-03-01T14:00:00+02:00"}
        for column, validation, test, train, sizes in [
            ("day", march, may, "2013-02-01", (1, 2, 2)),
            ("local", noon["local"], may, None, (2, 2, 2)),
            ("zoned", noon["zoned"], may, None, (2, 2, 2)),
            ("zoned", None, "2013-03-01T12:00:01", None, (3, 0, 3)),
        ]:
            stage = TimeSplit(column=column, validation_from=validation, test_from=test, train_from=train)
            parts = stage.run(bench, dataset=dataset)
            assert tuple(parts[part].meta["rows"] for part in ("train", "validation", "test")) == sizes
        parts = TimeSplit(column="day", validation_months=0).run(bench, dataset=dataset)
        assert [parts[part].meta["rows"] for part in ("train", "validation", "test")] == [5, 0, 1]
        for column, test, message in [
            ("day", "2013-03-01T12:00", "has a time"),
            ("local", "2013-03-01T12:00Z", "has a zone"),
        ]:
            with pytest.raises(InvalidInputError, match=rf"time_split\.test_from: .* {message}"):
                TimeSplit(column=column, test_from=test).run(bench, dataset=dataset)


COLUMNS: dict[Any, Any] = {
    "wind": Fill("median") | Standardize(),
    "order": Standardize(),
    "city": Index(),
    "id": Hash(bits=6),
}


class TestEncode:
    def test_fits_what_it_says(
        self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table
    ) -> None:
        made = EncodeColumns(columns=COLUMNS).run(bench, dataset=commit_rows(store, "b1", raw))
        wind = raw["wind"].to_numpy()
        filled = np.where(np.isnan(wind), np.nanmedian(wind), wind)
        expected = dict(zip(raw["id"].to_pylist(), (filled - filled.mean()) / filled.std(), strict=True))
        model = made["model"]
        assert isinstance(model, Model)
        assert made["dataset"].meta["model"] == model.reference.model_dump(mode="json")
        encoded = EncodeColumns(columns={"wind": COLUMNS["wind"]}).run(
            bench, dataset=commit_rows(store, "b1", raw)
        )["dataset"]
        for row in rows_of(encoded):
            assert row["wind"] == pytest.approx(expected[row["id"]], abs=1e-6)
        vocabulary = model.chain.transforms[0].encodings[2].map.vocabulary  # type: ignore[attr-defined]
        counts = {city: raw["city"].to_pylist().count(city) for city in ("oslo", "roma", "köln")}
        assert vocabulary == sorted(counts, key=lambda city: (-counts[city], city.encode()))

    def test_the_model_encodes_other_rows_the_same_way(
        self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table
    ) -> None:
        made = EncodeColumns(columns=COLUMNS).run(bench, dataset=commit_rows(store, "b2", raw))
        model = made["model"]
        assert isinstance(model, Model)
        whole = pa.RecordBatch.from_arrays(
            [column.combine_chunks() for column in raw.columns], names=raw.column_names
        )
        applied = model.chain.apply(whole)
        key = lambda row: repr(sorted(row.items()))  # noqa: E731
        assert sorted(applied.to_pylist(), key=key) == sorted(rows_of(made["dataset"]), key=key)

    def test_refuses(self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table) -> None:
        dataset = commit_rows(store, "b3", raw.append_column("void", pa.nulls(raw.num_rows, pa.float64())))
        with pytest.raises(InvalidInputError, match=r"encode\.columns: the dataset has no column 'gust'"):
            EncodeColumns(columns={"gust": Fill(0)}).run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"encode\.columns\.city"):
            EncodeColumns(columns={"city": Fill(0)}).run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"encode\.columns\.void: .*nothing to fit"):
            EncodeColumns(columns={"void": Fill("mean")}).run(bench, dataset=dataset)

    def test_columns_named_like_sql(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        rows = pa.table({"select": [1.0, 2.0, None], 'a "b"': ["x", None, "y"], "order": [1, 2, 3]})
        made = EncodeColumns(columns={"select": Fill("mean"), 'a "b"': Index()}).run(
            bench, dataset=commit_rows(store, "b4", rows)
        )
        found = {row["order"]: (row["select"], row['a "b"']) for row in rows_of(made["dataset"])}
        assert found == {1: (1.0, 2), 2: (2.0, 0), 3: (1.5, 3)}

    def test_a_corrupt_input_is_refused(
        self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table
    ) -> None:
        dataset = commit_rows(store, "b5", raw)
        with open(store.strip(dataset.files[0]), "r+b") as file:
            file.seek(100)
            file.write(b"spoilt")
        with pytest.raises(CorruptArtifactError, match="checksum"):
            EncodeColumns(columns=COLUMNS).run(bench, dataset=dataset)


class TestGBDTEncode:
    def test_adds_one_leaf_a_tree_and_keeps_the_trees(
        self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table
    ) -> None:
        import xgboost

        encoded = EncodeColumns(columns=COLUMNS).run(bench, dataset=commit_rows(store, "c1", raw))["dataset"]
        made = GBDTEncode(label="late", boosting={"rounds": 7, "depth": 3}).run(bench, dataset=encoded)  # type: ignore[arg-type]
        model, dataset = made["model"], made["dataset"]
        assert isinstance(model, Model)
        assert isinstance(dataset, Dataset)
        assert {len(leaves) for leaves in dataset.table()["leaves"].to_pylist()} == {7}
        booster = xgboost.Booster(model_file=bytearray(model.read("booster.ubj")))
        assert booster.num_boosted_rounds() == 7
        assert model.chain.layout.dimension > encoded.meta["rows"] // 100

    def test_refuses(self, bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table) -> None:
        one = raw.set_column(raw.column_names.index("late"), "late", pa.array([1] * raw.num_rows))
        dataset = commit_rows(store, "c2", one)
        with pytest.raises(InvalidInputError, match="the rows are not encoded"):
            GBDTEncode(label="late").run(bench, dataset=dataset)
        encoded = EncodeColumns(columns=COLUMNS).run(bench, dataset=dataset)["dataset"]
        with pytest.raises(InvalidInputError, match=r"gbdt_encode\.label: the label 'late' has 1 class"):
            GBDTEncode(label="late").run(bench, dataset=encoded)
        with pytest.raises(InvalidInputError, match="no column 'latte'"):
            GBDTEncode(label="latte").run(bench, dataset=encoded)


class TestReuse:
    def test_a_committed_stage_is_not_run_again(
        self, engine: Engine, store: Store, commit_rows: Commit, raw: pa.Table
    ) -> None:
        stage = StratifiedSample(strata="stratum", fraction=0.5, key="id")
        dataset = commit_rows(store, "d1", raw)
        first, second = (Workbench(engine, store, Tracker.nowhere()) for _ in range(2))
        made, again = stage.run(first, dataset=dataset), stage.run(second, dataset=dataset)
        assert (first.reused, second.reused) == (False, True)
        assert made["dataset"].fingerprint == again["dataset"].fingerprint
        assert made["dataset"].manifest.created == again["dataset"].manifest.created


def test_the_engines_agree_on_every_row(tmp_path: Any, commit_rows: Commit, raw: pa.Table) -> None:
    """The same chain on both engines: the same sampled rows, vocabulary and encoded values, bit for bit."""
    from stagecraft.engines.choose import open_engine

    made: dict[str, tuple[Any, Any]] = {}
    for name in ("duckdb", "spark"):
        store = Store(str(tmp_path / name))
        with open_engine(name) as engine:
            bench = Workbench(engine, store, Tracker.nowhere())
            dataset = commit_rows(store, "e1", raw)
            sample = StratifiedSample(strata="stratum", fraction=0.4, key="id").run(bench, dataset=dataset)
            encoded = EncodeColumns(columns=COLUMNS).run(bench, dataset=sample["dataset"])
            made[name] = (rows_of(encoded["dataset"]), encoded["model"].read_json("chain.json"))  # type: ignore[attr-defined]
    assert made["duckdb"] == made["spark"]
