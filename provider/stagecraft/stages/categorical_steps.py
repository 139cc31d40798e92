"""What can be done to a categorical column or a cross, before it is fitted."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from stagecraft.errors import InvalidInputError
from stagecraft.stages.step import Step
from stagecraft.transforms.categorical import FittedHash, FittedIndex

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.stages.category_counts import Counts
    from stagecraft.transforms.encodings import CategoricalEncoding

MAX_COLUMNS = 1000


class CategoricalStep(Step):
    """A step that ends the chain of a categorical column or a cross."""

    counted: ClassVar[bool] = True
    """Whether :meth:`fit` looks at the counts."""

    def output(self, name: str) -> str:
        """The name of the column that is made, given that of the column or cross."""
        return name

    def fit(self, columns: list[str], output: str, counts: Counts) -> CategoricalEncoding:
        """Build the fitted encoding.

        :param columns: the raw columns that it is read from
        :param counts: of the categories, after filling
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Index(CategoricalStep):
    """Each value becomes its own slot: automatic label mapping.

    The vocabulary goes by count descending, then bytes ascending. Slot 0 is a missing value, slot 1 one that
    the fit did not see, or saw too seldom.

    :param min_count: values seen less often than this get no slot of their own
    :param top: at most this many values get a slot

    >>> Index(min_count=10).top is None
    True
    """

    min_count: int = Field(default=1, ge=1)
    top: int | None = Field(default=None, ge=1)
    type: Literal["index"] = field(default="index", kw_only=True)

    def fit(self, columns: list[str], output: str, counts: Counts) -> CategoricalEncoding:
        from stagecraft.transforms.encodings import SlotEncoding

        index = FittedIndex(vocabulary=counts.frequent(self.min_count, self.top), fill=counts.fill)
        return SlotEncoding(columns=columns, output=output, map=index)


@dataclass(frozen=True)
class Hash(CategoricalStep):
    """Each value becomes one of 2^bits slots by XXH64: for columns of very many values. Nothing is fitted.

    Slot 0 is a missing value. Two fields of one salt hash alike, and share slots where they share values.
    With so many bits that no two values meet (56, say), each has a feature of its own, also those that come
    later; the parameter server trains on them with a growing dimension.

    :param salt: what seeds the hash; None: the name of the column, so that no two fields collide alike

    >>> Hash(bits=14).salt is None
    True
    """

    bits: int = Field(ge=1, le=62)
    salt: str | None = None
    type: Literal["hash"] = field(default="hash", kw_only=True)

    counted: ClassVar[bool] = False

    def fit(self, columns: list[str], output: str, counts: Counts) -> CategoricalEncoding:
        from stagecraft.transforms.encodings import SlotEncoding

        salt = output if self.salt is None else self.salt
        hashed = FittedHash(bits=self.bits, salt=salt, fill=counts.fill)
        return SlotEncoding(columns=columns, output=output, map=hashed)


@dataclass(frozen=True)
class OneHot(CategoricalStep):
    """Each value becomes a column ``<column>=<value>`` that is 1 in its rows, else 0.

    A missing value is 0 in all of them; ``Fill("?") | OneHot()`` gives it a column.

    :param min_count: values seen less often than this get no column of their own
    :param top: at most this many values get one; there can be 1000
    :param unseen: a value without a column is 0 in all of them (``zeros``), or 1 in one for all such
        (``column``), ``<column>_unseen``
    """

    min_count: int = Field(default=1, ge=1)
    top: int | None = Field(default=None, ge=1, le=MAX_COLUMNS)
    unseen: Literal["zeros", "column"] = "zeros"
    type: Literal["one_hot"] = field(default="one_hot", kw_only=True)

    def fit(self, columns: list[str], output: str, counts: Counts) -> CategoricalEncoding:
        from stagecraft.transforms.encodings import OneHotEncoding

        vocabulary = counts.frequent(self.min_count, self.top)
        if not len(counts.values):
            raise InvalidInputError(
                f"encode.columns.{output}",
                "every value is missing, so there is no column to make",
                'a column with values, or Fill("a text") before OneHot()',
            )
        if len(vocabulary) > MAX_COLUMNS:
            raise InvalidInputError(
                f"encode.columns.{output}",
                f"{len(vocabulary)} values would be as many columns",
                f"OneHot(top=…) of at most {MAX_COLUMNS}, or Index() or Hash(bits=…), which make one",
            )
        index = FittedIndex(vocabulary=vocabulary, fill=counts.fill)
        unseen = self.unseen == "column"
        return OneHotEncoding(columns=columns, output=output, map=index, unseen=unseen)


@dataclass(frozen=True)
class Count(CategoricalStep):
    """Each value becomes the number of rows in which the fit saw it, in ``<column>_count``.

    A missing value counts as one; an unseen one becomes 0.

    :param normalize: the share of the rows in place of their number
    """

    normalize: bool = False
    type: Literal["count"] = field(default="count", kw_only=True)

    def output(self, name: str) -> str:
        return f"{name}_count"

    def fit(self, columns: list[str], output: str, counts: Counts) -> CategoricalEncoding:
        from stagecraft.transforms.encodings import NumberEncoding

        index = FittedIndex(vocabulary=counts.values.to_pylist(), fill=counts.fill)
        whole = counts.rows if self.normalize else 1
        values = [counts.missing / whole, 0.0, *(counts.counts / whole).tolist()]
        return NumberEncoding(columns=columns, output=output, map=index, values=[values])


@dataclass(frozen=True)
class TargetEncode(CategoricalStep):
    """Each value becomes the label's mean over its rows, drawn towards that of all, in ``<column>_target``.

    A row of the fit gets the mean over the rows of other folds, so its own label has no part in it; any other
    row gets the mean over all rows of the fit. An unseen value gets the mean of all; a missing one is a value
    like the others. The label holds numbers or two classes; of classes, the mean is the second one's share.

    Source: Micci-Barreca, A Preprocessing Scheme for High-Cardinality Categorical Attributes, SIGKDD
    Explorations 3(1), 2001, with the weight n / (n + smoothing).

    :param key: the columns that name a row: its fold is their hash, modulo the number of folds
    :param folds: number of folds
    :param smoothing: the mean is as if so many more rows had the mean of all
    :param seed: another seed makes other folds

    >>> TargetEncode(key="flight_id").key
    ('flight_id',)
    """

    key: tuple[str, ...] = Field(min_length=1)
    folds: int = Field(default=5, ge=2, le=100)
    smoothing: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**32)
    type: Literal["target_encode"] = field(default="target_encode", kw_only=True)

    @field_validator("key", mode="before")
    @classmethod
    def _columns(cls, key: object) -> object:
        return [key] if isinstance(key, str) else key

    def output(self, name: str) -> str:
        return f"{name}_target"

    def fit(self, columns: list[str], output: str, counts: Counts) -> CategoricalEncoding:
        return self._fitted(columns, output, counts, counts.by_fold.sum(axis=0), counts.totals.sum(axis=0))

    def out_of_fold(self, columns: list[str], output: str, counts: Counts, fold: str) -> CategoricalEncoding:
        """Build the encoding of the fit's own rows: in each fold, the statistics of the others.

        :param fold: the column of their folds
        :raises InvalidInputError: all rows are in one fold
        """
        rows = counts.by_fold.sum(axis=0) - counts.by_fold
        if not rows.any(axis=1).all():
            raise InvalidInputError(
                f"encode.columns.{output}.key",
                f"all {counts.rows} rows are in one fold, by {', '.join(map(repr, self.key))}",
                "columns that tell rows apart",
            )
        totals = counts.totals.sum(axis=0) - counts.totals
        return self._fitted(columns, output, counts, rows, totals, fold)

    def _fitted(
        self,
        columns: list[str],
        output: str,
        counts: Counts,
        rows: np.ndarray,
        totals: np.ndarray,
        fold: str | None = None,
    ) -> CategoricalEncoding:
        """Build from counts and sums, folds × (values, the missing one last)."""
        import numpy as np

        from stagecraft.transforms.encodings import NumberEncoding

        rows, totals = np.atleast_2d(rows), np.atleast_2d(totals)
        prior = totals.sum(axis=1, keepdims=True) / (rows.sum(axis=1, keepdims=True) * counts.scale)
        weights = rows + self.smoothing
        means = totals / counts.scale + self.smoothing * prior
        means = np.divide(means, weights, out=np.broadcast_to(prior, means.shape).copy(), where=weights > 0)
        values = np.hstack([means[:, -1:], prior, means[:, :-1]]).tolist()
        index = FittedIndex(vocabulary=counts.values.to_pylist(), fill=counts.fill)
        return NumberEncoding(columns=columns, output=output, map=index, values=values, fold=fold)
