"""``make bench-serving``: predictions over HTTP and gRPC beside stock BentoML, Ray Serve, MLServer, FastAPI.

``QUICK=1`` takes less time. Names of :data:`PIECES` as arguments run those alone. A server's cost is the CPU
seconds of all its processes, divided by the requests that a client in a process of its own sent and checked;
peers are measured in turn with ours, and the median of the rounds stands for each.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import Report
from serving_cost import cost_figures, peer_figures
from serving_failures import failed_requests
from serving_flights import flight_figures, mismatch_figures
from serving_fuzz import fuzz_figures
from serving_grpc import grpc_figures
from serving_latency import latency_figures
from serving_swaps import swap_ms


def swap_figures(report: Report, folder: Path) -> None:
    """How soon a version answers and another is back; and requests through all that can happen to workers."""
    found = swap_ms()
    report.table("From the manifest's renaming to the last answer of the version before, ms", *_row(found))
    report.figure("swap_ms", found["swap_ms"], "<=", 100)
    report.figure("rollback_ms", found["rollback_ms"], "<=", 60)
    counted = failed_requests()
    report.table("Swaps, rollbacks, bad pushes, unloads, killed workers, a full disk", *_row(counted))
    report.figure("failed_requests", counted["failed"] + counted["torn"] + counted["strayed"], "<=", 0)


def _row(found: dict[str, float]) -> tuple[list[str], list[list[float]]]:
    return list(found), [list(found.values())]


PIECES: dict[str, Callable[[Report, Path], None]] = {
    "cost": cost_figures,
    "latency": latency_figures,
    "grpc": grpc_figures,
    "peers": peer_figures,
    "flights": flight_figures,
    "mismatches": mismatch_figures,
    "fuzz": fuzz_figures,
    "swaps": swap_figures,
}


def main(names: list[str]) -> None:
    report, began = Report(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # One for all: models are trained once.
        for name in names or PIECES:
            PIECES[name](report, Path(folder))
            print(f"{name}: {time.monotonic() - began:.0f} s since the start", flush=True)
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
