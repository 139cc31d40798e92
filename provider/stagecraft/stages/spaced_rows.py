"""Some rows of a dataset, evenly spaced, without reading it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset

PLACES = 32
"""Files, and row groups of these, that are read at most."""


def spaced_rows(dataset: Dataset, columns: list[str], most: int) -> pa.Table:
    """Return at most ``most`` rows, evenly spaced over row groups that are evenly spaced over the dataset.

    Up to :data:`PLACES` row groups are read, one at a time; of a dataset that has no more, the rows are
    evenly spaced over all of it.

    :param columns: the columns wanted
    :raises CorruptArtifactError: a file is missing or of another size, or what is read of it is damaged
    """
    import numpy as np
    import pyarrow as pa

    from stagecraft.parameter_server.files import Files
    from stagecraft.parameter_server.units import row_groups

    dataset.verify_sizes()
    groups = row_groups(dataset, [dataset.files[at] for at in _spaced(dataset.files)])
    groups = [groups[at] for at in _spaced(groups)]
    rows = sum(group.rows for group in groups)
    wanted = np.linspace(0, rows - 1, min(rows, most)).astype(np.int64)
    files, tables, start = Files(dataset.store), [], 0
    for group in groups:
        own = wanted[(wanted >= start) & (wanted < start + group.rows)] - start
        tables.append(files.read(group, columns).take(own))
        start += group.rows
    return pa.concat_tables(tables)


def _spaced(entries: Sequence[object]) -> list[int]:
    """Return the places of some entries, evenly spaced, the first and the last among them."""
    count = min(len(entries), PLACES)
    return [round(at * (len(entries) - 1) / max(count - 1, 1)) for at in range(count)]
