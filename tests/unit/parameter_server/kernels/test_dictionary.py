"""Slots of keys, against Python's dictionary."""

from __future__ import annotations

import numpy as np

from stagecraft.parameter_server.kernels.dictionary import ABSENT, Dictionary


def test_equals_pythons_dictionary_while_it_grows():
    rng, plain, held = np.random.default_rng(0), {}, Dictionary()
    domain = np.concatenate([rng.integers(0, 2**63, 30_000), np.arange(0, 2**40, 2**28), [0, -1, 2**63 - 1]])
    for size in (0, 1, 2000, 2048, 3, 50_000, 50_000):
        keys = rng.choice(domain, size)
        assert held.slots(keys).tolist() == [plain.setdefault(key, len(plain)) for key in keys.tolist()]
        assert len(held) == len(plain)
        assert held.keys.tolist() == list(plain)


def test_finds_without_adding():
    held = Dictionary(np.array([5, 2**62, 0]))
    assert held.find(np.array([0, 7, 2**62, 5, -1])).tolist() == [2, ABSENT, 1, 0, ABSENT]
    assert len(held) == 3


def test_takes_memory_by_the_keys_it_holds_not_by_those_it_is_asked():
    held = Dictionary()
    small = held.nbytes
    assert held.slots(np.tile(np.arange(100), 10_000)).max() == 99
    assert held.nbytes == small
    held.slots(np.arange(100_000) << 40)
    assert 24 * 100_000 < held.nbytes < 100 * 100_000


def test_comes_back_from_its_keys():
    first = Dictionary()
    keys = np.random.default_rng(1).integers(0, 2**63, 10_000)
    slots = first.slots(keys)
    again = Dictionary(first.keys)
    np.testing.assert_array_equal(again.slots(keys), slots)
    assert len(again) == len(first)
