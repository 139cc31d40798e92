"""Connected components: which nodes of a graph hang together."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class ConnectedComponentsOperator(StageOperator):
    """Gives each node of an undirected graph its component: the smallest node that it is connected with.

    :param edges: the graph, a row an edge
    :param source: the column of one end of the edges, integers or strings
    :param target: the column of the other end
    """

    stage_address = "stagecraft.stages.connected_components:ConnectedComponents"

    def __init__(self, *, edges: Input, source: str, target: str, **kwargs: Any) -> None:
        super().__init__(inputs={"edges": edges}, parameters={"source": source, "target": target}, **kwargs)

    @property
    def dataset(self) -> Output:
        """The nodes with their components."""
        return self.artifact("dataset")
