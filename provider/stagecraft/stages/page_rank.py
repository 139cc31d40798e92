"""PageRank: how important a node is, by the importance of those that point to it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.edges import NODES, scan_edges

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation

log = logging.getLogger(__name__)

WHOLE = 10**18
"""The ranks' sum: they are integers while they are computed, so that their sums do not depend on an order."""

HEAVIEST = 2**36
"""The weight of a node's heaviest edge, for the same reason."""


class PageRank(Stage):
    """Ranks the nodes of a directed graph; the ranks sum to 1.

    A node's rank is (1 - damping) / nodes, plus ``damping`` times what the nodes that point to it hand on:
    each its rank, shared among its edges by their weights. A node without edges hands on to all nodes alike.
    Edges that are there several times count as often. The output has a row a node, the highest rank first:
    ``node`` (BIGINT or VARCHAR, as the edges have it) and ``rank`` (DOUBLE), to the bit the same on every
    engine: ranks are computed in integers, units of 1e-18.

    Source: Page, Brin, Motwani, Winograd, The PageRank Citation Ranking, 1998; power iteration.

    :param source: the column of the nodes that edges come from, integers or strings
    :param target: the column of the nodes that edges go to
    :param weight: the edges' weights, 0 or more; all alike where None
    :param damping: the part of a rank that follows edges, in [0, 1)
    :param tolerance: the iterations end when the ranks' changes sum to less
    :param max_iterations: they end here at the latest, with a warning

    >>> PageRank(source="from", target="to").damping
    0.85
    """

    name: ClassVar[str] = "page_rank"
    inputs: ClassVar[Mapping[str, Kind]] = {"edges": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}

    source: str
    target: str
    weight: str | None = None
    damping: float = Field(default=0.85, ge=0, lt=1)
    tolerance: float = Field(default=1e-6, gt=0, lt=1)
    max_iterations: int = Field(default=100, ge=1)

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        engine = bench.engine
        edges = scan_edges(
            engine, inputs["edges"], self.name, source=self.source, target=self.target, weight=self.weight
        )
        shares = engine.materialize(self._shares(engine, edges))
        nodes = engine.materialize(engine.sql(NODES, edges=edges))
        count = engine.collect(engine.sql("SELECT count(*) AS nodes FROM nodes", nodes=nodes))
        number = count["nodes"][0].as_py()
        ranks = engine.materialize(
            engine.sql(
                f"""
                SELECT nodes.node, CAST({WHOLE // number} AS BIGINT) AS rank, CAST(0 AS BIGINT) AS before,
                    givers.source IS NULL AS keeps
                FROM nodes LEFT JOIN (SELECT DISTINCT source FROM shares) AS givers
                ON nodes.node = givers.source
                """,
                nodes=nodes,
                shares=shares,
            )
        )
        _, kept = self._summary(engine, ranks)
        for iteration in range(1, self.max_iterations + 1):
            made = engine.materialize(self._next(engine, ranks, shares, self._base(number, kept)))
            engine.release(ranks)
            ranks = made
            moved, kept = self._summary(engine, ranks)
            delta = moved / WHOLE
            done = math.log(max(delta, self.tolerance)) / math.log(self.tolerance)
            bench.tracker.log(iteration, delta=delta, progress=min(max(done, 0.0), 1.0))
            if delta < self.tolerance:
                break
        else:
            log.warning(
                "page_rank: after %d iterations the ranks still change by %.3g", self.max_iterations, delta
            )
        log.info("%d nodes, %d iterations, last change %.3g", number, iteration, delta)
        engine.write(
            engine.sql(
                f"SELECT node, CAST(rank AS DOUBLE) / CAST({WHOLE} AS DOUBLE) AS rank FROM ranks "
                "ORDER BY ranks.rank DESC, node",
                ranks=ranks,
            ),
            drafts["dataset"],
        )

    def _shares(self, engine: Engine, edges: Relation) -> Relation:
        """The part of its source's rank that an edge hands on: ``source``, ``target``, ``share`` (DOUBLE)."""
        return engine.sql(
            f"""
            WITH heaviest AS (
                SELECT source, max(weight) AS weight FROM edges WHERE weight > 0 GROUP BY source
            ),
            whole AS (
                SELECT edges.source, edges.target,
                    CAST(floor(edges.weight / heaviest.weight * {HEAVIEST}) AS BIGINT) AS units
                FROM edges JOIN heaviest ON edges.source = heaviest.source
            ),
            totals AS (SELECT source, CAST(sum(units) AS BIGINT) AS units FROM whole GROUP BY source),
            pairs AS (
                SELECT source, target, CAST(sum(units) AS BIGINT) AS units FROM whole
                WHERE units > 0 GROUP BY source, target
            )
            SELECT pairs.source, pairs.target,
                CAST(pairs.units AS DOUBLE) / CAST(totals.units AS DOUBLE) * CAST({self.damping!r} AS DOUBLE)
                    AS share
            FROM pairs JOIN totals ON pairs.source = totals.source
            """,
            edges=edges,
        )

    def _base(self, nodes: int, kept: int) -> int:
        """What every node gets: its part of what damping takes, and of the ranks of nodes without edges."""
        damping = Fraction(self.damping)
        return int(((1 - damping) * WHOLE + damping * kept) / nodes)

    def _next(self, engine: Engine, ranks: Relation, shares: Relation, base: int) -> Relation:
        return engine.sql(
            f"""
            WITH gains AS (
                SELECT shares.target AS node,
                    sum(CAST(floor(CAST(ranks.rank AS DOUBLE) * shares.share) AS BIGINT)) AS gain
                FROM shares JOIN ranks ON shares.source = ranks.node
                GROUP BY shares.target
            )
            SELECT ranks.node, CAST({base} + coalesce(gains.gain, 0) AS BIGINT) AS rank,
                ranks.rank AS before, ranks.keeps
            FROM ranks LEFT JOIN gains ON ranks.node = gains.node
            """,
            ranks=ranks,
            shares=shares,
        )

    def _summary(self, engine: Engine, ranks: Relation) -> tuple[int, int]:
        """How much the ranks have changed, and what nodes without edges hold, in units."""
        found = engine.collect(
            engine.sql(
                """
                SELECT CAST(sum(abs(rank - before)) AS BIGINT) AS moved,
                    CAST(sum(CASE WHEN keeps THEN rank ELSE 0 END) AS BIGINT) AS kept
                FROM ranks
                """,
                ranks=ranks,
            )
        ).to_pylist()[0]
        return found["moved"], found["kept"]
