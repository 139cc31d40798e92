"""How far workers may run apart, as typed parameters.

Rows are *in flight* from the pull of their weights to the push of their gradients. Other rows' gradients of
that time are unknown to them, so training gets worse as more rows are in flight: 16 thousand hardly show.
Each of these bounds them: the rows that a worker takes a step shrink as workers grow.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class BSP(BaseModel):
    """Bulk synchronous parallel: every step waits for all workers, and sums their gradients by rank.

    The model is a function of rows and parameters: the same bits each time, whatever fails on the way.

    Source: Valiant, A Bridging Model for Parallel Computation, CACM 1990.

    >>> BSP().worker_rows(1000, workers=4)
    250
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["bsp"] = "bsp"

    @property
    def ahead(self) -> int:
        """Steps whose weights a worker asks for before it pushes: 1 waits for each push, 2 does not."""
        return 1

    @property
    def bound(self) -> int | None:
        """Steps that a worker may be ahead of the slowest one; None for any."""
        return 0

    def worker_rows(self, batch_rows: int, workers: int) -> int:
        """Return the rows of a worker's step, where ``batch_rows`` may be in flight."""
        return -(-batch_rows // workers)


class _Loose(BaseModel):
    """Workers go on before the others' gradients are there; weights of the next step are on their way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def ahead(self) -> int:
        return 2

    def worker_rows(self, batch_rows: int, workers: int) -> int:
        return max(1, batch_rows // (workers * self.ahead))


class SSP(_Loose):
    """Stale synchronous parallel: the fastest worker is at most ``bound`` steps ahead of the slowest.

    Source: Ho et al., More Effective Distributed ML via a Stale Synchronous Parallel Parameter Server,
    NIPS 2013.

    :param bound: steps

    >>> SSP(bound=2).worker_rows(1000, workers=4)
    125
    """

    type: Literal["ssp"] = "ssp"
    bound: int = Field(default=4, ge=1, le=10_000)


class Async(_Loose):
    """Asynchronous: no worker waits for another one.

    :param rows_in_flight: rows in flight over all workers, at most; ``batch_rows`` if that is less

    >>> Async(rows_in_flight=800).worker_rows(1000, workers=4)
    100
    """

    type: Literal["async"] = "async"
    rows_in_flight: int = Field(default=16384, ge=1, le=1 << 20)

    @property
    def bound(self) -> None:
        return None

    def worker_rows(self, batch_rows: int, workers: int) -> int:
        return super().worker_rows(min(batch_rows, self.rows_in_flight), workers)


AnyConsistency = Annotated[BSP | SSP | Async, Field(discriminator="type")]
