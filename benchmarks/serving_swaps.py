"""How fast a version answers once the manifest names it: ``python benchmarks/serving_swaps.py``."""

from __future__ import annotations

import json
import os
import statistics
import time

from serving_running import NAME, VERSIONS, running, streaming

QUICK = bool(os.environ.get("QUICK"))


def swap_ms(rounds: int = 8 if QUICK else 25) -> dict[str, float]:
    """Return the milliseconds from the manifest's renaming until the last answer of the version before.

    ``swap`` loads a version that the workers do not hold, ``rollback`` goes back to the one before; medians,
    and the slowest. A light load shows when each worker turns.
    """
    with running() as bench:
        bench.pull("v0")
        bench.settle()
        with streaming(bench, requests=0, rate=600, connections=24) as stream:
            time.sleep(1)
            turns: list[tuple[str, float, str, str]] = []
            for number in range(rounds):
                old, new = f"v{number % VERSIONS}", f"v{(number + 1) % VERSIONS}"
                bench.file.update(
                    lambda m, new=new: m.without(NAME, new) if new in m.models[NAME].versions else m
                )
                bench.settle()
                time.sleep(0.3)
                began = time.monotonic()
                bench.pull(new)
                turns.append(("swap", began, old, new))
                bench.settle()
                time.sleep(0.3)
                turns.append(("rollback", bench.roll_back(), new, old))
                bench.settle()
                time.sleep(0.3)
                bench.pull(new)
                bench.settle()
        answers = stream.answers()
    found: dict[str, list[float]] = {"swap": [], "rollback": []}
    for kind, began, old, new in turns:
        late = answers.last(old, began, began + 0.3)
        found[kind].append(1000 * (late - began))
        assert answers.last(new, began, began + 0.3) > late, "the new version did not answer"
    return {
        "swap_ms": statistics.median(found["swap"]),
        "swap_ms_slowest": max(found["swap"]),
        "rollback_ms": statistics.median(found["rollback"]),
        "rollback_ms_slowest": max(found["rollback"]),
    }


if __name__ == "__main__":
    print(json.dumps(swap_ms(), indent=1))
