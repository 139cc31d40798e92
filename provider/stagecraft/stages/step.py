"""What the steps of an encoding have in common."""

from __future__ import annotations


class Step:
    """What is done to a column. Steps are chained with ``|``.

    >>> from stagecraft.stages.numeric_steps import Fill, Standardize
    >>> Fill("median") | Standardize()
    (Fill(value='median', indicator=False, type='fill'), Standardize(type='standardize'))
    """

    def __or__(self, other: Step) -> tuple[Step, ...]:
        return (self, other)

    def __ror__(self, others: tuple[Step, ...]) -> tuple[Step, ...]:
        return (*others, self)
