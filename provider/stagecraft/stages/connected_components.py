"""Connected components: which nodes of a graph hang together."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from stagecraft.artifacts.artifact import Kind
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.edges import NODES, scan_edges

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation

log = logging.getLogger(__name__)

# Edges are pairs (high, low) of nodes, high > low, each once. Both operations keep what is connected.
LARGE_STAR = """
WITH near AS (SELECT high AS node, low AS other FROM edges UNION ALL SELECT low, high FROM edges),
centers AS (SELECT node, least(node, min(other)) AS center FROM near GROUP BY node)
SELECT DISTINCT near.other AS high, centers.center AS low
FROM near JOIN centers ON near.node = centers.node WHERE near.other > near.node
"""
SMALL_STAR = """
WITH centers AS (SELECT high AS node, min(low) AS center FROM edges GROUP BY high)
SELECT high, low FROM (
    SELECT edges.low AS high, centers.center AS low
    FROM edges JOIN centers ON edges.high = centers.node WHERE edges.low > centers.center
    UNION SELECT node, center FROM centers
)
"""
OPEN = """
SELECT (SELECT count(*) - count(DISTINCT high) FROM edges)
    + (SELECT count(*) FROM edges WHERE low IN (SELECT high FROM edges)) AS open
"""
"""How far the edges are from stars, in each of which all nodes point to the smallest one."""


class ConnectedComponents(Stage):
    """Gives each node of an undirected graph its component: the smallest node that it is connected with.

    The output has a row a node, in order: ``node`` and ``component`` (BIGINT or VARCHAR, as the edges have
    it; strings are compared by their bytes). A chain of n nodes takes about log n rounds.

    Source: Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii, Connected Components in MapReduce and Beyond,
    SoCC 2014: large-star and small-star in turn.

    :param source: the column of one end of the edges, integers or strings
    :param target: the column of the other end

    >>> ConnectedComponents(source="from", target="to").target
    'to'
    """

    name: ClassVar[str] = "connected_components"
    inputs: ClassVar[Mapping[str, Kind]] = {"edges": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}

    source: str
    target: str

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        engine = bench.engine
        given = scan_edges(engine, inputs["edges"], self.name, source=self.source, target=self.target)
        stars = self._stars(bench, given)
        engine.write(
            engine.sql(
                f"""
                SELECT nodes.node, coalesce(stars.low, nodes.node) AS component
                FROM ({NODES}) AS nodes LEFT JOIN stars ON nodes.node = stars.high
                ORDER BY component, nodes.node
                """,
                edges=given,
                stars=stars,
            ),
            drafts["dataset"],
        )

    def _stars(self, bench: Workbench, given: Relation) -> Relation:
        """Turn the edges into stars, one a component."""
        engine: Engine = bench.engine
        edges = engine.materialize(
            engine.sql(
                "SELECT DISTINCT greatest(source, target) AS high, least(source, target) AS low FROM edges "
                "WHERE source <> target",
                edges=given,
            )
        )
        for iteration in itertools.count():
            left = engine.collect(engine.sql(OPEN, edges=edges))["open"][0].as_py()
            bench.tracker.log(iteration, delta=left)
            if not left:
                log.info("Connected components: %d rounds", iteration)
                return edges
            large = engine.materialize(engine.sql(LARGE_STAR, edges=edges))
            engine.release(edges)
            edges = engine.materialize(engine.sql(SMALL_STAR, edges=large))
            engine.release(large)
        raise AssertionError("unreachable")
