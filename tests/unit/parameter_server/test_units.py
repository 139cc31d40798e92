"""Dealing rows to workers."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.partition import Partition
from stagecraft.parameter_server.units import LARGEST, SMALLEST, Orders, RowGroup, Unit, deal, unit_rows


def groups(*rows):
    return [RowGroup("file.parquet", number, count) for number, count in enumerate(rows)]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [(1,), (5, 3), (400_000,), (9_000, 90_000, 1, 65_536, 140_000)])
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
    orders = Orders(made, seed=1)
    order = np.concatenate([orders.of(Unit(4, *cut), epoch=0) for cut in ((0, 2_000), (2_000, 5_000))])
    assert sorted(order) == list(range(5_000))
    assert not np.array_equal(order, orders.of(Unit(5, 0, 5_000), epoch=0))
    assert not np.array_equal(order, orders.of(Unit(4, 0, 5_000), epoch=1))
    assert not np.array_equal(order, Orders(made, seed=2).of(Unit(4, 0, 5_000), epoch=0))


def test_one_row_group_is_shared_by_all_workers():
    (units,) = deal(groups(1_000), epoch=0, seed=0, workers=3)
    assert [unit.rows for unit in units] == [333, 333, 334]


def test_units_grow_with_the_data():
    assert unit_rows(1_000, 2) == SMALLEST
    assert unit_rows(12_000_000, 2) == 93_750
    assert unit_rows(10**9, 2) == LARGEST


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_partition_gives_every_key_its_number_in_one_shard(shards):
    partition = Partition(103, shards)
    keys = np.random.default_rng(0).permutation(103)
    split = partition.split(keys)
    seen = []
    for shard in range(shards):
        numbers = split.numbers[split.of(shard)]
        assert len(numbers) == partition.size(shard)
        assert np.array_equal(keys[split.source[split.of(shard)]], numbers * shards + shard)
        assert numbers.max() < partition.size(shard)
        seen += (numbers * shards + shard).tolist()
    assert sorted(seen) == list(range(103))


def test_partition_of_more_keys_than_int32_numbers():
    keys = np.array([2**40 + 1, 3])
    split = Partition(2**41, 2).split(keys)
    assert split.numbers.tolist() == [2**39, 1]
    assert split.numbers.dtype == np.int64
    assert Partition(2**31, 2).split(keys[1:]).numbers.dtype == np.int32
