"""Whether Ray itself lives: a process that died may be a trial's own fault, or a sign that Ray has died."""

from __future__ import annotations

import time

from stagecraft.errors import UnreachableError

PATIENCE = 60.0
GROWTH = 300.0
"""Seconds in which a cluster that is starting may get its nodes."""


def check_ray() -> None:
    """Have Ray do nothing, in a process that the next trial takes over.

    Ray's own list of nodes takes some seconds to notice that one is gone, the more the busier the machine.

    :raises UnreachableError: it cannot
    """
    import ray
    from ray.exceptions import RayError

    try:
        ray.get(ray.remote(_nothing).options(num_cpus=0, max_retries=0).remote(), timeout=PATIENCE)
    except RayError as error:
        raise UnreachableError(
            f"Ray has died ({type(error).__name__}); what would do: begin the sweep again, which goes on"
        ) from error


def await_room(cpus: float, patience: float = GROWTH) -> None:
    """Wait until a node of the cluster could run a trial: Ray itself would wait for ever.

    :param cpus: cores that a trial takes
    :raises UnreachableError: none can
    """
    import ray

    deadline = time.monotonic() + patience
    while True:
        sizes = [node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]]
        if max(sizes, default=0.0) >= cpus:
            return
        if time.monotonic() > deadline:
            found = ", ".join(f"{size:g}" for size in sizes)
            raise UnreachableError(
                f"a trial takes {cpus:g} cores, and Ray's nodes have {found}; "
                "what would do: a larger node, or fewer cpus in the trials' limits"
            )
        time.sleep(1)


def _nothing() -> None:
    """Nothing."""
