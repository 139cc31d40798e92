"""``make bench-data``: what the data stages cost beside what one would write by hand.

``QUICK=1`` takes fewer rows. Every peer runs in turn with ours, on the same rows; figures are medians.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import exact_sample
import leaves
import pyarrow as pa
from cost import Cost, cost_of
from report import Report
from same_on_both import kdd99, mismatches
from wide_rows import CATEGORICAL, NUMERIC, commit_wide_rows, wide_rows

from stagecraft.artifacts.store import Store
from stagecraft.engines import spark_install
from stagecraft.engines.choose import open_engine

QUICK = bool(os.environ.get("QUICK"))
HERE = Path(__file__).parent
KDD99 = HERE.parent.parent / "shared" / "data" / "kdd99"
CHAIN_ROWS = [200_000] if QUICK else [1_000_000, 5_000_000]
CHAIN_ROUNDS = 1 if QUICK else 3
SPARK_ROUNDS = 1
GROWTH_ROWS = [200_000, 1_000_000] if QUICK else [1_000_000, 5_000_000, 20_000_000]
LEAF_ROWS, SAMPLE_ROWS = (200_000, 1_000_000) if QUICK else (1_000_000, 5_000_000)
EQUAL_ROWS = 50_000 if QUICK else 300_000
MASTER, MEMORY = "local[2]", "4g"
SETTINGS = spark_install.static_settings(MASTER) | {"spark.driver.memory": MEMORY}


class Bench:
    """The chain's runners, each in a process of its own, over one dataset."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self._number = 0
        store = Store(str(folder / "source"))
        name = f"{rows:032}"
        self.source = store.open(name) if store.exists(name) else commit_wide_rows(store, rows)

    def ours(self, engine: str, *more: str) -> Cost:
        target = self._target()
        return self._run(target, HERE / "chain.py", engine, self.source.uri, str(target), *more)

    def by_hand(self, library: str) -> Cost:
        target = self._target()
        return self._run(target, HERE / "peers" / f"chain_{library}.py", self.source.files[0], str(target))

    def spark_submits(self) -> Cost:
        """Three applications, one after another."""
        target = self._target()
        target.mkdir()
        conf = [part for name, value in SETTINGS.items() for part in ("--conf", f"{name}={value}")]
        submit = [str(spark_install.spark_submit()), "--master", MASTER, *conf]
        script = str(HERE / "peers" / "chain_spark.py")
        costs, source = [], self.source.files[0]
        for step in ("sample", "scale", "index"):
            made = str(target / step)
            costs.append(cost_of([*submit, script, step, source, made], spark_install.environment()))
            source = made
        shutil.rmtree(target)
        return Cost(
            sum(cost.cpu for cost in costs),
            sum(cost.wall for cost in costs),
            max(cost.peak for cost in costs),
        )

    def _target(self) -> Path:
        self._number += 1
        return self.folder / f"target-{self.rows}-{self._number}"

    def _run(self, target: Path, script: Path, *arguments: str) -> Cost:
        cost = cost_of([sys.executable, str(script), *arguments])
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()
        return cost


def main() -> None:
    report = Report()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        chain_figures(report, folder)
        growth_figures(report, folder)
    leaf_figures(report)
    spark_figures(report)
    equality_figures(report)
    report.close()


def chain_figures(report: Report, folder: Path) -> None:
    """The chain, ours and by hand, at each size; the figures are those of the largest."""
    for rows in CHAIN_ROWS:
        bench = Bench(folder, rows)
        runners: dict[str, Callable[[], Cost]] = {
            "ours on DuckDB": lambda bench=bench: bench.ours("duckdb"),
            "ours, fill and index apart": lambda bench=bench: bench.ours("duckdb", "apart"),
            "DuckDB by hand": lambda bench=bench: bench.by_hand("duckdb"),
            "Polars by hand": lambda bench=bench: bench.by_hand("polars"),
        }
        runners["ours on DuckDB"]()  # Compiles, and fills the page cache.
        costs = _interleaved(runners, CHAIN_ROUNDS)
        costs |= _interleaved(
            {
                "ours fused on Spark": lambda bench=bench: bench.ours("spark"),
                "three spark-submits": bench.spark_submits,
            },
            SPARK_ROUNDS,
        )
        _show(f"sample → fill and scale → index and hash, {rows:,} rows, half of them sampled", costs, rows)
        hand = min(costs["DuckDB by hand"].cpu, costs["Polars by hand"].cpu)
        gain = costs["three spark-submits"].cpu / costs["ours on DuckDB"].cpu
        report.figure("duckdb_cpu_gain_over_spark_submits", gain, ">=", 30)
        wall = costs["three spark-submits"].wall / costs["ours fused on Spark"].wall
        report.figure("spark_fused_wall_gain", wall, ">=", 2)
        report.figure("duckdb_cpu_over_handwritten", costs["ours on DuckDB"].cpu / hand, "<=", 1.3)
        for key in list(report.figures):
            report.figures[f"{key}_{rows // 1000}k"] = report.figures[key]


def growth_figures(report: Report, folder: Path) -> None:
    """The chain's cost a row as rows grow, and its memory."""
    costs: dict[int, Cost] = {}
    for rows in GROWTH_ROWS:
        bench = Bench(folder, rows)
        costs[rows] = statistics.median_low([bench.ours("duckdb") for _ in range(3 if rows < 10**7 else 1)])
    report.table(
        "Ours on DuckDB, as rows grow",
        ("rows", "CPU s", "µs a row", "wall s", "peak GB"),
        [
            (f"{rows:,}", cost.cpu, cost.cpu / rows * 1e6, cost.wall, cost.peak / 1e9)
            for rows, cost in costs.items()
        ],
    )
    first, last = GROWTH_ROWS[0], GROWTH_ROWS[-1]
    growth = (costs[last].cpu / last) / (costs[first].cpu / first)
    report.figure("cost_per_row_growth", growth, "<=", 1.15)
    report.figure("peak_gb", max(cost.peak for cost in costs.values()) / 1e9, "<=", 4)


def leaf_figures(report: Report) -> None:
    ours, theirs, differing = leaves.on_one_core(LEAF_ROWS)
    report.table(
        f"Leaf encoding on one core, {LEAF_ROWS:,} rows × 40, {leaves.TREES} trees, depth {leaves.DEPTH}",
        ("", "rows a CPU s", "leaves that differ"),
        [("ours", round(ours), differing), ("XGBoost pred_leaf", round(theirs), 0)],
    )
    report.figure("leaf_encode_gain_over_xgboost", ours / theirs if not differing else 0, ">=", 2)


def spark_figures(report: Report) -> None:
    with open_engine("spark", master=MASTER, settings=SETTINGS) as engine:
        ours, theirs, differing = leaves.inside_spark(engine, LEAF_ROWS)
        gain = _against(
            f"Leaf encoding inside Spark, {LEAF_ROWS:,} rows", ours, theirs, "mapInArrow, XGBoost"
        )
        report.figure("leaf_encode_spark_gain", gain if not differing else 0, ">=", 3)
        ours, theirs, differing = exact_sample.inside_spark(engine, SAMPLE_ROWS)
        gain = _against(f"Exact stratified sample, {SAMPLE_ROWS:,} rows", ours, theirs, "window row_number")
        report.figure("stratified_exact_cpu_ratio", 1 / gain if not differing else 99, "<=", 0.5)


def equality_figures(report: Report) -> None:
    """Rows that differ between DuckDB and Spark."""
    wide = pa.Table.from_batches(wide_rows(EQUAL_ROWS))
    found = {f"{EQUAL_ROWS:,} made rows": mismatches(wide, NUMERIC, CATEGORICAL, "label")}
    if KDD99.is_dir():
        rows, numeric, categorical, label = kdd99(KDD99)
        found[f"kdd99, {rows.num_rows:,} rows"] = mismatches(rows, numeric, categorical, label)
    else:
        print(f"kdd99 is left out: there is no folder {KDD99.name} in the shared data")
    report.table("DuckDB against Spark", ("rows", "mismatches"), list(found.items()))
    report.figure("engine_mismatches", sum(found.values()), "<=", 0)


def _interleaved(runners: dict[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Run each in turn, several times over; the run of median CPU stands for it."""
    costs: dict[str, list[Cost]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            costs[name].append(run())
    return {name: statistics.median_low(found) for name, found in costs.items()}


def _against(title: str, ours: list[Cost], theirs: list[Cost], name: str) -> float:
    """Show both; return their CPU seconds over ours."""
    costs = {"ours": statistics.median_low(ours), name: statistics.median_low(theirs)}
    _show(title, costs)
    return costs[name].cpu / costs["ours"].cpu


def _show(title: str, costs: dict[str, Cost], rows: int | None = None) -> None:
    Report.table(
        title,
        ("", "CPU s", "wall s", "peak GB"),
        [(name, cost.cpu, cost.wall, cost.peak / 1e9 or "–") for name, cost in costs.items()],
    )


if __name__ == "__main__":
    main()
