"""``make bench-serving``: predictions over HTTP beside stock BentoML, Ray Serve, MLServer and FastAPI.

``QUICK=1`` takes less time. Names of :data:`PIECES` as arguments run those alone. A server's cost is the CPU
seconds of all its processes, divided by the requests that a client in a process of its own sent and checked;
peers are measured in turn with ours, and the median of the rounds stands for each.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from report import Report
from serving_cost import cost_figures, latency_figures, peer_figures
from serving_flights import flight_figures, mismatch_figures
from serving_fuzz import fuzz_figures

PIECES: dict[str, Callable[[Report, Path], None]] = {
    "cost": cost_figures,
    "latency": latency_figures,
    "peers": peer_figures,
    "flights": flight_figures,
    "mismatches": mismatch_figures,
    "fuzz": fuzz_figures,
}


def main(names: list[str]) -> None:
    report = Report()
    for name in names or PIECES:
        with tempfile.TemporaryDirectory() as folder:
            PIECES[name](report, Path(folder))
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
