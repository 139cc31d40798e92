"""How long a request takes of a busy server, ours and stock BentoML.

A server's saturating load is what it answers a client of 16 connections that ask again at once. The loads
asked come when they are due, whether or not there is an answer to those before, and a request's time counts
from when it was due.

Quantiles are of all rounds together: stock BentoML stops for garbage collection, 120 to 190 ms about every
1,900 requests, which a round of a few seconds may meet or not.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import serving_client
from report import Report
from serving_client import Plan, quantile
from serving_cost import JSON, QUICK, ours, stock, world_in

ROUNDS = 2 if QUICK else 5


@dataclass
class Asked:
    """A load that a server is asked, and what it said in all rounds."""

    name: str
    plan: Plan
    latencies: list[float] = field(default_factory=list)

    def measure(self) -> None:
        self.latencies += serving_client.run(self.plan).latencies

    def at(self, share: float) -> float:
        """Return a quantile of the latency, in milliseconds."""
        return quantile(self.latencies, share) * 1e3


def latency_figures(report: Report, folder: Path) -> None:
    """One row in JSON: both at half of what saturates them, and ours at the load of stock BentoML too."""
    world = world_in(folder)
    with ExitStack() as stack:
        us = stack.enter_context(ours(folder, world.store, {"gbdt": world.model}))
        them = stack.enter_context(stock(world))
        our_rows, their_rows = world.json_rows(b'"model":"gbdt",'), world.json_rows()
        own = world.plan(us.port, our_rows, "/predict", JSON, "scores")
        other = world.plan(them.port, their_rows, "/predict", JSON, "scores")
        most, their_most = saturating(own), saturating(other)
        half = Asked("ours, half of it", replace(own, rate=most / 2, seconds=4.0))
        theirs = Asked("stock BentoML, half of it", replace(other, rate=their_most / 2, seconds=8.0))
        equal = Asked("ours, the load of stock BentoML", replace(own, rate=their_most / 2, seconds=4.0))
        for _ in range(ROUNDS):
            for asked in (half, theirs, equal):
                asked.measure()
    rows = [
        (asked.name, round(asked.plan.rate or 0), *map(asked.at, (0.5, 0.9, 0.99, 0.999)))
        for asked in (half, theirs, equal)
    ]
    heads = ("", "a second", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms")
    Report.table(
        f"One row in JSON; saturated at {most:.0f} a second, stock BentoML at {their_most:.0f}", heads, rows
    )
    report.figure("p99_vs_stock", half.at(0.99) / theirs.at(0.99), "<=", 1 / 3)
    report.figure("p99_vs_stock_at_its_load", equal.at(0.99) / theirs.at(0.99), "<=", 1 / 3)


def saturating(plan: Plan) -> float:
    """Return the requests a second that a server answers at most, once it is warm."""
    serving_client.run(plan)
    load = serving_client.run(plan)
    return load.requests / load.wall
