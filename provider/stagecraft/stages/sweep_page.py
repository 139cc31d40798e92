"""The page of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from stagecraft.stages import sweep_plots as plots
from stagecraft.stages.page import box, card, document, facts
from stagecraft.tuning.importance import importance
from stagecraft.tuning.space import Choice, Dimension
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from stagecraft.tuning.trials import Trials

ROWS = 500


def page(
    study: Trials, best: Trial, test: Mapping[str, float] | None = None, notes: Sequence[str] = ()
) -> str:
    """Return the HTML page of a sweep: its best trial, what matters, its history, and its trials.

    :param best: the trial that the sweep hands on
    :param test: the metrics of the last training, on rows that the search never saw; None without such rows
    :param notes: more lines under the heading
    """
    spec = study.spec
    ranked = sorted(study.finished, key=lambda trial: (spec.losses(trial.metrics), trial.number))
    shares = importance(study)
    parameters = list(shares) or sorted(spec.space)
    about = (
        f"{escape(spec.searcher.replace('_', ' '))} over {len(spec.space)} parameters,\n"
        f"{', '.join(f'{way} {escape(name)}' for name, way in spec.objectives.items())} of held-out rows, "
        f"seed {spec.seed}"
    )
    about = "<br>".join([about, *map(escape, notes)])
    sections = [box("Best so far", plots.best_so_far(study), wide=True)]
    if shares:
        hint = '<p class="hint">Of the variance over the space, by functional ANOVA over a random forest.</p>'
        sections.append(box("Parameter importance", plots.importance(shares) + hint))
    if len(spec.objectives) > 1:
        sections.append(box("Pareto front", plots.front(study)))
    if drawn := plots.curves([*ranked, *study.stopped], spec.metric):
        sections.append(box("Curves", drawn))
    sections.append(
        box(
            "Best parameters",
            facts((name, _short(best.parameters[name])) for name in _used(best, parameters)),
        )
    )
    if len(ranked) > 1:
        sections.append(box("Parallel coordinates", plots.parallel(study, ranked, parameters), wide=True))
    if study.rounds:
        sections.append(box("Rounds", _rounds(study, ranked, parameters), wide=True))
    sections.append(
        box("Trials", _trials(study, [*ranked, *study.stopped, *study.failed], parameters), wide=True)
    )
    joined = "\n".join(sections)
    figures = "".join(_figures(study, best, test or {}))
    return document(
        "Sweep", about, f'<div class="cards">{figures}</div>\n<div class="pictures">\n{joined}\n</div>', CSS
    )


CSS = ".scroll { overflow-x: auto; } .scroll td { min-width: 70px; } .scroll td.text { min-width: 240px; }"


def _figures(study: Trials, best: Trial, test: Mapping[str, float]) -> list[str]:
    figures = []
    for name in study.spec.objectives:
        figures.append(card(name, f"{best.metrics[name]:.5g}", f"of {best.name}"))
        if name in test:
            figures.append(card(f"test {name}", f"{test[name]:.5g}", "on rows that the search never saw"))
    figures.append(card("trials", str(len(study.trials))))
    figures.append(card("failed", str(len(study.failed)), f"and {len(study.stopped)} stopped early"))
    figures.append(card("CPU seconds", f"{sum(trial.cpu for trial in study.trials):,.1f}", "of all trials"))
    if cost := sum(trial.metrics.get("cost", 0.0) for trial in study.trials):
        figures.append(card("cost", f"{cost:,.4g}", "of all trials"))
    return figures


def _used(trial: Trial, parameters: Sequence[str]) -> list[str]:
    return [name for name in parameters if name in trial.parameters]


def _rounds(study: Trials, ranked: list[Trial], parameters: list[str]) -> str:
    metric = study.spec.metric
    rows = []
    for number, space in enumerate([study.spec.space, *(each.space for each in study.rounds)]):
        own = [trial for trial in ranked if trial.round == number]
        found = f"{own[0].metrics[metric]:.5g}" if own else "–"
        rows.append([str(number + 1), str(len(own)), found, *(_range(space[name]) for name in parameters)])
    return _table(["round", "finished", f"best {metric}", *parameters], rows)


def _trials(study: Trials, trials: list[Trial], parameters: list[str]) -> str:
    objectives = list(study.spec.objectives)
    rows = []
    for trial in trials[:ROWS]:
        state = f"{trial.state}: {trial.message}" if trial.state is TrialState.FAILED else trial.state.value
        metrics = [f"{trial.metrics[name]:.5g}" if name in trial.metrics else "–" for name in objectives]
        tried = [_short(trial.parameters.get(name, "–")) for name in parameters]
        rows.append([str(trial.number), *metrics, *tried, f"{trial.seconds:.1f}", state])
    table = _table(["trial", *objectives, *parameters, "seconds", "state"], rows, text=1)
    if len(trials) <= ROWS:
        return table
    words = f"{ROWS} of {len(trials):,} trials, the best first; the study has them all."
    return f'<p class="hint">{words}</p>{table}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], text: int = 0) -> str:
    """Return a table of numbers; its last ``text`` columns are texts."""
    kinds = ["number"] * (len(head) - text) + ["text"] * text
    titles = "".join(
        f'<th class="{kind}">{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}">{escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{titles}</tr>{body}</table></div>'


def _range(dimension: Dimension) -> str:
    if isinstance(dimension, Choice):
        return ", ".join(map(str, dimension.options))
    return f"{_short(dimension.low)} … {_short(dimension.high)}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
