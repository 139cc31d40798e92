"""Whether Ray itself lives: a process that died may be a trial's own fault, or a sign that Ray has died."""

from __future__ import annotations

from stagecraft.errors import UnreachableError

PATIENCE = 60.0


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


def _nothing() -> None:
    """Nothing."""
