"""Rows like Criteo's click log, with a known ceiling: 13 numeric and 26 categorical columns, and a label.

Categories go by Zipf's law with a heavy tail: the wider the feature space, the more of them there are. The
label is drawn with a known probability, whose log odds are a sum of effects of each value and of products of
latent factors between the ten smallest columns, so a factorization machine has something to learn. Every row
is a function of its number and the seed: rows ``start`` … of one seed are the same, however many are made.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from criteo_kernel import fill
from scipy.special import expit

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.engines.parquet import ROW_GROUP, write_batches
from stagecraft.stages.metrics import ranking
from stagecraft.transforms.categorical import FittedHash
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.numeric import FittedBin
from stagecraft.transforms.sparse import SparseRows

VERSION = 3
LABEL, CHANCE = "click", "chance"
NUMERIC = [f"n{number:02}" for number in range(1, 14)]
CATEGORICAL = [f"c{number:02}" for number in range(1, 27)]
MISSING = (0.0, 0.02, 0.2, 0.45)
BINS = 30
SHARES = (3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6)
"""The first 16 columns have each 2^-share of the feature space; the others have :data:`SMALL` values."""
SMALL = (4, 10, 20, 30, 60, 100, 150, 250, 400, 600)
SMALL_BITS = 10
EXPONENT, SMALL_EXPONENT = 1.15, 0.7
INTERCEPT, SLOPE, EFFECT, SMALL_EFFECT, INTERACTION = -1.3, 0.2, 0.17, 0.35, 0.035
THREADS = 2

Form = Literal["sparse", "encoded", "raw"]


class Criteo(NamedTuple):
    """The rows of one seed in a feature space of less than 2^``bits`` dimensions, 18 to 26."""

    bits: int
    seed: int = 7

    @property
    def hash_bits(self) -> list[int]:
        """Of each categorical column."""
        return [*(self.bits - share for share in SHARES), *[SMALL_BITS] * len(SMALL)]

    @property
    def sizes(self) -> list[int]:
        """Values of each categorical column."""
        return [*(1 << (self.bits - share) for share in SHARES), *SMALL]

    def chain(self) -> Chain:
        """What encodes raw rows: each numeric column's bin, and each category's hash."""
        bins = [
            NumericEncoding(column=name, maps=[FittedBin(edges=_edges(*shape[:2]))])
            for name, shape in zip(NUMERIC, _shapes(), strict=True)
        ]
        hashes = [
            SlotEncoding(columns=[name], output=name, map=FittedHash(bits=bits, salt=name))
            for name, bits in zip(CATEGORICAL, self.hash_bits, strict=True)
        ]
        return Chain((Encode(encodings=[*bins, *hashes]),))

    def batch(self, start: int, rows: int) -> pa.RecordBatch:
        """Return raw rows, with :data:`LABEL` and the true probability :data:`CHANCE`."""
        numeric = np.empty((len(NUMERIC), rows))
        values = np.empty((len(CATEGORICAL), rows), dtype=np.int32)
        logit, drawn = np.empty((2, rows))
        small = len(SHARES)
        exponents = np.array([EXPONENT] * small + [SMALL_EXPONENT] * len(SMALL))
        settings = np.array([INTERCEPT, SLOPE, INTERACTION, small])
        effects = np.array([EFFECT] * small + [SMALL_EFFECT] * len(SMALL))
        fill(
            self.seed, start, numeric, values, logit, drawn,
            _shapes(), exponents, np.array(self.sizes), effects, settings,
        )  # fmt: skip
        chance = expit(logit)
        columns = {
            name: pa.array(column, from_pandas=True) for name, column in zip(NUMERIC, numeric, strict=True)
        }
        columns |= {name: pa.array(column) for name, column in zip(CATEGORICAL, values, strict=True)}
        label = (drawn < chance).astype(np.int8)
        return pa.RecordBatch.from_pydict({LABEL: pa.array(label), CHANCE: pa.array(chance)} | columns)


def make(
    store: Store, rows: int, bits: int, seed: int = 7, *, start: int = 0, form: Form = "sparse"
) -> Dataset:
    """Commit rows as a dataset, or return the one that is committed already.

    :param bits: the feature space has less than 2^bits dimensions, 18 to 26
    :param start: the number of the first row; rows to validate on begin where those to train on end
    :param form: ``sparse`` as the stage SparseRows makes them, with the columns :data:`LABEL` and
        :data:`CHANCE`; ``encoded`` as EncodeColumns does; or ``raw``, as validation rows come
    """
    name = _fingerprint("rows", rows, bits, seed, start, form)
    if store.exists(name):
        made = store.open(name)
        assert isinstance(made, Dataset)
        return made
    encoder = _encoder(store, bits, seed)
    draft = store.draft(Kind.DATASET, name, lineage={"stage": "benchmark"})
    sparse = SparseRows(encoder.chain.layout, (LABEL, CHANCE))

    def formed(raw: pa.RecordBatch) -> pa.RecordBatch:
        if form == "raw":
            return raw
        encoded = encoder.chain.apply(raw)
        return sparse.apply(encoded) if form == "sparse" else encoded

    end, world = start + rows, Criteo(bits, seed)
    batches = _in_threads(
        lambda at: formed(world.batch(at, min(ROW_GROUP, end - at))), range(start, end, ROW_GROUP)
    )
    first = next(batches)
    target = Path(store.strip(draft.uri)) / "part-00000.parquet"
    target.parent.mkdir(parents=True)
    write_batches(itertools.chain([first], batches), first.schema, store.arrow_filesystem, str(target))
    draft.meta.update(columns={field.name: str(field.type) for field in first.schema}, rows=rows)
    if form != "raw":
        draft.meta["model"] = encoder.reference.model_dump(mode="json")
    if form == "sparse":
        draft.meta["sparse"] = True
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made


def ceiling(dataset: Dataset) -> dict[str, float]:
    """Return the ``auc`` and ``log_loss`` (nats) of the true probabilities: no model does better."""
    table = dataset.table([LABEL, CHANCE])
    found = ranking(table[LABEL].to_numpy() > 0, table[CHANCE].to_numpy())
    return {name: found[name] for name in ("auc", "log_loss")}


def _encoder(store: Store, bits: int, seed: int) -> Model:
    """Return the committed model that encodes raw rows."""
    name = _fingerprint("encoder", bits)
    if not store.exists(name):
        draft = store.draft(Kind.MODEL, name, lineage={"stage": "benchmark"})
        world = Criteo(bits, seed)
        fill_model(draft, world.chain(), pa.Table.from_batches([world.batch(0, 20)]))
        draft.commit()
    made = store.open(name)
    assert isinstance(made, Model)
    return made


def _shapes() -> np.ndarray:
    """Mean and deviation of the logarithm, and the missing part, of each numeric column."""
    return np.array(
        [(0.5 + 0.4 * at, 0.8 + 0.1 * (at % 4), MISSING[at % len(MISSING)]) for at in range(len(NUMERIC))]
    )


def _edges(mean: float, deviation: float) -> list[float]:
    """Return the quantiles of such a column, each once."""
    normal = NormalDist(mean, deviation)
    return sorted({float(int(math.exp(normal.inv_cdf(part / BINS)))) for part in range(1, BINS)})


def _in_threads(make: Callable[[int], pa.RecordBatch], starts: range) -> Iterator[pa.RecordBatch]:
    """Yield what ``make`` returns for each start, in order, a few at a time in memory."""
    waiting: deque[Future[pa.RecordBatch]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for start in starts:
            waiting.append(pool.submit(make, start))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _fingerprint(*parts: object) -> str:
    return hashlib.sha256(repr((VERSION, *parts)).encode()).hexdigest()[:32]
