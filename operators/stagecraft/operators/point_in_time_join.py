"""The point-in-time join: to each label, the newest features known at its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.errors import InvalidInputError
from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.stages.point_in_time_join import LABELS


class PointInTimeJoinOperator(StageOperator):
    """Joins to each label, of each set of features, the newest row of the same key that is not after it.

    :param labels: the rows to which features are joined; each comes out once
    :param features: name of the set → its rows; the output has a column ``<name>_time`` for each
    :param key: column, several, or a mapping column of the labels → column of the features
    :param time: the labels' time, and the features' where they have no other
    :param tolerance: the greatest age of a feature, as ``"2h"`` or a timedelta; unlimited where None
    :param exclusive: whether a feature of the label's very time is too new
    :param options: name of a set that is joined otherwise → the fields of
        :class:`~stagecraft.stages.point_in_time_join.FeatureSet`, as ``{"time": "measured", "prefix": "w_"}``

    >>> from airflow.sdk import DAG
    >>> from stagecraft.operators.sql import SQLOperator
    >>> with DAG("example"):
    ...     flights = SQLOperator(task_id="flights", sql="SELECT * FROM f", inputs={"f": "/data/flights.csv"})
    ...     weather = SQLOperator(task_id="weather", sql="SELECT * FROM w", inputs={"w": "/data/weather.csv"})
    ...     joined = PointInTimeJoinOperator(
    ...         task_id="joined",
    ...         labels=flights.dataset,
    ...         features={"weather": weather.dataset},
    ...         key="origin",
    ...         time="sched_dep",
    ...         options={"weather": {"time": "measured", "tolerance": "2h"}},
    ...     )
    >>> joined.dataset
    joined.dataset (dataset)
    """

    stage_address = "stagecraft.stages.point_in_time_join:PointInTimeJoin"

    def __init__(
        self,
        *,
        labels: Input,
        features: Mapping[str, Input],
        key: str | Sequence[str] | Mapping[str, str],
        time: str,
        tolerance: Any = None,
        exclusive: bool | str = False,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        if LABELS in features:
            raise InvalidInputError(
                f"task {kwargs.get('task_id')}.features", f"a set is named {LABELS!r}", "another name"
            )
        super().__init__(
            inputs={LABELS: labels, **features},
            parameters={
                "key": key,
                "time": time,
                "tolerance": tolerance,
                "exclusive": exclusive,
                "features": dict(options or {}),
            },
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The labels with their features."""
        return self.artifact("dataset")
