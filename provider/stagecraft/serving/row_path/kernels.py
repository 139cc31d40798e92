"""The compiled parts of the row path: a chain's numbers for few rows, without an Arrow table."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np

FILL, SCALE, LOG_ARGUMENT, CLIP, BIN, FLOAT32, SINGLE, MISSING, EQUAL, WHOLE, LOOK_UP = range(11)
"""What a step does with its source's number; see :func:`_run`."""
IDENTITY, LOGISTIC, LOG = range(3)
"""The links of linear models."""
FLOAT32_MAX = float(np.finfo(np.float32).max)
EXP_MAX = math.log(np.finfo(np.float64).max)

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)

compiled = numba.njit(nogil=True, cache=True)


class Program(NamedTuple):
    """Steps over the registers of a row.

    This and :class:`Trees` cross from Python as plain tuples: numba takes a microsecond more for named ones.

    :param size: the number of registers
    :param steps: int32, steps × (what, source, target, first edge, end of edges)
    :param constants: float64, steps × 2
    :param edges: float64, the edges of all bins, and the values of all look-ups
    """

    size: int
    steps: np.ndarray
    constants: np.ndarray
    edges: np.ndarray


class Trees(NamedTuple):
    """The arrays of a :class:`stagecraft.transforms.forest.Forest`, and the register of each of its columns.

    :param columns: int32
    :param depth: of the deepest tree
    :param leaf: int32
    """

    columns: np.ndarray
    roots: np.ndarray
    depth: int
    feature: np.ndarray
    threshold: np.ndarray
    child: np.ndarray
    leaf: np.ndarray


@compiled  # type: ignore[untyped-decorator]
def _run(registers: np.ndarray, program: Program) -> bool:
    """Take a row's registers through the steps; False where a number is not of its column's type.

    :param registers: float64, NaN where a value is missing
    """
    steps, constants, edges = program.steps, program.constants, program.edges
    for step in range(len(steps)):
        what, value = steps[step, 0], registers[steps[step, 1]]
        first, second = constants[step, 0], constants[step, 1]
        missing = math.isnan(value)
        if what == FILL:
            made = first if missing else value
        elif what == SCALE:
            made = (value - first) / second
        elif what == FLOAT32:
            made = (
                np.float64(np.float32(min(max(value, -FLOAT32_MAX), FLOAT32_MAX))) if not missing else value
            )
        elif what == SINGLE:
            made = np.float64(np.float32(value))
        elif what == WHOLE:
            if not missing and not (first <= value <= second and value == math.floor(value)):
                return False
            made = value + 0.0
        elif what == BIN:
            made = 0.0
            if not missing:
                made = 1.0 + np.searchsorted(edges[steps[step, 3] : steps[step, 4]], value, side="right")
        elif what == LOOK_UP:
            made = edges[steps[step, 3] + np.int64(value)]
        elif what == CLIP:
            made = value if missing or value > first else first
            made = made if missing or made < second else second
        elif what == LOG_ARGUMENT:
            made = (value if missing or value > first else first) + second
        elif what == MISSING:
            made = 1.0 if missing else 0.0
        else:
            made = 1.0 if value == first else 0.0
        registers[steps[step, 2]] = made
    return True


@compiled  # type: ignore[untyped-decorator]
def arguments(inputs: np.ndarray, plain: tuple[Any, ...], out: np.ndarray) -> np.ndarray:
    """Return the registers ``out`` of each row, float64; no rows where a number is not of its type.

    :param inputs: float64, rows × a row's first registers
    """
    program = Program(*plain)
    found = np.empty((len(inputs), len(out)))
    registers = np.empty(program.size)
    for row in range(len(inputs)):
        registers[: inputs.shape[1]] = inputs[row]
        if not _run(registers, program):
            return found[:0]
        for at in range(len(out)):
            found[row, at] = registers[out[at]]
    return found


@compiled  # type: ignore[untyped-decorator]
def _walk(registers: np.ndarray, trees: Trees, values: np.ndarray, at: np.ndarray) -> None:
    """Take a row through all trees level by level: their steps do not wait for one another.

    The rules for missing values are those of :mod:`stagecraft.transforms.forest`.

    :param values: of the thresholds' type, twice the columns: scratch
    :param at: uint32, the nodes where the row ends
    """
    columns, roots = trees.columns, trees.roots
    feature, threshold, child = trees.feature, trees.threshold, trees.child
    largest = np.finfo(values.dtype).max
    for column in range(len(columns)):
        values[2 * column] = registers[columns[column]]
        value = values[2 * column]
        values[2 * column + 1] = np.inf if np.isnan(value) else min(value, largest)
    for tree in range(len(roots)):
        at[tree] = roots[tree]
    for _ in range(trees.depth):
        for tree in range(len(roots)):
            node = np.uint64(at[tree])
            goes_right = values[np.uint64(feature[node])] >= threshold[node]
            at[tree] = np.uint32(child[node]) + np.uint32(goes_right)


@compiled  # type: ignore[untyped-decorator]
def features(
    inputs: np.ndarray,
    plain_program: tuple[Any, ...],
    plain_trees: tuple[Any, ...],
    blocks: np.ndarray,
    numbers: np.ndarray,
    values: np.ndarray,
) -> bool:
    """Write each row's features and their values, as :meth:`stagecraft.transforms.layout.Layout.csr` does.

    :param inputs: float64, rows × a row's first registers
    :param blocks: int32, blocks × (register or -1 for the leaves, offset, place, whether it is a slot)
    :param numbers: int32, rows × features of a row
    :param values: float32, of the same shape
    :returns: False where a number is not of its column's type
    """
    program, trees = Program(*plain_program), Trees(*plain_trees)
    registers = np.empty(program.size)
    seen = np.empty(2 * len(trees.columns), trees.threshold.dtype)
    at = np.empty(len(trees.roots), np.uint32)
    leaf = trees.leaf
    values[:] = 1
    for row in range(len(inputs)):
        registers[: inputs.shape[1]] = inputs[row]
        if not _run(registers, program):
            return False
        _walk(registers, trees, seen, at)
        numbers[row, 0] = 0
        for block in range(len(blocks)):
            register, offset, place = blocks[block, 0], blocks[block, 1], blocks[block, 2]
            if register < 0:
                for tree in range(len(at)):
                    numbers[row, place + tree] = offset + leaf[at[tree]]
            elif blocks[block, 3]:
                numbers[row, place] = offset + np.int32(registers[register])
            else:
                value = registers[register]
                numbers[row, place] = offset
                values[row, place] = 0 if np.isnan(value) else value
    return True


@compiled  # type: ignore[untyped-decorator]
def linear(
    inputs: np.ndarray,
    plain_program: tuple[Any, ...],
    plain_trees: tuple[Any, ...],
    blocks: np.ndarray,
    weights: np.ndarray,
    link: int,
) -> np.ndarray:
    """Return the means of a linear model, float64, one a row; none where a number is not of its type.

    It sums what :func:`features` would write, and writes nothing.

    :param weights: float32, features × 1
    """
    found = np.empty(len(inputs))
    program, trees = Program(*plain_program), Trees(*plain_trees)
    registers = np.empty(program.size)
    seen = np.empty(2 * len(trees.columns), trees.threshold.dtype)
    at = np.empty(len(trees.roots), np.uint32)
    leaf = trees.leaf
    for row in range(len(inputs)):
        registers[: inputs.shape[1]] = inputs[row]
        if not _run(registers, program):
            return found[:0]
        _walk(registers, trees, seen, at)
        margin = np.float64(weights[0, 0])
        for block in range(len(blocks)):
            register, offset = blocks[block, 0], blocks[block, 1]
            if register < 0:
                for tree in range(len(at)):
                    margin += np.float64(weights[offset + leaf[at[tree]], 0])
            elif blocks[block, 3]:
                margin += np.float64(weights[offset + np.int32(registers[register]), 0])
            elif not np.isnan(registers[register]):
                margin += np.float64(weights[offset, 0]) * registers[register]
        found[row] = margin
        if link == LOGISTIC:
            found[row] = 1 / (1 + math.exp(-margin)) if margin > -EXP_MAX else 0.0
        elif link == LOG:
            found[row] = math.exp(min(margin, EXP_MAX))
    return found


@compiled  # type: ignore[untyped-decorator]
def hashed(data: np.ndarray, seed: np.uint64) -> np.uint64:
    """Return the XXH64 of bytes: :func:`stagecraft.transforms.xxh64.hash_texts` for one text.

    :param data: uint8
    """
    at, size = 0, len(data)
    if size >= 32:
        lanes = np.array([seed + P1 + P2, seed + P2, seed, seed - P1])
        while size - at >= 32:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], _word(data, at + 8 * lane, 8))
            at += 32
        value = _turn(lanes[0], 1) + _turn(lanes[1], 7) + _turn(lanes[2], 12) + _turn(lanes[3], 18)
        for lane in range(4):
            value = (value ^ _round(np.uint64(0), lanes[lane])) * P1 + P4
    else:
        value = seed + P5
    value += np.uint64(size)
    while size - at >= 8:
        value = _turn(value ^ _round(np.uint64(0), _word(data, at, 8)), 27) * P1 + P4
        at += 8
    if size - at >= 4:
        value = _turn(value ^ (_word(data, at, 4) * P1), 23) * P2 + P3
        at += 4
    while at < size:
        value = _turn(value ^ (np.uint64(data[at]) * P5), 11) * P1
        at += 1
    value = (value ^ (value >> np.uint64(33))) * P2
    value = (value ^ (value >> np.uint64(29))) * P3
    return np.uint64(value ^ (value >> np.uint64(32)))


@compiled  # type: ignore[untyped-decorator]
def _word(data: np.ndarray, at: int, size: int) -> np.uint64:
    word = np.uint64(0)
    for byte in range(size):
        word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
    return word


@compiled  # type: ignore[untyped-decorator]
def _turn(value: np.uint64, bits: int) -> np.uint64:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@compiled  # type: ignore[untyped-decorator]
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    return np.uint64(_turn(lane + word * P2, 31) * P1)


def warm_up() -> None:
    """Compile the kernels, or load them from the disk, so that no first row waits."""
    no_steps, no_pairs, none = np.empty((0, 5), np.int32), np.empty((0, 2)), np.empty(0)
    no_blocks = np.empty((0, 4), np.int32)
    one, inputs = np.zeros(1, np.int32), np.zeros((1, 1))
    program = (1, no_steps, no_pairs, none)
    numbers, values = np.zeros((1, 1), np.int32), np.ones((1, 1), np.float32)
    arguments(inputs, program, one)
    for real in (np.float32, np.float64):
        trees = (one, one, 1, one, np.full(1, np.nan, real), one, one)
        features(inputs, program, trees, no_blocks, numbers, values)
        linear(inputs, program, trees, no_blocks, np.zeros((1, 1), np.float32), LOGISTIC)
    hashed(np.zeros(1, np.uint8), np.uint64(0))
