"""A sum over decision trees, as the last transform of a chain: boosted trees, random forests."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.transforms.forest_predictor import ForestPredictor
from stagecraft.transforms.predictor import SCORE, SCORES, Link, inverse

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class Subset(BaseModel):
    """A feature of trees: 0 where a column's slot is one of some, else 1.

    :param column: its place among the columns
    :param size: the slots that there are
    :param slots: those that are 0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: int
    size: int
    slots: list[int]

    @property
    def values(self) -> list[float]:
        """What becomes of each slot."""
        inside = set(self.slots)
        return [float(slot not in inside) for slot in range(self.size)]


class TreeEnsemble(ForestPredictor):
    """Adds the column ``score``: the link's inverse of the sum of a row's leaves, float64.

    Of more than two classes it adds ``scores``, the sums themselves. The trees' features are the columns as
    float64, then the subsets, since a tree splits a category by a subset of its values.

    :param columns: numbers and slots
    :param subsets: features that are made of slots
    :param link: ``logistic`` (a probability), ``identity``, or ``log`` (a count's mean)
    :param classes: labels that are told apart; 2 where one number is predicted
    """

    type: Literal["tree_ensemble"] = "tree_ensemble"
    subsets: list[Subset] = []
    link: Link = "identity"
    classes: int = Field(default=2, ge=2)

    @cached_property
    def _values(self) -> np.ndarray:
        """What each leaf adds: float64, leaves, or leaves × classes."""
        import numpy as np

        values = self.of_leaves("values").combine_chunks()
        found: np.ndarray = values.flatten().to_numpy().reshape(len(values), -1)
        return np.ascontiguousarray(found if self.classes > 2 else found[:, 0])

    def output_columns(self) -> list[str]:
        return [SCORES if self.classes > 2 else SCORE]

    def matrix(self, batch: pa.RecordBatch) -> np.ndarray:
        import numpy as np

        plain = super().matrix(batch)
        made = [np.array(each.values)[plain[:, each.column].astype(np.int64)] for each in self.subsets]
        return np.asfortranarray(np.column_stack([plain, *made]))

    def scored(self, leaves: np.ndarray) -> np.ndarray:
        sums: np.ndarray = self._values[leaves].sum(axis=1)
        return inverse(self.link, sums)
