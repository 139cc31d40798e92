"""The weights of a model over sparse features: a row of numbers for each feature that training touched."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from stagecraft.transforms.layout import LARGEST_INT32

if TYPE_CHECKING:
    import numpy as np

DENSE_BYTES = 256 << 20
"""Up to this size a table holds every feature, so that a look-up is one gather."""


@dataclass(frozen=True)
class Weights:
    """A table of weights; a feature that it does not hold has weights of zero.

    A small table is dense: a row a feature. A large one holds the features that are not zero alone, and finds
    them by bisection. Either gives the same numbers.

    :param dimension: the number of features
    :param table: float32, rows × width; float64 of models that were trained elsewhere
    :param keys: int32 or int64, the rows' features, ascending; the last row is zero and stands for all other
        features. None where the table is dense
    """

    dimension: int
    table: np.ndarray
    keys: np.ndarray | None = None

    @classmethod
    def of(cls, dimension: int, keys: np.ndarray, values: np.ndarray) -> Self:
        """Build from features and their weights.

        :param keys: distinct, below ``dimension``
        :param values: float32 or float64, keys × width

        >>> import numpy as np
        >>> weights = Weights.of(5, np.array([3, 1]), np.array([[0.5], [2.0]], np.float32))
        >>> weights[np.array([1, 2, 3])].tolist()
        [[2.0], [0.0], [0.5]]
        """
        import numpy as np

        width = values.shape[1]
        if dimension * width * 4 <= DENSE_BYTES:
            dense = np.zeros((dimension, width), dtype=values.dtype)
            dense[keys] = values
            return cls(dimension, dense)
        kind = np.iinfo(np.int32 if dimension <= LARGEST_INT32 else np.int64)  # Its largest is no feature.
        held = np.flatnonzero(values.any(axis=1))
        held = held[np.argsort(keys[held], kind="stable")]
        table = np.zeros((len(held) + 1, width), dtype=values.dtype)
        table[:-1] = values[held]
        return cls(dimension, table, np.append(keys[held], kind.max).astype(kind.dtype))

    @property
    def width(self) -> int:
        """The weights of a feature."""
        return int(self.table.shape[1])

    def __len__(self) -> int:
        return self.dimension

    def __getitem__(self, features: np.ndarray) -> np.ndarray:
        """Return the weights of features of any shape: float32, that shape × width."""
        import numpy as np

        if self.keys is None:
            found: np.ndarray = self.table[features]
            return found
        place = np.searchsorted(self.keys, features)
        found = self.table[np.where(self.keys[place] == features, place, len(self.keys) - 1)]
        return found

    def touched(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the features whose weights are not all zero, ascending; and their weights."""
        import numpy as np

        if self.keys is not None:
            return self.keys[:-1], self.table[:-1]
        held = np.flatnonzero(self.table.any(axis=1)).astype(np.int32)
        return held, self.table[held]

    def dense(self) -> np.ndarray:
        """Return the weights of all features, dimension × width."""
        import numpy as np

        if self.keys is None:
            return self.table
        whole = np.zeros((self.dimension, self.width), dtype=self.table.dtype)
        whole[self.keys[:-1]] = self.table[:-1]
        return whole

    def write(self) -> bytes:
        """Return the content of a file that :meth:`read` reads."""
        import numpy as np

        keys, values = self.touched()
        sink = io.BytesIO()
        np.savez(sink, indices=keys, values=values)
        return sink.getvalue()

    @classmethod
    def read(cls, data: bytes, dimension: int, width: int) -> Self:
        """Return the weights that a file holds; one of a single weight a feature may hold a vector."""
        import numpy as np

        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls.of(dimension, stored["indices"], stored["values"].reshape(-1, width))
