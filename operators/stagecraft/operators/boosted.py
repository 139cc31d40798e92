"""What the operators that grow trees have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class BoostedOperator(StageOperator):
    """Trains XGBoost on encoded rows.

    :param dataset: encoded rows
    :param label: the label's column: of two values, or what ``boosting["objective"]`` says
    :param weight: the rows' weights, or None
    :param boosting: how the trees are grown: the fields of
        :class:`~stagecraft.stages.boosting.BoostingParameters`, such as ``{"rounds": 60, "depth": 5}``, or a
        sweep's ``boosting``
    :param trainer: where trees are grown: ``host``, ``spark``, or ``auto`` (Spark where the rows do not fit)
    """

    def __init__(
        self,
        *,
        dataset: Input,
        label: str,
        weight: str | None = None,
        boosting: Mapping[str, Any] | Input | None = None,
        trainer: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "label": label,
                "weight": weight,
                "boosting": {} if boosting is None else boosting,
                "trainer": trainer,
            },
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The encoding and the trees."""
        return self.artifact("model")
