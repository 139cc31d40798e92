"""The page of a sweep."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from stagecraft.stages import report_plots as plots
from stagecraft.stages.page import box, card, document
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stagecraft.tuning.trials import Trials


def page(study: Trials, best: Trial) -> str:
    """Return the HTML page: the best so far by trial, and a table of all trials, the best ones first."""
    spec = study.spec
    metric = escape(spec.metric)
    sign = 1 if spec.direction == "minimize" else -1
    ranked = sorted(study.finished, key=lambda trial: (sign * trial.metrics[spec.metric], trial.number))
    cards = [(spec.metric, f"{best.metrics[spec.metric]:.5f}"), ("best trial", best.name)]
    cards += [("trials", str(len(study.trials))), ("failed", str(len(study.failed)))]
    about = (
        f"{escape(spec.searcher.replace('_', ' '))} over {len(spec.space)} parameters,\n"
        f"{spec.direction} {metric} of held-out rows, seed {spec.seed}"
    )
    return document(
        "Sweep",
        about,
        f'<div class="cards">{"".join(card(name, value) for name, value in cards)}</div>\n'
        '<div class="pictures">\n'
        f"{box('Best so far', _curve(study), wide=True)}\n"
        f"{box('Trials', _table(study, [*ranked, *study.stopped, *study.failed]), wide=True)}\n"
        "</div>",
    )


def _curve(study: Trials) -> str:
    spec = study.spec
    better = min if spec.direction == "minimize" else max
    points = [(trial.number, trial.metrics[spec.metric]) for trial in study.finished]
    reached: list[float] = []
    for _, value in points:
        reached.append(better(value, *reached[-1:]) if reached else value)

    def draw(axes: Axes) -> None:
        numbers = [number for number, _ in points]
        axes.scatter(numbers, [value for _, value in points], color=plots.GUIDE, s=18, label="trial")
        axes.plot(numbers, reached, color=plots.MODEL, drawstyle="steps-post", label="best so far")
        axes.set(xlabel="trial", ylabel=spec.metric.replace("_", " "))
        axes.legend()

    return plots.svg("sweep", draw, width=9.2)


def _table(study: Trials, trials: list[Trial]) -> str:
    names = sorted(study.spec.space)
    head = ["trial", study.spec.metric, *names, "seconds", "state"]
    body = "".join(_row(trial, study.spec.metric, names) for trial in trials)
    titles = "".join(f'<th class="number">{escape(title)}</th>' for title in head)
    return f"<table><tr>{titles}</tr>{body}</table>"


def _row(trial: Trial, metric: str, names: list[str]) -> str:
    state = f"{trial.state}: {trial.message}" if trial.state is TrialState.FAILED else trial.state
    value = f"{trial.metrics[metric]:.5f}" if metric in trial.metrics else "–"
    cells = [str(trial.number), value, *(_short(trial.parameters.get(name, "–")) for name in names)]
    cells += [f"{trial.seconds:.1f}", state]
    return f"<tr>{''.join(f'<td class=number>{escape(cell)}</td>' for cell in cells)}</tr>"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
