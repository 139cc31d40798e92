from __future__ import annotations

import pytest

from stagecraft.engines.dialect import Query
from stagecraft.engines.spark_sql import spark_sql
from stagecraft.errors import InvalidInputError

COLUMNS: dict[str, object] = {"t0": {"a": "INTEGER", "b": "DOUBLE", "when": "TIMESTAMP"}}


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("SELECT 1", []),
        ("SELECT * FROM t JOIN u USING (a) WHERE a IN (SELECT a FROM v)", ["t", "u", "v"]),
        ("WITH x AS (SELECT * FROM t), y AS (SELECT * FROM X) SELECT * FROM y", ["t"]),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", ["t"]),
        ("SELECT (SELECT max(a) FROM u) FROM t UNION ALL SELECT a FROM w", ["t", "u", "w"]),
        ("FROM t SELECT a", ["t"]),
        ("SELECT * FROM t SEMI JOIN u USING (a)", ["t", "u"]),
    ],
)
def test_finds_the_tables(text: str, tables: list[str]) -> None:
    assert sorted(Query(text).tables) == tables


def test_binds_tables_whatever_their_case() -> None:
    bound = Query("SELECT Flights.a, count(*) FROM flights").bound({"FLIGHTS": "t0"})
    assert bound.sql("duckdb") == 'SELECT Flights.a, COUNT(*) FROM "t0" AS "flights"'


def test_binding_leaves_the_query_as_it_is() -> None:
    query = Query("SELECT * FROM t AS x")
    assert query.bound({"t": "t0"}).sql("duckdb") == 'SELECT * FROM "t0" AS x'
    assert query.tables == ["t"]


@pytest.mark.parametrize(
    "table", ["u", "main.t", "'t.parquet'", "read_parquet('t')", "information_schema.tables"]
)
def test_refuses_unknown_tables(table: str) -> None:
    with pytest.raises(InvalidInputError, match=r"unknown table.*one of 't', 'other'"):
        Query(f"SELECT * FROM {table}").bound({"t": "t0", "other": "t1"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "holds nothing"),
        ("SELECT 1; SELECT 2", "holds SELECT, SELECT"),
        ("CREATE TABLE t AS SELECT 1", "holds CREATE"),
        ("COPY (SELECT 1) TO 'x'", "holds COPY"),
        ("SET threads = 1", "holds SET"),
        ("SELECT 'open", "does not parse"),
        ("SELECT a FROM", "line 1, column"),
    ],
)
def test_refuses_what_is_no_query(text: str, found: str) -> None:
    with pytest.raises(InvalidInputError, match=found):
        Query(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT hash(a) AS h FROM t", r"hash\(a\)"),
        ("SELECT approx_quantile(a, 0.5) AS q FROM t", "APPROX_QUANTILE"),
        ("SELECT random() AS r FROM t", "RANDOM"),
        ("SELECT * FROM t USING SAMPLE 10%", "TABLESAMPLE"),
        ('SELECT date_diff(\'decade\', "when", "when") AS d FROM t', "DECADE"),
        ("SELECT log(3, b) AS l FROM t", "log of base 3"),
    ],
)
def test_spark_refuses_by_name(text: str, named: str) -> None:
    with pytest.raises(InvalidInputError, match=f"(?i){named}"):
        spark_sql(Query(text).bound({"t": "t0"}), COLUMNS)


@pytest.mark.parametrize(
    ("text", "spark"),
    [
        ('SELECT isodow("when") AS d FROM t', "(WEEKDAY(`t`.`when`) + 1) AS `d`"),
        ("SELECT quantile_cont(b, 0.5) AS q FROM t", "PERCENTILE(`t`.`b`, 0.5) AS `q`"),
        ("SELECT * FROM t", "`t`.`a` AS `a`, `t`.`b` AS `b`, `t`.`when` AS `when`"),
        ("SELECT a // 2 AS h FROM t", "`t`.`a` DIV 2 AS `h`"),
        ("SELECT CAST(b AS VARCHAR) AS s, CAST('2013-01-01' AS TIMESTAMP) AS w FROM t", "AS TIMESTAMP_NTZ"),
    ],
)
def test_says_it_in_sparks_words(text: str, spark: str) -> None:
    assert spark in spark_sql(Query(text).bound({"t": "t0"}), COLUMNS)
