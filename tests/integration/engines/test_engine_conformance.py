"""What every engine must do alike: one suite over all of them."""

from __future__ import annotations

import datetime
import gzip
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine
from stagecraft.engines.dialect import Query
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.engines.types import canonical
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.transforms.categorical import FittedHash, FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.numeric import FittedFill, FittedScale

NAN = math.nan
DAY = datetime.date
TIME = datetime.datetime
UTC = datetime.UTC


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inputs")
    rows = pa.table(
        {
            "id": pa.array([1, 2, 3, 4, 5, 6], pa.int64()),
            "small": pa.array([1, -7, None, 4, 5, 6], pa.int32()),
            "x": pa.array([1.5, NAN, None, -2.5, 2.5, 0.0], pa.float64()),
            "group": pa.array(["a", "b", "a", None, "ß", "日本"]),
            "late": pa.array([True, False, None, True, False, True]),
            "day": pa.array(
                [
                    DAY(2013, 1, 6),
                    DAY(2013, 2, 28),
                    None,
                    DAY(2012, 2, 29),
                    DAY(1969, 12, 31),
                    DAY(2013, 12, 31),
                ]
            ),
            "local": pa.array(
                [TIME(2013, 1, 1, 5, 30, 0, 250), None, TIME(2013, 3, 10, 2, 30), *[TIME(2013, 7, 1)] * 3],
                pa.timestamp("us"),
            ),
            "instant": pa.array(
                [TIME(2013, 1, 1, 5, 30, tzinfo=UTC), None, *[TIME(2013, 3, 10, 2, 30, tzinfo=UTC)] * 4],
                pa.timestamp("us", "UTC"),
            ),
        }
    )
    pq.write_table(rows, path / "rows.parquet")
    pq.write_table(
        pa.table({"group": ["a", "b", "z"], "name": ["Ada", "Bob", "Zoë"]}), path / "names.parquet"
    )
    return path


@pytest.fixture(scope="session")
def tables(engine: Engine, folder: Path) -> dict[str, Any]:
    return {name: engine.read_files(f"{folder}/{name}.parquet") for name in ("rows", "names")}


def plain(value: Any) -> Any:
    """A value that equals itself: NaN by name, floats to 12 digits."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else float(f"{value:.12g}")
    return value


QUERIES: dict[str, tuple[str, dict[str, str], list[tuple[Any, ...]]]] = {
    "filter": ("SELECT id FROM rows WHERE x > 2", {"id": "int64"}, [(2,), (5,)]),
    "case": (
        'SELECT ID, "Late" AS "LaTe" FROM Rows WHERE id = 1',
        {"id": "int64", "LaTe": "bool"},
        [(1, True)],
    ),
    "star": ("SELECT * FROM names WHERE name = 'Zoë'", {"group": "string", "name": "string"}, [("z", "Zoë")]),
    "unnamed": ("SELECT count(*), 1 + 1 FROM rows", {"count_star()": "int64", "(1 + 1)": "int32"}, [(6, 2)]),
    "using": (
        'SELECT * FROM (SELECT id, "group" FROM rows) r JOIN names USING ("group")',
        {"id": "int64", "group": "string", "name": "string"},
        [(1, "a", "Ada"), (2, "b", "Bob"), (3, "a", "Ada")],
    ),
    "left join": (
        'SELECT r.id, n.name FROM rows r LEFT JOIN names AS n ON r."group" = n."group" WHERE id >= 3',
        {"id": "int64", "name": "string"},
        [(3, "Ada"), (4, None), (5, None), (6, None)],
    ),
    "nan joins nan": (
        "SELECT a.id FROM rows a JOIN rows b ON a.x = b.x AND a.x > 100",
        {"id": "int64"},
        [(2,)],
    ),
    "semi and anti": (
        'SELECT id FROM rows SEMI JOIN names USING ("group") UNION ALL '
        'SELECT id + 10 FROM rows ANTI JOIN names ON rows."group" = names."group"',
        {"id": "int64"},
        [(1,), (2,), (3,), (14,), (15,), (16,)],
    ),
    "cte of the table's name": (
        "WITH rows AS (SELECT id FROM rows WHERE id < 3) SELECT sum(id) AS total FROM rows",
        {"total": "int64"},
        [(3,)],
    ),
    "subquery": (
        'SELECT id FROM rows WHERE "group" IN (SELECT "group" FROM names) AND EXISTS (SELECT 1 FROM names)',
        {"id": "int64"},
        [(1,), (2,), (3,)],
    ),
    "aggregates": (
        'SELECT sum(small) AS s, avg(small) AS m, count(x) AS c, count(DISTINCT "group") AS d, '
        "min(day) AS first, max(local) AS last, median(small) AS mid, quantile_cont(small, 0.25) AS q, "
        "quantile_disc(small, 0.5) AS qd, sum(small) FILTER (WHERE late) AS f, stddev_samp(id) AS sd FROM rows",
        {
            "s": "int64",
            "m": "double",
            "c": "int64",
            "d": "int64",
            "first": "date32[day]",
            "last": "timestamp[us]",
            "mid": "double",
            "q": "double",
            "qd": "int32",
            "f": "int64",
            "sd": "double",
        },
        [(9, 1.8, 5, 4, DAY(1969, 12, 31), TIME(2013, 7, 1), 4.0, 1.0, 4, 11, 1.87082869339)],
    ),
    "exact sums": (
        "SELECT sum(CAST(x AS DECIMAL(38, 6))) AS s FROM rows WHERE x < 100",
        {"s": "double"},
        [(1.5,)],
    ),
    "nan above all": ("SELECT count(*) AS n FROM rows WHERE x > 100 AND isnan(x)", {"n": "int64"}, [(1,)]),
    "nan and null": (
        "SELECT count(x) AS c, max(x) AS top, min(x) AS low, count(*) FILTER (WHERE isnan(x)) AS n, "
        "count(nullif(x, CAST('NaN' AS DOUBLE))) AS real, coalesce(sum(x), 0) AS s FROM rows",
        {"c": "int64", "top": "double", "low": "double", "n": "int64", "real": "int64", "s": "double"},
        [(5, "NaN", -2.5, 1, 4, "NaN")],
    ),
    "grouped": (
        'SELECT "group", count(*) AS n, bool_or(late) AS "any" FROM rows GROUP BY "group" HAVING count(*) < 2',
        {"group": "string", "n": "int64", "any": "bool"},
        [("b", 1, False), ("ß", 1, False), ("日本", 1, True), (None, 1, True)],
    ),
    "window": (
        "SELECT id, row_number() OVER (PARTITION BY late ORDER BY small DESC) AS rank, "
        "lag(id) OVER (ORDER BY id) AS before FROM rows QUALIFY rank = 1",
        {"id": "int64", "rank": "int64", "before": "int64"},
        [(3, 1, 2), (5, 1, 4), (6, 1, 5)],
    ),
    "nulls come last": (
        "SELECT id FROM rows ORDER BY small LIMIT 5",
        {"id": "int64"},
        [(1,), (2,), (4,), (5,), (6,)],
    ),
    "ties and nan in order": (
        "SELECT id FROM rows ORDER BY x DESC, id LIMIT 2",
        {"id": "int64"},
        [(2,), (5,)],
    ),
    "division": (
        "SELECT small / 2 AS half, small // 2 AS whole, small % 4 AS rest, small / 0 AS none, 0 / 0 AS nan "
        "FROM rows WHERE id IN (2, 3, 4)",
        {"half": "double", "whole": "int32", "rest": "int32", "none": "double", "nan": "double"},
        [(-3.5, -3, -3, -math.inf, "NaN"), (2.0, 2, 0, math.inf, "NaN"), (None, None, None, None, "NaN")],
    ),
    "casts round": (
        "SELECT CAST(x AS INTEGER) AS a, CAST(late AS INT) AS b, CAST(2.5 AS BIGINT) AS c, "
        "CAST(id AS VARCHAR) AS d, TRY_CAST(\"group\" AS INTEGER) AS e, CAST('12' AS BIGINT) AS f "
        "FROM rows WHERE id IN (1, 4, 5)",
        {"a": "int32", "b": "int32", "c": "int64", "d": "string", "e": "int32", "f": "int64"},
        [(-2, 1, 3, "4", None, 12), (2, 0, 3, "5", None, 12), (2, 1, 3, "1", None, 12)],
    ),
    "mathematics": (
        "SELECT floor(x) AS f, ceil(x) AS c, round(x * 1.07, 2) AS r, ln(x + 2.5) AS l, log10(abs(x) + 1) AS t, "
        "sqrt(abs(x)) AS s, greatest(x, 0.0) AS g, x ** 2 AS p FROM rows WHERE id <> 3",
        {name: "double" for name in "fcrltsgp"},
        [
            ("NaN",) * 8,
            (-3.0, -2.0, -2.68, -math.inf, 0.544068044350, 1.58113883008, 0.0, 6.25),
            (0.0, 0.0, 0.0, 0.916290731874, 0.0, 0.0, 0.0, 0.0),
            (1.0, 2.0, 1.61, 1.38629436112, 0.397940008672, 1.22474487139, 1.5, 2.25),
            (2.0, 3.0, 2.68, 1.60943791243, 0.544068044350, 1.58113883008, 2.5, 6.25),
        ],
    ),
    "strings": (
        'SELECT upper("group") AS u, length("group") AS n, "group" || \'-x\\y\'\'z\' AS c, md5("group") AS h, '
        "concat_ws('/', 'k', CAST(id AS VARCHAR), CAST(day AS VARCHAR)) AS k, \"group\" LIKE '日%' AS j "
        "FROM rows WHERE id IN (1, 4, 6)",
        {"u": "string", "n": "int64", "c": "string", "h": "string", "k": "string", "j": "bool"},
        [
            ("A", 1, "a-x\\y'z", "0cc175b9c0f1b6a831c399e269772661", "k/1/2013-01-06", False),
            ("日本", 2, "日本-x\\y'z", "4dbed2e657457884e67137d3514119b3", "k/6/2013-12-31", True),
            (None, None, None, None, "k/4/2012-02-29", None),
        ],
    ),
    "booleans": (
        "SELECT late AND x > 0 AS a, late OR id = 3 AS o, NOT late AS n, late IS NULL AS missing FROM rows WHERE id IN (2, 3)",
        {"a": "bool", "o": "bool", "n": "bool", "missing": "bool"},
        [(False, False, True, False), (None, True, None, True)],
    ),
    "dates": (
        "SELECT extract(year FROM day) AS y, month(day) AS m, dayofweek(day) AS w, date_part('isodow', day) AS i, "
        "day + INTERVAL 1 MONTH AS later, date_trunc('month', day) AS start, date_diff('day', day, DATE '2013-12-31') AS left_, "
        "date_diff('month', day, DATE '2013-12-31') AS months, strftime(day, '%Y-%m') AS text FROM rows WHERE id IN (1, 4)",
        {
            "y": "int64",
            "m": "int64",
            "w": "int64",
            "i": "int64",
            "later": "timestamp[us]",
            "start": "timestamp[us]",
            "left_": "int64",
            "months": "int64",
            "text": "string",
        },
        [
            (2012, 2, 3, 3, TIME(2012, 3, 29), TIME(2012, 2, 1), 671, 22, "2012-02"),
            (2013, 1, 0, 7, TIME(2013, 2, 6), TIME(2013, 1, 1), 359, 11, "2013-01"),
        ],
    ),
    "timestamps": (
        "SELECT local, instant, hour(local) AS h, date_trunc('hour', instant) AS t, CAST(local AS DATE) AS d, "
        "date_diff('hour', local, TIMESTAMP '2013-01-01 06:01:00') AS hours, epoch(instant) AS e, "
        "CAST(instant AS TIMESTAMP) AS utc, local + INTERVAL 90 MINUTE AS later FROM rows WHERE id < 3",
        {
            "local": "timestamp[us]",
            "instant": "timestamp[us, tz=UTC]",
            "h": "int64",
            "t": "timestamp[us, tz=UTC]",
            "d": "date32[day]",
            "hours": "int64",
            "e": "double",
            "utc": "timestamp[us]",
            "later": "timestamp[us]",
        },
        [
            (
                TIME(2013, 1, 1, 5, 30, 0, 250),
                TIME(2013, 1, 1, 5, 30, tzinfo=UTC),
                5,
                TIME(2013, 1, 1, 5, tzinfo=UTC),
                DAY(2013, 1, 1),
                1,
                1357018200.0,
                TIME(2013, 1, 1, 5, 30),
                TIME(2013, 1, 1, 7, 0, 0, 250),
            ),
            (None,) * 9,
        ],
    ),
    "keywords as names": (
        'SELECT id AS "order", small AS "select", late AS "from", x AS "Two words" FROM rows WHERE id = 1 ORDER BY "order"',
        {"order": "int64", "select": "int32", "from": "bool", "Two words": "double"},
        [(1, 1, True, 1.5)],
    ),
    "empty": (
        'SELECT id, x, "group" FROM rows WHERE id > 99',
        {"id": "int64", "x": "double", "group": "string"},
        [],
    ),
    "null": (
        "SELECT NULL AS nothing, CAST(NULL AS DOUBLE) AS x",
        {"nothing": "int32", "x": "double"},
        [(None, None)],
    ),
}


def sorted_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    rows = [tuple(plain(value) for value in row.values()) for row in table.to_pylist()]
    return sorted(rows, key=repr)


class TestEngine:
    @pytest.mark.parametrize("case", QUERIES)
    def test_query(self, engine: Engine, tables: dict[str, Any], case: str) -> None:
        query, types, expected = QUERIES[case]
        result = engine.sql(Query(query), **{name: tables[name] for name in tables})
        table = engine.collect(result)
        assert {field.name: str(field.type) for field in table.schema} == types
        assert table.schema == engine.schema(result)
        rows = [tuple(plain(value) for value in row) for row in expected]
        assert sorted_rows(table) == sorted(rows, key=repr)

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("SELECT * FROM planes", "'planes'"),
            ("SELECT nope FROM rows", '"nope"'),
            ("SELECT frobnicate(id) FROM rows", "frobnicate"),
            ("SELECT * FROM read_csv('x.csv')", "READ_CSV"),
            ("SELECT 1; SELECT 2", "exactly one"),
            ("DELETE FROM rows", "DELETE"),
            ("SELECT FROM WHERE", "does not parse"),
            ("SELECT TIME '10:00' AS t", "sql.t"),
        ],
    )
    def test_refuses(self, engine: Engine, tables: dict[str, Any], query: str, named: str) -> None:
        with pytest.raises(InvalidInputError, match="what would do") as refused:
            engine.sql(Query(query), rows=tables["rows"])
        assert named.lower() in str(refused.value).lower()

    def test_queries_nest(self, engine: Engine, tables: dict[str, Any]) -> None:
        late = engine.sql("SELECT id, sum(small) AS s FROM rows WHERE late GROUP BY id", rows=tables["rows"])
        top = engine.sql("SELECT max(s) / 4 AS top FROM late", late=late)
        assert engine.collect(top).to_pylist() == [{"top": 1.5}]

    def test_write_and_scan(self, engine: Engine, tables: dict[str, Any], store: Store) -> None:
        dataset = written(engine, tables["rows"], store)
        assert dataset.rows == 6
        assert dataset.columns == {field.name: str(field.type) for field in engine.schema(tables["rows"])}
        assert all(name.endswith(".parquet") for name in dataset.manifest.files)
        again = engine.scan(dataset)
        assert engine.schema(again) == engine.schema(tables["rows"])
        assert sorted_rows(engine.collect(again)) == sorted_rows(engine.collect(tables["rows"]))
        assert sorted_rows(dataset.table()) == sorted_rows(engine.collect(again))
        assert pq.read_metadata(dataset.files[0]).row_group(0).column(0).compression == "ZSTD"

    def test_write_nothing(self, engine: Engine, tables: dict[str, Any], store: Store) -> None:
        empty = engine.sql("SELECT id, x FROM rows WHERE id > 99", rows=tables["rows"])
        dataset = written(engine, empty, store)
        assert (dataset.rows, dataset.columns) == (0, {"id": "int64", "x": "double"})
        assert engine.collect(engine.scan(dataset)).num_rows == dataset.table().num_rows == 0

    def test_row_groups_are_small(self, engine: Engine, store: Store, tmp_path: Path) -> None:
        pq.write_table(pa.table({"n": np.arange(150_000)}), tmp_path / "many.parquet")
        dataset = written(engine, engine.read_files(f"{tmp_path}/many.parquet"), store)
        groups = [
            file.row_group(number).num_rows
            for file in map(pq.read_metadata, dataset.files)
            for number in range(file.num_row_groups)
        ]
        assert sum(groups) == dataset.rows == 150_000
        assert max(groups) <= 1 << 16

    def test_refuses_corrupt_file(self, engine: Engine, store: Store) -> None:
        with DuckDBEngine() as other:  # What the engine itself has just written it reads from memory.
            dataset = written(other, other.table(pa.table({"n": [1, 2, 3]})), store)
        with open(dataset.files[0], "r+b") as file:
            file.seek(8)
            file.write(b"\0\1\2")
        with pytest.raises(CorruptArtifactError, match=r"part-00000\.parquet"):
            engine.scan(dataset)

    def test_map_batches(self, engine: Engine, tables: dict[str, Any], store: Store) -> None:
        chain = encoding()
        mapped = engine.map_batches(tables["rows"], chain)
        expected = chain.apply(engine.collect(tables["rows"]).combine_chunks().to_batches()[0])
        schema = canonical(expected.schema)
        assert engine.schema(mapped) == schema
        assert sorted_rows(engine.collect(mapped)) == sorted_rows(pa.Table.from_batches([expected]))
        queried = engine.sql(
            'SELECT count(*) AS n, sum("group") AS slots, max(leaves[1]) AS leaf FROM mapped', mapped=mapped
        )
        assert engine.collect(queried).to_pylist() == [{"n": 6, "slots": 2 + 3 + 2 + 0 + 1 + 1, "leaf": 1}]
        dataset = written(engine, mapped, store)
        assert (dataset.columns["group"], dataset.columns["id"]) == ("int8", "int16")
        assert dataset.columns["leaves"] == "list<item: int16>"
        assert engine.schema(engine.scan(dataset)) == schema
        assert sorted_rows(engine.collect(engine.scan(dataset))) == sorted_rows(engine.collect(mapped))

    def test_map_batches_of_nothing(self, engine: Engine, tables: dict[str, Any]) -> None:
        nothing = engine.sql("SELECT * FROM rows WHERE id > 99", rows=tables["rows"])
        table = engine.collect(engine.map_batches(nothing, encoding()))
        assert table.num_rows == 0
        assert str(table.schema.field("leaves").type) == "list<item: int32>"


class TestFiles:
    TEXT = 'id,when,at,name,x\n1,2013-01-01,2013-01-01T05:00:00Z,"NA",1.5\n2,NA,,Zoë,NA\n'

    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zip"])
    def test_csv(self, engine: Engine, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"rows{suffix}"
        if suffix == ".csv.gz":
            path.write_bytes(gzip.compress(self.TEXT.encode()))
        elif suffix == ".csv.zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("rows.csv", self.TEXT)
        else:
            path.write_text(self.TEXT)
        table = engine.collect(engine.read_files(str(path)))
        assert {field.name: str(field.type) for field in table.schema} == {
            "id": "int64",
            "when": "date32[day]",
            "at": "timestamp[us, tz=UTC]",
            "name": "string",
            "x": "double",
        }
        assert sorted_rows(table) == [
            (1, DAY(2013, 1, 1), TIME(2013, 1, 1, 5, tzinfo=UTC), "NA", 1.5),
            (2, None, None, "Zoë", None),
        ]

    def test_foreign_parquet(self, engine: Engine, tmp_path: Path) -> None:
        rows = pa.table(
            {
                "u8": pa.array([1, 255], pa.uint8()),
                "u64": pa.array([1, 2], pa.uint64()),
                "price": pa.array([1, 2], pa.decimal128(9, 2)),
                "kind": pa.array(["a", None]).dictionary_encode(),
                "ns": pa.array([1, 1_000_000_001], pa.timestamp("ns")),
                "big": pa.array(["x", "y"], pa.large_string()),
            }
        )
        for number in range(2):
            pq.write_table(rows.slice(number, 1), tmp_path / f"{number}.parquet")
        table = engine.collect(engine.read_files(f"{tmp_path}/*.parquet"))
        assert [str(kind) for kind in table.schema.types] == [
            "int32",
            "int64",
            "double",
            "string",
            "timestamp[us]",
            "string",
        ]
        assert sorted_rows(table) == [
            (1, 1, 1.0, "a", TIME(1970, 1, 1), "x"),
            (255, 2, 2.0, None, TIME(1970, 1, 1, 0, 0, 1), "y"),
        ]

    def test_missing_file(self, engine: Engine, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match=r"nothing-\*\.csv"):
            engine.read_files(f"{tmp_path}/nothing-*.csv")

    def test_unknown_format(self, engine: Engine, tmp_path: Path) -> None:
        (tmp_path / "rows.xls").write_text("x")
        with pytest.raises(InvalidInputError, match=r"rows\.xls"):
            engine.read_files(f"{tmp_path}/rows.xls")


def written(engine: Engine, relation: Any, store: Store) -> Dataset:
    draft = store.draft(Kind.DATASET, "0" * 32, lineage={"stage": "test"})
    engine.write(relation, draft)
    artifact = draft.commit()
    assert isinstance(artifact, Dataset)
    return artifact


def encoding() -> Chain:
    """Fill, scale, index, hash, and a tree of one split."""
    encode = Encode(
        encodings=[
            NumericEncoding(column="x", maps=[FittedFill(value=0.5), FittedScale(shift=0.5, scale=2.0)]),
            NumericEncoding(column="small", maps=[]),
            SlotEncoding(columns=["group"], output="group", map=FittedIndex(vocabulary=["a", "b"])),
            SlotEncoding(columns=["id"], output="id", map=FittedHash(bits=8, salt="id")),
        ],
    )
    trees = pa.table(
        {
            "tree": [0, 0, 0],
            "node": [0, 1, 2],
            "feature": [0, None, None],
            "threshold": [0.0, 0.0, 0.0],
            "left": [1, None, None],
            "right": [2, None, None],
            "default_left": [True, None, None],
            "leaf": pa.array([None, 0, 1], pa.int32()),
        }
    )
    return Chain((encode, LeafEncode.of(trees, ["x", "small"])))
