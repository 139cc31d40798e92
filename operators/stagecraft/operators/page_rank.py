"""PageRank: how important a node is, by the importance of those that point to it."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class PageRankOperator(StageOperator):
    """Ranks the nodes of a directed graph; the ranks sum to 1.

    :param edges: the graph, a row an edge
    :param source: the column of the nodes that edges come from, integers or strings
    :param target: the column of the nodes that edges go to
    :param weight: the edges' weights, 0 or more; all alike where None
    :param damping: the part of a rank that follows edges, in [0, 1)
    :param tolerance: the iterations end when the ranks' changes sum to less
    :param max_iterations: they end here at the latest, with a warning
    """

    stage_address = "stagecraft.stages.page_rank:PageRank"

    def __init__(
        self,
        *,
        edges: Input,
        source: str,
        target: str,
        weight: str | None = None,
        damping: float | str = 0.85,
        tolerance: float | str = 1e-6,
        max_iterations: int | str = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"edges": edges},
            parameters={
                "source": source,
                "target": target,
                "weight": weight,
                "damping": damping,
                "tolerance": tolerance,
                "max_iterations": max_iterations,
            },
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The nodes with their ranks."""
        return self.artifact("dataset")
