"""Fits categorical columns and crosses, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stagecraft.errors import InvalidInputError
from stagecraft.stages.categorical_steps import CategoricalStep, TargetEncode
from stagecraft.stages.category_counts import MOST_FREQUENT, Counted, Counts, count_categories
from stagecraft.stages.cross import Column, name_of, parts_of
from stagecraft.stages.hashing import stable_hash
from stagecraft.stages.quoting import free_name

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine, Relation
    from stagecraft.stages.label_mapping import Label
    from stagecraft.transforms.encodings import CategoricalEncoding


class Asked(NamedTuple):
    """What to fit.

    :param fill: the text that missing values become, ``most_frequent``, or None
    """

    column: Column
    step: CategoricalStep
    fill: str | None

    @property
    def output(self) -> str:
        return self.step.output(name_of(self.column))

    @property
    def counted(self) -> bool:
        return self.step.counted or self.fill == MOST_FREQUENT


@dataclass(frozen=True)
class Fitted:
    """Fitted encodings, in the order in which they were asked for.

    :param encodings: for any rows
    :param training: for the rows of the fit: out of fold
    :param folds: the columns of folds that these read → their SQL
    """

    encodings: list[CategoricalEncoding]
    training: list[CategoricalEncoding]
    folds: dict[str, str]


def fit_categories(
    engine: Engine, rows: Relation, asked: Sequence[Asked], kinds: Mapping[str, str], label: Label | None
) -> Fitted:
    """Count the categories in one query, and fit.

    :param kinds: column → its Arrow type as text
    :raises InvalidInputError: nothing to fill with, too many one-hot columns, or no label to take means of
    """
    folds: dict[str, str] = {}
    wanted = {each: _counted(each, folds, kinds, label) for each in asked if each.counted}
    distinct = list(dict.fromkeys(wanted.values()))
    counted = dict(zip(distinct, count_categories(engine, rows, distinct), strict=True))
    if any(not each.rows for each in counted.values()):
        raise InvalidInputError("encode.dataset", "it has no rows", "rows to fit on")
    encodings, training = [], []
    for each in asked:
        where = f"encode.columns.{name_of(each.column)}"
        counts = counted[wanted[each]].filled(where, each.fill) if each.counted else Counts.none(each.fill)
        made = each.step.fit(parts_of(each.column), each.output, counts)
        encodings.append(made)
        if isinstance(each.step, TargetEncode):
            fold = next(name for name, sql in folds.items() if sql == wanted[each].fold)
            made = each.step.out_of_fold(parts_of(each.column), each.output, counts, fold)
        training.append(made)
    return Fitted(encodings, training, folds)


def _counted(each: Asked, folds: dict[str, str], kinds: Mapping[str, str], label: Label | None) -> Counted:
    """What to count; its folds are added to ``folds``."""
    step = each.step
    if not isinstance(step, TargetEncode):
        return Counted(each.column)
    where = f"encode.columns.{each.output}"
    if label is None or label.whole is None:
        found = f"the label has {len(label.classes or [])} classes" if label else "there is no label"
        raise InvalidInputError(where, found, "a label of numbers or of two classes")
    hashed = stable_hash(step.seed, {name: kinds[name] for name in step.key}, where=f"{where}.key")
    fold = f"CAST((({hashed}) % {step.folds} + {step.folds}) % {step.folds} AS INTEGER)"
    if fold not in folds.values():
        folds[free_name(f"fold_{len(folds)}", [*kinds, *folds])] = fold
    return Counted(each.column, fold, step.folds, label.whole, label.scale)
