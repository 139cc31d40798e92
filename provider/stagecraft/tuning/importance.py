"""How much each parameter matters: functional analysis of variance over a random forest."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from stagecraft.tuning.space import Choice, Dimension, Space, Value
from stagecraft.tuning.thinned import thinned

if TYPE_CHECKING:
    import numpy as np
    from sklearn.tree import DecisionTreeRegressor

    from stagecraft.tuning.trial import Trial
    from stagecraft.tuning.trials import Trials

TREES = 32
FEWEST, MOST = 10, 2000
FENCE = 1.5


def importance(study: Trials, objective: str | None = None) -> dict[str, float]:
    """Return the share of an objective's variance over the space that each parameter alone explains.

    A random forest learns the objective from the finished trials; the variance of what it predicts, over all
    of the space and not over where the searcher looked, is parted among the parameters. The shares and what
    parameters do only together, which is the rest, make 1. A conditional parameter is weighed by how often
    it is used: its share is that of the variance within the trials that have it. An objective beyond Tukey's
    fence counts as at it, so that one diverged trial does not stand for all of the variance. Of more than
    2,000 trials it takes so many, evenly spaced.

    Source: Hutter, Hoos, Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML
    2014.

    :param objective: the study's first one where None
    :returns: parameter → 0 … 1, the largest first; empty below ten finished trials, and where they all came
        to the same
    """
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    trials = thinned(study.finished, MOST)
    losses = np.array([trial.metrics[objective or study.spec.metric] for trial in trials])
    if len(trials) < FEWEST:
        return {}
    low, high = np.quantile(losses, [0.25, 0.75])
    margin = FENCE * (high - low)
    values = losses.clip(low - margin, high + margin) if margin else losses
    if np.ptp(values) == 0:
        return {}
    space = _ordered(study.spec.space, trials, values)
    # A parameter that a trial has not is drawn at random, so that the forest finds nothing in it.
    source = random.Random(0)
    units = [
        [
            each.to_unit(trial.parameters.get(name, each.from_unit(source.random())))
            for name, each in space.dimensions.items()
        ]
        for trial in trials
    ]
    forest = RandomForestRegressor(TREES, random_state=0, n_jobs=1).fit(units, values)
    shares = np.array([found for tree in forest.estimators_ if (found := _shares(space, tree)) is not None])
    means = dict(zip(space.dimensions, map(float, shares.mean(axis=0)), strict=True))
    return dict(sorted(means.items(), key=lambda each: (-each[1], each[0])))


def _ordered(dimensions: Mapping[str, Dimension], trials: Sequence[Trial], values: np.ndarray) -> Space:
    """Return the space with the options of each choice in the order of what they came to, as a tree has them.

    Source: Breiman et al., Classification and Regression Trees, 1984, proposition 8.16.
    """
    ordered: dict[str, Dimension] = {}
    for name, dimension in dimensions.items():
        if isinstance(dimension, Choice):
            found: dict[str, list[float]] = {}
            for trial, value in zip(trials, values, strict=True):
                if name in trial.parameters:
                    found.setdefault(repr(trial.parameters[name]), []).append(value)
            means = {option: sum(each) / len(each) for option, each in found.items()}
            overall = float(values.mean())
            options = sorted(dimension.options, key=lambda each: means.get(repr(each), overall))
            dimension = replace(dimension, options=options)
        ordered[name] = dimension
    return Space(ordered)


def _shares(space: Space, tree: DecisionTreeRegressor) -> np.ndarray | None:
    """Return each dimension's share of a tree's variance; None where the tree is a single leaf."""
    import numpy as np

    low, high, value = _leaves(tree, len(space))
    width = high - low
    volume = width.prod(axis=1)
    value = value - volume @ value
    variance = volume @ value**2
    if variance <= 0:
        return None
    places = {name: place for place, name in enumerate(space.dimensions)}
    parts = np.zeros(len(space))
    for name, place in places.items():
        others, used = width.copy(), 1.0
        others[:, place] = 1.0
        for parent, options in _asked(space, name).items():
            at, intervals = places[parent], [space.dimensions[parent].interval(each) for each in options]
            inside = sum(
                (np.minimum(high[:, at], end) - np.maximum(low[:, at], begin)).clip(0)
                for begin, end in intervals
            )
            share = sum(end - begin for begin, end in intervals)
            used *= share
            others[:, at] = inside / share if share else 0.0
        parts[place] = used * _step_variance(low[:, place], high[:, place], value * others.prod(axis=1))
    shares: np.ndarray = parts / variance
    return shares


def _leaves(tree: DecisionTreeRegressor, dimensions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the leaves' boxes in the unit cube, (leaves, dimensions) each, and their values."""
    import numpy as np

    grown = tree.tree_
    low, high = np.zeros((grown.node_count, dimensions)), np.ones((grown.node_count, dimensions))
    level = np.array([0])
    while level.size:
        inner = level[grown.children_left[level] >= 0]
        left, right = grown.children_left[inner], grown.children_right[inner]
        feature, threshold = grown.feature[inner], grown.threshold[inner]
        low[left] = low[right] = low[inner]
        high[left] = high[right] = high[inner]
        high[left, feature] = low[right, feature] = threshold
        level = np.concatenate([left, right])
    is_leaf = grown.children_left < 0
    return low[is_leaf], high[is_leaf], grown.value[is_leaf, 0, 0]


def _step_variance(low: np.ndarray, high: np.ndarray, value: np.ndarray) -> float:
    """Return the variance of a sum of steps over the unit interval.

    :param value: what each step adds from its low end to its high one
    """
    import numpy as np

    ends = np.unique(np.concatenate([low, high]))
    change = np.zeros(len(ends))
    np.add.at(change, np.searchsorted(ends, low), value)
    np.add.at(change, np.searchsorted(ends, high), -value)
    height, width = change.cumsum()[:-1], np.diff(ends)
    return float(width @ (height - width @ height) ** 2)


def _asked(space: Space, name: str) -> dict[str, list[Value]]:
    """Return what must hold for a parameter to be used: ancestors' names, and values that they may have."""
    asked: dict[str, list[Value]] = {}
    for parent, options in space.dimensions[name].when.items():
        for ancestor, values in {**_asked(space, parent), parent: options}.items():
            asked[ancestor] = [value for value in values if value in asked.get(ancestor, values)]
    return asked
