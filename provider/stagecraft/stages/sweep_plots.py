"""The pictures of a sweep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stagecraft.stages import report_plots as plots
from stagecraft.tuning.space import Choice, Dimension, Integer, LogUniform
from stagecraft.tuning.thinned import thinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from stagecraft.tuning.trial import Trial
    from stagecraft.tuning.trials import Trials

DOTS, LINES, CURVES, AXES = 2000, 300, 40, 12
UNUSED = -0.12


def best_so_far(study: Trials) -> str:
    """Draw what each trial came to, and the best up to it."""
    spec = study.spec
    better = min if spec.direction == "minimize" else max
    reached: list[tuple[int, float, float]] = []
    for trial in study.finished:
        value = trial.metrics[spec.metric]
        reached.append((trial.number, value, better(value, reached[-1][2] if reached else value)))
    numbers, values, best = zip(*thinned(reached, DOTS), strict=True)

    def draw(axes: Axes) -> None:
        axes.scatter(numbers, values, color=plots.GUIDE, s=18 if len(values) < 500 else 5, label="trial")
        axes.plot(numbers, best, color=plots.MODEL, drawstyle="steps-post", label="best so far")
        axes.set(xlabel="trial", ylabel=_words(spec.metric), ylim=_near([*values, *best]))
        axes.legend()

    return plots.svg("sweep", draw, width=9.2)


def importance(shares: Mapping[str, float]) -> str:
    """Draw the share of each parameter, and of what they do together."""
    together = max(1 - sum(shares.values()), 0.0)
    rows = [*thinned(list(shares.items()), 20), ("together", together)][::-1]

    def draw(axes: Axes) -> None:
        colors = [plots.GUIDE, *[plots.MODEL] * (len(rows) - 1)]
        bars = axes.barh([name for name, _ in rows], [share for _, share in rows], color=colors, height=0.6)
        axes.bar_label(bars, [f"{share:.1%}" for _, share in rows], padding=3)
        axes.set(xlabel="share of the variance", xlim=(0, 1.0))

    return plots.svg("importance", draw, height=max(1.2, 0.27 * len(rows) + 0.7))


def front(study: Trials) -> str:
    """Draw the first two objectives of each finished trial, and the Pareto front."""
    across, up = list(study.spec.objectives)[:2]
    best = study.front

    def draw(axes: Axes) -> None:
        for trials, look in (
            (thinned(study.finished, DOTS), {"color": plots.GUIDE, "s": 14, "label": "trial"}),
            (best, {"color": plots.MODEL, "s": 30, "label": "on the front"}),
        ):
            look_at: dict[str, Any] = look
            axes.scatter(*zip(*[(t.metrics[across], t.metrics[up]) for t in trials], strict=True), **look_at)
        axes.set(xlabel=_words(across), ylabel=_words(up))
        axes.legend()

    return plots.svg("front", draw)


def curves(trials: list[Trial], metric: str) -> str | None:
    """Draw the curves of the best trials and of some others; None where none was told.

    :param trials: the best first
    """
    told = [trial for trial in trials if len(trial.curve) > 1]
    if not told:
        return None
    chosen = {t.number: t for t in [*told[: CURVES // 2], *thinned(told, CURVES // 2)]}.values()

    def draw(axes: Axes) -> None:
        for trial in reversed(chosen):
            first = trial is told[0]
            color, width = (plots.MODEL, 2.2) if first else (plots.NEGATIVE, 0.7)
            style = "--" if trial.state == "stopped" else "-"
            axes.plot(*zip(*trial.curve, strict=True), style, color=color, linewidth=width)
        reported = [value for trial in chosen for _, value in trial.curve]
        axes.set(xlabel="step", ylabel=_words(metric), ylim=_near(reported))

    return plots.svg("curves", draw)


def parallel(study: Trials, ranked: list[Trial], parameters: list[str]) -> str:
    """Draw an axis a parameter and a line a trial, the better the stronger.

    :param ranked: finished trials, the best first
    :param parameters: those that matter most first
    """
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    shown = parameters[:AXES]
    places = {trial.number: place / max(len(ranked) - 1, 1) for place, trial in enumerate(ranked)}
    drawn = {t.number: t for t in [*ranked[: LINES // 2], *thinned(ranked, LINES // 2)]}.values()
    trials = sorted(drawn, key=lambda trial: -places[trial.number])
    values = [trial.metrics[study.spec.metric] for trial in ranked]
    low, high = min(values), max(values)

    def place(trial: Trial, name: str) -> float:
        return _place(study.spec.space[name], trial.parameters[name]) if name in trial.parameters else UNUSED

    def line(trial: Trial) -> list[tuple[float, float]]:
        end = (trial.metrics[study.spec.metric] - low) / ((high - low) or 1.0)
        return list(enumerate([*(place(trial, name) for name in shown), end]))

    def draw(axes: Axes) -> None:
        colors = [colormaps["Blues"](1.0 - 0.85 * places[trial.number]) for trial in trials]
        axes.add_collection(LineCollection([line(trial) for trial in trials], colors=colors, linewidths=0.9))
        axes.set(xlim=(-0.4, len(shown) + 0.6), ylim=(-0.2, 1.05), yticks=[])
        axes.set_xticks(
            range(len(shown) + 1), [*(_broken(name) for name in shown), _words(study.spec.metric)]
        )
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for at in range(len(shown) + 1):
            axes.plot([at, at], [0, 1], color=plots.INK, linewidth=0.8)
        ticks = [_ticks(study.spec.space[name]) for name in shown]
        for at, texts in enumerate([*ticks, [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]]):
            for y, text in texts:
                axes.text(at + 0.04, y, text, fontsize=8, va="center", bbox=HALO)
            if at < len(shown) and any(shown[at] not in trial.parameters for trial in trials):
                axes.text(at + 0.04, UNUSED, "not used", fontsize=8, va="center", bbox=HALO)

    return plots.svg("parallel", draw, width=9.2, height=3.6)


HALO: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}


def _place(dimension: Dimension, value: Any) -> float:
    """Return where on its axis a value lies, 0 … 1: an end for each bound, also of whole numbers."""
    if isinstance(dimension, Choice):
        return dimension.to_unit(value)
    if isinstance(dimension, LogUniform) or (isinstance(dimension, Integer) and dimension.log):
        return math.log(value / dimension.low) / math.log(dimension.high / dimension.low)
    return float((value - dimension.low) / (dimension.high - dimension.low))


def _ticks(dimension: Dimension) -> list[tuple[float, str]]:
    if isinstance(dimension, Choice):
        return [(dimension.to_unit(option), str(option)[:16]) for option in thinned(dimension.options, 8)]
    return [(_place(dimension, value), f"{value:.4g}") for value in (dimension.low, dimension.high)]


def _near(values: list[float]) -> tuple[float, float]:
    """Return a range without what lies far off: a diverged trial shall not flatten a picture."""
    ordered = sorted(values)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.75))
    reach = 3 * (high - low)
    low, high = max(ordered[0], low - reach), min(ordered[-1], high + reach)
    margin = 0.05 * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _broken(name: str) -> str:
    return name.replace(".", ".\n")


def _words(name: str) -> str:
    return name.replace("_", " ")
