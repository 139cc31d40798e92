"""The edges of a graph, as the graph stages read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.engines.contract import Engine, Relation

WEIGHTS = ("int32", "int64", "float", "double")


def scan_edges(
    engine: Engine, dataset: Dataset, stage: str, *, source: str, target: str, weight: str | None = None
) -> Relation:
    """Return the edges as columns ``source``, ``target`` (both BIGINT or VARCHAR) and ``weight`` (DOUBLE).

    :param stage: the stage that asks, which has the fields ``source``, ``target`` and ``weight``
    :param weight: the weights' column; every edge weighs 1 where None
    :raises InvalidInputError: a column is unknown or of a type that does not do; there are no edges; an edge
        lacks an end, or its weight is missing, negative or not finite
    """
    dataset.require(f"{stage}.source", source)
    dataset.require(f"{stage}.target", target)
    rows = engine.scan(dataset)
    kinds = {field.name: str(field.type) for field in engine.schema(rows)}
    ends = {"VARCHAR" if kinds[name] == "string" else kinds[name][:3] for name in (source, target)}
    if ends not in ({"int"}, {"VARCHAR"}):
        raise InvalidInputError(
            f"{stage}.source",
            f"{source!r} is of type {kinds[source]}, {target!r} of {kinds[target]}",
            "both integers, or both strings",
        )
    number = "CAST(1 AS DOUBLE)"
    if weight is not None:
        dataset.require(f"{stage}.weight", weight)
        if kinds[weight] not in WEIGHTS:
            raise InvalidInputError(f"{stage}.weight", f"{weight!r} is of type {kinds[weight]}", "numbers")
        number = f"CAST({quoted(weight)} AS DOUBLE)"
    kind = "BIGINT" if ends == {"int"} else "VARCHAR"
    edges = engine.sql(
        f"SELECT CAST({quoted(source)} AS {kind}) AS source, CAST({quoted(target)} AS {kind}) AS target, "
        f"{number} AS weight FROM rows",
        rows=rows,
    )
    found = engine.collect(
        engine.sql(
            """
            SELECT count(*) AS edges,
                count(CASE WHEN source IS NULL OR target IS NULL THEN 1 END) AS endless,
                count(CASE WHEN weight >= 0 AND weight < CAST('Infinity' AS DOUBLE) THEN 1 END) AS weighed
            FROM edges
            """,
            edges=edges,
        )
    ).to_pylist()[0]
    if not found["edges"]:
        raise InvalidInputError(f"{stage}.edges", "it has no edges", "a row for each edge")
    if found["endless"]:
        raise InvalidInputError(
            f"{stage}.edges", f"{found['endless']} edges lack {source!r} or {target!r}", "drop those rows"
        )
    if unfit := found["edges"] - found["weighed"]:
        raise InvalidInputError(
            f"{stage}.weight",
            f"{unfit} edges have a weight that is missing, negative or not finite",
            "weights of 0 or more",
        )
    return edges


NODES = "SELECT source AS node FROM edges UNION SELECT target AS node FROM edges"
"""The query of a graph's nodes, each once."""
