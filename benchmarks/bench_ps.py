"""``make bench-ps``: parameter-server training beside Vowpal Wabbit and Spark ML, and how its cost grows.

``QUICK=1`` takes fewer rows. Rows are made below ``BENCH_FOLDER``, and kept there where it is given. Names of
:data:`PIECES` as arguments run those alone. Peers run in turn with ours, on the same rows; figures are of the
run of median CPU seconds, those of all processes. A figure whose log loss misses its gate is 0.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ps_faults
from cost import Cost
from criteo_rows import ceiling
from peers import ps_spark, ps_vw
from ps_growth import Growth, checkpoint_share, dimensions_a_gib, measured, start_of
from ps_kdd99 import EPOCHS, trained_on
from ps_quality import Quality
from ps_workers import by_workers, worst_gap
from ps_world import HOGWILD, HOGWILD_ON_RAY, IN_PLACE, OVER_RPC, Run, World, dimension_of, row_groups
from report import Report

QUICK = bool(os.environ.get("QUICK"))
KDD99 = Path(__file__).parent.parent.parent / "shared" / "data" / "kdd99"
BITS = 22
ROUNDS = 1 if QUICK else 3
TEST_ROWS = 50_000 if QUICK else 200_000
SPEED_ROWS = [400_000] if QUICK else [1_500_000, 10_000_000]
SPARK_ROWS = 200_000 if QUICK else 4_000_000
SPARK_SETTINGS = [(15, 2e-5)] if QUICK else [(10, 2e-6), (15, 2e-5), (15, 1e-5), (30, 2e-5)]
OUR_SETTINGS = [(0.1, 1)] if QUICK else [(0.1, 1), (0.05, 1), (0.03, 2)]
"""Learning rates, and passes over the rows."""
DIMENSION_ROWS, DIMENSION_BITS = (300_000, [18, 24]) if QUICK else (3_000_000, [18, 20, 22, 24, 26])
GROWTH_ROWS = [200_000, 800_000] if QUICK else [1_000_000, 5_000_000, 50_000_000]
STATE_BITS = 26
WORKER_ROWS, WORKERS = (100_000, [1, 8, 32]) if QUICK else (1_000_000, [1, 2, 4, 8, 16, 32])
CHECKPOINT_ROWS, CHECKPOINT_EVERY = (800_000, 0.5) if QUICK else (10_000_000, 1.0)
FAULT_RUNS = 4 if QUICK else 50
LOSS_GATE = 0.0005


def main(names: list[str]) -> None:
    report = Report()
    kept = os.environ.get("BENCH_FOLDER")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(kept or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        world = World(folder, TEST_ROWS)
        for name in names or PIECES:
            PIECES[name](report, world)
    report.close()


def speed_figures(report: Report, world: World) -> None:
    """Rows from Parquet, in place and over RPC, beside Vowpal Wabbit from its cache; and the kernel alone.

    The figures are those of the most rows. What RPC costs is told three times: beside one process without
    Ray, all counted; beside that again, less what each costs for a few rows, which is its start; and beside
    two workers in one actor's memory on Ray, which says what RPC costs and not what Ray does.
    """
    with_vw = ps_vw.is_there()
    if not with_vw:
        print("Vowpal Wabbit is left out: the package vowpalwabbit is not installed")
    place, rpc = (start_of(world, BITS, **settings).cpu for settings in (IN_PLACE, OVER_RPC))
    print(f"Starting costs {place:.1f} CPU s in place, {rpc:.1f} over RPC")
    for rows in SPEED_ROWS:
        dataset = world.rows(rows, BITS)
        runners: dict[str, Callable[[], tuple[Cost, Quality]]] = {
            "ours in place": lambda dataset=dataset: _ours(world, world.train(dataset, **IN_PLACE)),
            "ours in place, 2 workers": lambda dataset=dataset: _ours(world, world.train(dataset, **HOGWILD)),
            "ours in place, 2 workers on Ray": lambda dataset=dataset: _ours(
                world, world.train(dataset, **HOGWILD_ON_RAY)
            ),
            "ours over RPC, 2 + 2": lambda dataset=dataset: _ours(world, world.train(dataset, **OVER_RPC)),
            "our kernel alone": lambda dataset=dataset: _kernel(world, *world.kernel(dataset)),
        }
        if with_vw:
            vw = ps_vw.VowpalWabbit(world.folder, world.text(rows, BITS), BITS)
            runners["Vowpal Wabbit"] = lambda vw=vw: (
                vw.train(),
                world.quality(BITS, vw.margins(world.test_text(BITS))),
            )
        runners["ours over RPC, 2 + 2"]()  # Compiles, and fills the page cache.
        found = _interleaved(runners)
        best = ceiling(world.rows(TEST_ROWS, BITS, 10**9))
        _show(f"{rows:,} rows, 2^{BITS} dimensions; at best {best}", rows, found)
        ours = found["ours in place"]
        remote = found["ours over RPC, 2 + 2"][0].cpu
        on_ray = found["ours in place, 2 workers on Ray"][0].cpu
        report.figure("rpc_over_inplace_cpu", remote / ours[0].cpu, "<=", 1.5)
        report.figure("rpc_over_inplace_cpu_started", (remote - rpc) / (ours[0].cpu - place), "<=", 1.5)
        report.figure("rpc_over_inplace_cpu_on_ray", remote / on_ray, "<=", 1.5)
        if with_vw:
            theirs = found["Vowpal Wabbit"]
            report.figure("vw_gain", _gain(ours, theirs), ">=", 5)
            kernel = _gain(found["our kernel alone"], theirs)
            report.figure("kernel_gain_over_vw", kernel, ">=", 12)


def spark_figures(report: Report, world: World) -> None:
    """CPU until Spark's best AUC, of Spark and of ours; both at several settings."""
    dataset = world.rows(SPARK_ROWS, BITS)
    spark = ps_spark.fits(row_groups(dataset), dimension_of(dataset), world.folder / "spark", SPARK_SETTINGS)
    found = {name: (cost, world.quality_of(BITS, weights)) for name, (cost, weights) in spark.items()}
    best = max(found.values(), key=lambda each: each[1].auc)
    ours = {
        f"ours in place, alpha {rate}, {epochs} epoch(s)": _ours(
            world,
            world.train(dataset, optimizer={"type": "ftrl", "alpha": rate}, epochs=epochs, **IN_PLACE),
        )
        for rate, epochs in OUR_SETTINGS
    }
    _show(f"Spark ML's fits alone, ours whole, {SPARK_ROWS:,} rows", SPARK_ROWS, found | ours)
    reached = [cost.cpu for cost, quality in ours.values() if quality.auc >= best[1].auc]
    report.figure("spark_lr_cpu_gain", best[0].cpu / min(reached) if reached else 0, ">=", 50)


def dimension_figures(report: Report, world: World) -> None:
    report.figure("dims_per_gib", dimensions_a_gib(STATE_BITS), ">=", 67e6)
    sizes = [
        measured(world, DIMENSION_ROWS, bits, start_of(world, bits), kernel=True) for bits in DIMENSION_BITS
    ]
    _show_growth("In place, as dimensions grow", sizes)
    report.figure("cost_growth_dims", sizes[-1].cost.cpu / sizes[0].cost.cpu, "<=", 3)
    report.figure("kernel_cost_growth_dims", sizes[-1].kernel / sizes[0].kernel, "<=", 3)


def row_figures(report: Report, world: World) -> None:
    start = start_of(world, BITS)
    sizes = [measured(world, rows, BITS, start) for rows in GROWTH_ROWS]
    _show_growth(f"In place, as rows grow; starting costs {start.cpu:.1f} CPU s", sizes)
    report.figure("cost_growth_rows", sizes[-1].micros / sizes[0].micros, "<=", 1.1)
    report.figure("memory_growth_rows", sizes[-1].cost.peak / sizes[0].cost.peak, "<=", 1.1)


def worker_figures(report: Report, world: World) -> None:
    found = by_workers(world, WORKER_ROWS, BITS, WORKERS)
    report.table(
        f"{WORKER_ROWS:,} rows, simulated workers",
        ("workers", "consistency", "rows a step", "rows behind", "log loss", "AUC"),
        [
            (
                each.workers,
                each.consistency,
                each.outcome.worker_rows,
                round(each.outcome.behind),
                f"{each.quality.log_loss:.5f}",
                f"{each.quality.auc:.5f}",
            )
            for each in found
        ],
    )
    report.figure("logloss_gap_32_workers", worst_gap(found, "bsp"), "<=", 0.001)
    report.figure("logloss_gap_32_workers_async", worst_gap(found, "async"), "<=", 0.001)


def checkpoint_figures(report: Report, world: World) -> None:
    found = checkpoint_share(world, CHECKPOINT_ROWS, BITS, CHECKPOINT_EVERY, ROUNDS)
    report.table(f"Checkpoints every {CHECKPOINT_EVERY:g} s", list(found), [list(found.values())])
    report.figure("checkpoint_cost", found["share"], "<=", 0.03)


def fault_figures(report: Report, world: World) -> None:
    """Runs in which something was killed, and how many of them ended with another model."""
    found = ps_faults.run(FAULT_RUNS)
    for failure in found["failures"]:
        print(failure)
    shown = {name: value for name, value in found.items() if name not in ("passed", "failures", "kills")}
    shown |= {f"{victim} killed": kills for victim, kills in found["kills"].items()}
    report.table("Runs with a kill -9", list(shown), [list(shown.values())])
    report.figure("faults", len(found["failures"]), "<=", 0)
    report.figure("recovery_seconds", found["recovery_seconds"], "<=", 5)


def kdd99_figures(report: Report, world: World) -> None:
    if not KDD99.is_dir():
        print(f"kdd99 is left out: there is no folder {KDD99.name} in the shared data")
        return
    found = trained_on(KDD99)
    texts = [f"{value:,.4g}" for value in found.values()]
    report.table(f"kdd99, {EPOCHS} epochs, on the cup's test file", list(found), [texts])


PIECES: dict[str, Callable[[Report, World], None]] = {
    "speed": speed_figures,
    "spark": spark_figures,
    "dimensions": dimension_figures,
    "rows": row_figures,
    "workers": worker_figures,
    "checkpoints": checkpoint_figures,
    "faults": fault_figures,
    "kdd99": kdd99_figures,
}


def _ours(world: World, run: Run) -> tuple[Cost, Quality]:
    return run.cost, world.quality_of(BITS, run.weights)


def _kernel(world: World, cpu: float, weights: np.ndarray) -> tuple[Cost, Quality]:
    return Cost(cpu, cpu, 0), world.quality_of(BITS, weights)


def _gain(ours: tuple[Cost, Quality], theirs: tuple[Cost, Quality]) -> float:
    """Return their CPU over ours; 0 where our log loss is worse than the gate allows."""
    holds = ours[1].log_loss <= theirs[1].log_loss + LOSS_GATE
    return theirs[0].cpu / ours[0].cpu if holds else 0


def _interleaved(runners: dict[str, Callable[[], tuple[Cost, Quality]]]) -> dict[str, tuple[Cost, Quality]]:
    """Run each in turn, several times over; the run of median CPU stands for it."""
    found: dict[str, list[tuple[Cost, Quality]]] = {name: [] for name in runners}
    for _ in range(ROUNDS):
        for name, run in runners.items():
            found[name].append(run())
    return {name: statistics.median_low(each) for name, each in found.items()}


def _show(title: str, rows: int, found: dict[str, tuple[Cost, Quality]]) -> None:
    Report.table(
        title,
        ("", "CPU s", "k rows a CPU s", "wall s", "peak GB", "log loss", "AUC"),
        [
            (
                name,
                cost.cpu,
                round(rows / cost.cpu / 1000),
                cost.wall,
                cost.peak / 1e9 or "–",
                f"{quality.log_loss:.4f}",
                f"{quality.auc:.4f}",
            )
            for name, (cost, quality) in found.items()
        ],
    )


def _show_growth(title: str, sizes: list[Growth]) -> None:
    Report.table(
        title,
        ("rows", "dimensions", "keys", "CPU s", "µs a row", "kernel µs", "peak GB", "log loss", "AUC"),
        [
            (
                f"{size.rows:,}",
                f"2^{size.bits}",
                f"{size.keys:,}",
                size.cost.cpu,
                size.micros,
                size.kernel / size.rows * 1e6 or "–",
                size.cost.peak / 1e9,
                f"{size.quality.log_loss:.4f}",
                f"{size.quality.auc:.4f}",
            )
            for size in sizes
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
