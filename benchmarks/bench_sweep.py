"""``make bench-sweep``: sweeps beside Ray Tune, Optuna, scikit-optimize and FLAML, on real tables.

``QUICK=1`` takes fewer rows, seeds and faults. Tables are downloaded below ``BENCH_FOLDER``, and kept there
where it is given. Names of :data:`PIECES` as arguments run those alone. Peers run in turn with ours, on the
same rows. CPU is that of trials and of the searcher, in one thread.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from bisect import bisect
from collections.abc import Callable, Sequence
from pathlib import Path

from peers import flaml_xgboost
from report import Report
from sweep_cost import costs
from sweep_faults import faults
from sweep_quality import OURS, PEERS, SEARCHES, TPE, TRIALS, Point, best_at, reached, trace
from sweep_tables import NAMES, split, table
from sweep_trial import Trainer

QUICK = bool(os.environ.get("QUICK"))
ROWS, TEST, SEEDS = 8_000, 30_000, 1 if QUICK else 10
COST_TRIALS = (200, 20, 4) if QUICK else (1000, 40, 6)
FAULTS = 3 if QUICK else 50
WALL = 20 if QUICK else 60
WARM_SEEDS = 1 if QUICK else 3
FLAML_TRIALS = 60
KDD99 = (20_000, 20) if QUICK else (100_000, 20)
"""Rows to train, and trials of each model."""
NESTED = ("adult", 4_000, 8) if QUICK else ("census", 60_000, 30)
"""Table, rows to train (and a third as many to judge), and trials."""

Traces = dict[tuple[str, int], dict[str, list[Point]]]


def main(names: list[str]) -> None:
    report = Report()
    kept = os.environ.get("BENCH_FOLDER")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(kept or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names or PIECES:
            PIECES[name](report, folder)
    report.close()


def cost_figures(report: Report, folder: Path) -> None:
    """A trivial trial's cost; the figures are the worse of wall time's and CPU time's."""
    found = costs(*COST_TRIALS)
    report.table(
        "A trivial trial, two at a time",
        ("", "wall ms", "CPU ms"),
        [(name, each.wall * 1e3, each.cpu * 1e3) for name, each in found.items()],
    )
    ours, reusing, default = found.values()
    for key, theirs, bar in [
        ("trial_cost_vs_tune_reuse", reusing, 0.1),
        ("trial_cost_vs_tune_default", default, 0.01),
    ]:
        report.figure(key, max(ours.wall / theirs.wall, ours.cpu / theirs.cpu), "<=", bar)


def fault_figures(report: Report, folder: Path) -> None:
    found = faults(FAULTS)
    rows = []
    for victim, kind in sorted({each[:2] for each in found}):
        own = [each[2:] for each in found if each[:2] == (victim, kind)]
        rows.append((victim, kind, len(own), *(sum(column) for column in zip(*own, strict=True))))
    heads = ("killed", "of a", "sweeps", "finished trials repeated", "trials begun again", "trials finished")
    report.table("Sweeps with a kill -9", heads, rows)
    report.figure("repeated_trials_after_kill", sum(each.repeated for each in found), "<=", 0)


def quality_figures(report: Report, folder: Path) -> None:
    """The best by validation at equal CPU, that of TPE's trials, over tables and seeds; paired."""
    found = _traces(folder)
    gains: dict[str, list[tuple[float, float]]] = {}
    for name in SEARCHES:
        at = [(each, each[TPE][TRIALS - 1].cpu) for each in found.values()]
        pairs = [(best_at(each[OURS], cpu), best_at(each[name], cpu)) for each, cpu in at]
        gains[name] = [(ours.validation - own.validation, ours.test - own.test) for ours, own in pairs]
    rows = []
    for name, own in gains.items():
        validation, test = ([1e4 * each for each in column] for column in zip(*own, strict=True))
        ended = [
            bisect([point.cpu for point in each[name]], each[TPE][TRIALS - 1].cpu) for each in found.values()
        ]
        rows.append((name, statistics.mean(ended), *_mean(validation), *_mean(test)))
    heads = ("", "trials", "ours is ahead, 1e-4", "standard error", "on the test, 1e-4", "standard error")
    report.table(f"AUC at the CPU of TPE's {TRIALS} trials, {len(found)} pairs", heads, rows)
    rows = [
        (*key, *(1e4 * best_at(each[name], each[TPE][TRIALS - 1].cpu).validation for name in SEARCHES))
        for key, each in found.items()
    ]
    report.table("Validation AUC then, 1e4", ("", "seed", *SEARCHES), rows)
    peers = [gains[name] for name in PEERS]
    means = [tuple(statistics.mean(column) for column in zip(*own, strict=True)) for own in peers]
    report.figure("auc_gain_over_peers", min(validation for validation, _ in means), ">=", 0)
    report.figure("auc_gain_over_peers_test", min(test for _, test in means), ">=", 0)
    _speed(report, list(found.values()))


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error."""
    return statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5


def _speed(report: Report, found: Sequence[dict[str, list[Point]]]) -> None:
    """CPU until TPE's best, ours for each of TPE's: of all pairs together, and of the median pair.

    A pair where ours never comes there counts half as much again as ours had used by then; to the median it
    is infinitely dear. And the CPU at which our mean over the pairs comes to TPE's after all of its trials.
    """
    pairs = []
    for each in found:
        goal, tpe, ours = max(point.validation for point in each[TPE]), each[TPE], each[OURS]
        pairs.append((reached(ours, goal), reached(tpe, goal), tpe[-1].cpu, ours[-1].cpu))
    theirs, whole = sum(pair[1] for pair in pairs), sum(pair[2] for pair in pairs)
    missed = sum(pair[0] == float("inf") for pair in pairs)
    own = sum(used * 1.5 if ours == float("inf") else ours for ours, _, _, used in pairs)
    heads = ("pairs", "not reached", "our CPU s", "TPE's until then", "TPE's 40 trials")
    report.table("CPU to TPE's best", heads, [(len(pairs), missed, own, theirs, whole)])
    report.figure("cpu_to_tpe_best", own / theirs, "<=", 0.7)
    report.figure("cpu_to_tpe_best_of_40_trials", own / whole, "<=", 0.7)
    report.figure("cpu_to_tpe_best_median", statistics.median(pair[0] / pair[1] for pair in pairs), "<=", 0.7)
    report.figure("cpu_to_tpe_mean", _to_mean(found), "<=", 0.7)


def _to_mean(found: Sequence[dict[str, list[Point]]]) -> float:
    """Return the share of TPE's CPU at which our mean AUC is that of TPE's 40 trials."""
    goal = statistics.mean(best_at(each[TPE], each[TPE][-1].cpu).validation for each in found)
    for percent in range(1, 151):
        shares = [(each[OURS], each[TPE][-1].cpu * percent / 100) for each in found]
        begun = all(points[0].cpu <= cpu for points, cpu in shares)
        if begun and statistics.mean(best_at(*share).validation for share in shares) >= goal:
            return percent / 100
    return float("inf")


def _traces(folder: Path) -> Traces:
    found: Traces = {}
    for name in NAMES:
        rows = table(folder, name)
        for seed in range(SEEDS):
            trainer = Trainer(split(rows, seed, ROWS, TEST))
            tpe = trace(SEARCHES[TPE](seed), trainer, TRIALS, 0)
            cpu = tpe[TRIALS - 1].cpu
            found[name, seed] = {
                other: tpe
                if other == TPE
                else trace(search(seed), trainer, 1, cpu * (1.5 if other == OURS else 1))
                for other, search in SEARCHES.items()
            }
    return found


def flaml_figures(report: Report, folder: Path) -> None:
    """The best by validation after equal CPU, that of our trials, of XGBoost; paired."""
    if not flaml_xgboost.is_there():
        print("FLAML is left out: the package flaml is not installed")
        return
    gaps = []
    for name in NAMES:
        rows = table(folder, name)
        for seed in range(SEEDS):
            parts = split(rows, seed, ROWS, TEST)
            ours = trace(SEARCHES[OURS](seed), Trainer(parts), FLAML_TRIALS, 0)
            cpu = ours[FLAML_TRIALS - 1].cpu
            own, theirs = best_at(ours, cpu), best_at(flaml_xgboost.trace(parts, seed, cpu), cpu)
            gaps.append((name, seed, cpu, own.validation - theirs.validation, own.test - theirs.test))
    report.table(
        f"AUC beside FLAML's at the CPU of our {FLAML_TRIALS} trials",
        ("", "seed", "CPU s", "ours is ahead, 1e-4", "on the test, 1e-4"),
        [(name, seed, cpu, 1e4 * validation, 1e4 * test) for name, seed, cpu, validation, test in gaps],
    )
    report.figure("auc_gap_to_flaml", statistics.mean(gap[3] for gap in gaps), ">=", 0)
    report.figure("auc_gap_to_flaml_test", statistics.mean(gap[4] for gap in gaps), ">=", -0.0005)


def budget_figures(report: Report, folder: Path) -> None:
    """How far sweeps' wall time goes beyond their budget, without a usual trial's time; the worst of them."""
    from sweep_budget import KINDS, overrun

    found = {name: overrun(folder, WALL, *kind) for name, kind in KINDS.items()}
    heads = ("", "wall s", "trials", "a usual trial, s", "the longest, s", "beyond, as a share")
    report.table(f"A budget of {WALL} s of wall time", heads, [(name, *each) for name, each in found.items()])
    report.figure("budget_overrun", max(each.share for each in found.values()), "<=", 0.05)


def kdd99_figures(report: Report, folder: Path) -> None:
    """Models that find attacks: tuned, and judged on connections that no trial saw."""
    from sweep_kdd99 import DATA, PARTS, tuned

    if not DATA.is_dir():
        print(f"kdd99 is left out: there is no folder {DATA.name} in the shared data")
        return
    found = tuned(DATA, *KDD99)
    report.table(
        f"Attacks of kdd99, {KDD99[1]} trials of each model, by validation accuracy",
        ("", "CPU s a trial", "accuracy at first", "at best"),
        [(name, each.seconds, f"{each.first:.4f}", f"{each.best:.4f}") for name, each in found.items()],
    )
    metrics = ("accuracy", "recall", "precision", "auc")
    for part in PARTS:
        rows = [
            (name, *(f"{each.parts[part][metric]:.4f}" for metric in metrics)) for name, each in found.items()
        ]
        report.table(f"Fitted once more, on {part}", ("", *metrics), rows)
    for name, each in found.items():
        for metric in ("accuracy", "recall"):
            key = f"kdd99_{metric}_{name.lower().replace(' ', '_')}"
            report.figure(key, each.parts[PARTS[0]][metric], ">=", 0.97)


def warm_figures(report: Report, folder: Path) -> None:
    """Trials until a held-out task's gap is closed, with the lessons of other tasks against without."""
    from sweep_warm import held_out, ratios

    found = held_out(folder, range(WARM_SEEDS))
    heads = (
        "task",
        "seed",
        "cold",
        "warm",
        "afar",
        "began with",
        "afar with",
        "warm gains, 1e-4",
        "afar gains",
    )
    rows = [(each.task, *each[2:6], *each.used, *(1e4 * gain for gain in each.gains)) for each in found]
    report.table(
        "Trials to close 80 % of the gap, with lessons of all other tasks, and of other tables alone",
        heads,
        rows,
    )
    for place, name in enumerate(("", "_afar")):
        whole, worst, costly = ratios(found, place)
        report.table(
            f"Trials as a share of the cold ones{name.replace('_', ', ')}",
            ("all", "worst task's", "its name"),
            [(whole, worst, costly)],
        )
        report.figure(f"warm_start_gain{name}", 1 / whole, ">=", 2 if not place else 1)
        report.figure(f"warm_start_worst{name}", worst, "<=", 1.1)
        report.figure(
            f"warm_start_final{name}", statistics.mean(each.gains[place] for each in found), ">=", 0
        )


def nested_figures(report: Report, folder: Path) -> None:
    """Stages that work one after another, half of the parameters the training's; every result the same."""
    from sweep_nested import nested

    name, rows, trials = NESTED
    found = nested(folder, name, rows, trials)
    stages = next(iter(found.values())).stages
    report.table(
        f"{trials} trials of encoding, trees, training and evaluation on {name}; equal trials, equal metrics",
        ("", "CPU s", "wall s", "best auc", *stages),
        [
            (way, each.cpu, each.wall, f"{each.best.metrics['auc']:.6f}", *each.stages.values())
            for way, each in found.items()
        ],
    )
    reused, again = found.values()
    report.figure("nested_cpu_ratio", reused.cpu / again.cpu, "<=", 0.6)


PIECES: dict[str, Callable[[Report, Path], None]] = {
    "cost": cost_figures,
    "faults": fault_figures,
    "quality": quality_figures,
    "flaml": flaml_figures,
    "warm": warm_figures,
    "budget": budget_figures,
    "kdd99": kdd99_figures,
    "nested": nested_figures,
}


if __name__ == "__main__":
    main(sys.argv[1:])
