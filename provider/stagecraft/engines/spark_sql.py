"""DuckDB's dialect, said in Spark's: the same numbers, or a refusal."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, UnsupportedError
from sqlglot.optimizer.qualify import qualify

from stagecraft.engines.contract import WHERE
from stagecraft.errors import InvalidInputError

REFUSED_NODES: dict[type[exp.Expr], str] = {
    exp.ApproxDistinct: "count(DISTINCT …)",
    exp.ApproxQuantile: "quantile_cont",
    exp.Columns: "the columns by their names",
    exp.Pivot: "sum(…) FILTER (WHERE …)",
    exp.Quantile: "quantile_cont or quantile_disc",
    exp.Rand: "md5 of a key",
    exp.TableSample: "the stage stratified_sample",
    exp.Uuid: "md5 of a key",
}
REFUSED_CALLS = {"HASH": "hash_long or hash_text", "REGR_SLOPE": "sums", "AGE": "date_diff"}
HASHES = {"HASH_LONG": "BIGINT", "HASH_TEXT": "TEXT"}
SECONDS = {"HOUR": 3600, "MINUTE": 60, "SECOND": 1}
INTEGERS = {
    exp.DataType.Type.TINYINT,
    exp.DataType.Type.SMALLINT,
    exp.DataType.Type.INT,
    exp.DataType.Type.BIGINT,
}


def spark_sql(tree: exp.Query, columns: dict[str, object]) -> str:
    """Translate a query whose tables are bound.

    :param columns: internal table name → dictionary of its columns and their DuckDB types
    :raises InvalidInputError: a construct that Spark lacks, or that gives other results there
    """
    _refuse(tree)
    try:
        tree = qualify(tree, schema=columns, dialect="duckdb", validate_qualify_columns=False)
        for node in reversed(list(tree.bfs())):
            if rewrite := REWRITES.get(type(node)):
                node.replace(rewrite(node))
        return tree.sql("spark", identify=True, unsupported_level=ErrorLevel.RAISE)
    except (OptimizeError, UnsupportedError) as error:
        raise InvalidInputError(
            WHERE, f"cannot run on Spark: {error}", "another way to say it, or DuckDB"
        ) from error


def _refuse(tree: exp.Query) -> None:
    for node in tree.walk():
        remedy = REFUSED_NODES.get(type(node))
        if isinstance(node, exp.Anonymous):
            remedy = REFUSED_CALLS.get(node.name.upper())
        if isinstance(node, exp.Join) and node.method in ("ASOF", "POSITIONAL"):
            remedy = "a join and a window, or DuckDB"
        if remedy:
            raise InvalidInputError(WHERE, f"on Spark, {node.sql('duckdb')!r} gives other results", remedy)


def _template(text: str, **parts: exp.Expr) -> exp.Expr:
    made = exp.replace_placeholders(
        sqlglot.parse_one(text, dialect="spark"), **{k: v.copy() for k, v in parts.items()}
    )
    return exp.paren(made, copy=False)


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of Spark's, kept as it is."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _divide(node: exp.Expr) -> exp.Expr:
    return _template(
        "CASE WHEN CAST(:b AS DOUBLE) = 0 THEN CAST(:a AS DOUBLE) * CAST('Infinity' AS DOUBLE) "
        "ELSE TRY_DIVIDE(CAST(:a AS DOUBLE), CAST(:b AS DOUBLE)) END",
        a=node.this,
        b=node.expression,
    )


def _cast(node: exp.Expr) -> exp.Expr:
    """Spark cuts off what DuckDB rounds: floats half to even, decimals half away from zero."""
    value, kind = node.this, node.args["to"]
    whole = exp.Predicate | exp.Boolean | exp.Connector | exp.Null
    if kind.this not in INTEGERS or isinstance(value, whole):
        return node
    if isinstance(value, exp.Literal) and value.is_int:
        return node
    cast = f"{'TRY_CAST' if isinstance(node, exp.TryCast) else 'CAST'}({{}} AS {kind.sql('spark')})"
    double = cast.format("RINT(CAST(CAST(:x AS STRING) AS DOUBLE))")
    decimal = cast.format("ROUND(CAST(CAST(:x AS STRING) AS DECIMAL(38, 10)))")
    return _template(
        f"CASE WHEN TYPEOF(:x) IN ('double', 'float') THEN {double} "
        f"WHEN TYPEOF(:x) LIKE 'decimal%' THEN {decimal} ELSE {cast.format(':x')} END",
        x=value,
    )


def _floor(node: exp.Expr) -> exp.Expr:
    """Spark's FLOOR and CEIL are BIGINT, which has no NaN and ends early."""
    if node.args.get("decimals"):
        return node
    return _template(
        "CASE WHEN ISNAN(CAST(:x AS DOUBLE)) OR ABS(CAST(:x AS DOUBLE)) >= 4503599627370496 "
        "THEN CAST(:x AS DOUBLE) ELSE CAST(:whole AS DOUBLE) END",
        x=node.this,
        whole=node,
    )


def _round(node: exp.Expr) -> exp.Expr:
    """DuckDB rounds the scaled double; Spark rounds its decimal text."""
    digits = node.args.get("decimals")
    if digits is None:
        return node
    return _template(
        "CASE WHEN TYPEOF(:x) IN ('double', 'float') "
        "THEN ROUND(CAST(:x AS DOUBLE) * POWER(CAST(10 AS DOUBLE), :digits)) "
        "/ POWER(CAST(10 AS DOUBLE), :digits) "
        "ELSE CAST(:whole AS DOUBLE) END",
        x=node.this,
        digits=digits,
        whole=node,
    )


def _logarithm(name: str, value: exp.Expr) -> exp.Expr:
    """Spark's is NULL where DuckDB's is -inf or NaN."""
    return _template(
        "CASE WHEN :x > 0 THEN :log WHEN :x = 0 THEN CAST('-Infinity' AS DOUBLE) "
        "WHEN :x < 0 THEN CAST('NaN' AS DOUBLE) END",
        x=value,
        log=_call(name, value),
    )


def _log(node: exp.Expr) -> exp.Expr:
    if node.expression is None:
        return _logarithm("LOG10", node.this)
    base = node.this.name
    if base not in ("2", "10"):
        raise UnsupportedError(f"log of base {node.this.sql('duckdb')}")
    return _logarithm(f"LOG{base}", node.expression)


def _extract(node: exp.Expr) -> exp.Expr:
    part, value = node.this.name.upper(), node.expression
    if part in ("DOW", "DAYOFWEEK", "WEEKDAY"):
        return _template("DAYOFWEEK(:x) - 1", x=value)
    if part == "ISODOW":
        return _template("WEEKDAY(:x) + 1", x=value)
    if part == "EPOCH":
        return _epoch(value)
    return exp.cast(node.copy(), "BIGINT")


def _epoch(value: exp.Expr) -> exp.Expr:
    micros = _call("UNIX_MICROS", exp.cast(value.copy(), "TIMESTAMPTZ"))
    return _template("CAST(:micros AS DOUBLE) / CAST(1000000 AS DOUBLE)", micros=micros)


def _anonymous(node: exp.Expr) -> exp.Expr:
    name, arguments = node.name.upper(), node.expressions
    if name in ("DATE_PART", "DATEPART") and isinstance(arguments[0], exp.Literal):
        return _extract(exp.Extract(this=exp.var(arguments[0].name), expression=arguments[1]))
    if name == "ISODOW":
        return _template("WEEKDAY(:x) + 1", x=arguments[0])
    if name == "STRLEN":
        return _call("OCTET_LENGTH", *arguments)
    if name in HASHES:
        return _hash(node, HASHES[name])
    return node


def _hash(node: exp.Expr, kind: str) -> exp.Expr:
    """A chain of hashes becomes one call of Spark's built-in, whose seed is 42."""
    running, value = node.expressions
    hashed = exp.cast(value.copy(), kind)
    if isinstance(running, exp.Anonymous) and running.name == "XXHASH64":
        return _call("XXHASH64", *running.expressions, hashed)
    if running.sql() != "42":
        raise UnsupportedError(f"{node.name} that starts with {running.sql('duckdb')} in place of 42")
    return _call("XXHASH64", hashed)


def _date_diff(node: exp.Expr) -> exp.Expr:
    """DuckDB counts the boundaries between; Spark the whole units."""
    unit = (node.args["unit"].name if node.args.get("unit") else "DAY").upper()
    b, a = node.this, node.expression
    if unit == "DAY":
        return _call("DATEDIFF", exp.cast(b.copy(), "DATE"), exp.cast(a.copy(), "DATE"))
    if unit == "YEAR":
        return _template("YEAR(:b) - YEAR(:a)", a=a, b=b)
    if unit == "MONTH":
        return _template("(YEAR(:b) - YEAR(:a)) * 12 + MONTH(:b) - MONTH(:a)", a=a, b=b)
    if unit in SECONDS:
        start, end = (
            _call("UNIX_SECONDS", _call("DATE_TRUNC", exp.Literal.string(unit), time)) for time in (a, b)
        )
        return _template(f"(:end - :start) DIV {SECONDS[unit]}", start=start, end=end)
    raise UnsupportedError(f"date_diff of {unit}")


def _percentile_disc(node: exp.Expr) -> exp.Expr:
    if node.expression is None:
        return node
    call = exp.PercentileDisc(this=node.expression.copy())
    order = exp.Order(expressions=[exp.Ordered(this=node.this.copy(), nulls_first=True)])
    return exp.WithinGroup(this=call, expression=order)


def _percentile_cont(node: exp.Expr) -> exp.Expr:
    return node if node.expression is None else _call("PERCENTILE", node.this, node.expression)


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Div: _divide,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Floor: _floor,
    exp.Ceil: _floor,
    exp.Round: _round,
    exp.Ln: lambda node: _logarithm("LN", node.this),
    exp.Log: _log,
    exp.Extract: _extract,
    exp.DayOfWeek: lambda node: _template("DAYOFWEEK(:x) - 1", x=node.this),
    exp.DayOfWeekIso: lambda node: _template("WEEKDAY(:x) + 1", x=node.this),
    exp.Week: lambda node: _call("WEEKOFYEAR", node.this),
    exp.TimeToUnix: lambda node: _epoch(node.this),
    exp.DateDiff: _date_diff,
    exp.PercentileDisc: _percentile_disc,
    exp.PercentileCont: _percentile_cont,
    exp.Anonymous: _anonymous,
}
