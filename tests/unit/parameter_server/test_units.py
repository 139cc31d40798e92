"""Dealing rows to workers."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.shard import Partition
from stagecraft.parameter_server.units import LARGEST, SMALLEST, RowGroup, deal, row_order, unit_rows


def groups(*rows):
    return [RowGroup("file.parquet", number, count) for number, count in enumerate(rows)]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [(1,), (5, 3), (100_000,), (9_000, 20_000, 1, 4_096, 30_000)])
def test_every_row_is_dealt_once_an_epoch(rows, workers):
    seen = [np.zeros(count, dtype=int) for count in rows]
    for units in deal(groups(*rows), epoch=3, seed=1, workers=workers):
        assert len(units) <= workers
        assert any(unit and unit.rows for unit in units)
        for unit in units:
            if unit:
                seen[unit.group][unit.start : unit.stop] += 1
                assert unit.rows <= SMALLEST
    assert all((part == 1).all() for part in seen)


def test_order_depends_on_seed_and_epoch_alone():
    made = groups(*[5_000] * 9)

    def dealt(**arguments):
        return deal(made, workers=2, **arguments)

    assert dealt(epoch=0, seed=1) == dealt(epoch=0, seed=1)
    assert dealt(epoch=0, seed=1) != dealt(epoch=1, seed=1)
    assert dealt(epoch=0, seed=1) != dealt(epoch=0, seed=2)
    order = row_order(made, 4, epoch=0, seed=1)
    assert sorted(order) == list(range(5_000))
    assert not np.array_equal(order, row_order(made, 5, epoch=0, seed=1))


def test_one_row_group_is_shared_by_all_workers():
    (units,) = deal(groups(1_000), epoch=0, seed=0, workers=3)
    assert [unit.rows for unit in units] == [333, 333, 334]


def test_units_grow_with_the_data():
    assert unit_rows(1_000, 2) == SMALLEST
    assert unit_rows(50_000_000, 2) == 48_829
    assert unit_rows(10**9, 2) == LARGEST


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_partition_splits_and_joins(shards):
    partition = Partition(103, shards)
    keys = np.random.default_rng(0).permutation(103).astype(np.int32)
    places = partition.split(keys)
    assert sorted(np.concatenate(places)) == list(range(103))
    assert [len(place) for place in places] == [partition.size(shard) for shard in range(shards)]
    parts = [np.empty(partition.size(shard), dtype=np.int32) for shard in range(shards)]
    for part, place in zip(parts, places, strict=True):
        part[keys[place] // shards] = keys[place]
    assert partition.join(parts).tolist() == list(range(103))
