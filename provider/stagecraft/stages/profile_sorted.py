"""The profile of columns of numbers that fit in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stagecraft.stages.frequent import first
from stagecraft.stages.profile_statistics import (
    QUANTILES,
    ColumnProfile,
    bar_edges,
    median,
    scale_exponent,
    set_moments,
)
from stagecraft.stages.sorted_columns import counts_between, finite_part, quantile, sorted_columns
from stagecraft.stages.value_counts import label

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.engines.contract import Engine, Relation


def describe(
    engine: Engine, rows: Relation, columns: Mapping[str, ColumnProfile], count: int, top: int
) -> None:
    """Add quantiles, moments, bars, distinct and frequent values: the same as by queries.

    :param columns: of numbers, with a finite one at least
    :param count: how many rows there are
    :param top: how many frequent values are kept
    """
    for name, [values] in sorted_columns(engine, [rows], list(columns), count):
        _add_values(columns[name], values, top)
        _add_spread(columns[name], finite_part(values))


def _add_values(column: ColumnProfile, values: np.ndarray, top: int) -> None:
    import numpy as np
    import pyarrow as pa

    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    counts = np.diff(starts, append=len(values))
    different = values[starts]
    chosen = first(np.arange(len(starts)), counts, pa.array(different), top)
    chosen = chosen[np.lexsort((different[chosen], -counts[chosen]))]
    column.distinct = len(starts)
    column.top = [(label(different[place].item()), int(counts[place])) for place in chosen]


def _add_spread(column: ColumnProfile, numbers: np.ndarray) -> None:
    column.quantiles = {f"{share:.0%}": quantile(numbers, share) for share in QUANTILES}
    scale = math.ldexp(1.0, -scale_exponent(column))
    differences = numbers * scale - median(column) * scale
    set_moments(column, float(differences.sum()), float((differences * differences).sum()))
    edges = bar_edges(column)
    column.bars = edges, counts_between(numbers, edges)
