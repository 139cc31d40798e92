"""A Ray for the time of one piece of work: its own on this machine, or a cluster's."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stagecraft.errors import UnreachableError
from stagecraft.jobs import ray_guard
from stagecraft.jobs.scratch import scratch_folder

log = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 512 << 20
ATTEMPTS = 3
PREFIX = "stagecraft-ray-"
SETTINGS = {"enable_metrics_collection": False, "prestart_worker_first_driver": False}
"""No metrics, which nothing here collects, and no process before a task or an actor wants it."""

UNUSED = ("start_monitor", "start_log_monitor", "start_api_server")
"""Starts of processes with nothing to do here: adding nodes, copying logs to the driver, serving pages."""


@contextmanager
def ray_session(
    num_cpus: int | None = None,
    *,
    address: str | None = None,
    object_store_bytes: int = OBJECT_STORE_BYTES,
) -> Iterator[Path]:
    """Connect to Ray, and yield a scratch folder that is removed at the end.

    Without an address a Ray starts on this machine: on the loopback interface alone, with a token of its own,
    without dashboard, usage statistics or files in the user's home. It ends with the block, and with this
    process, however that ends. Inside another session, or where Ray is connected already, that one is used.

    :param num_cpus: cores of the Ray started here; all of the machine's where None
    :param address: a cluster's, as ``ray.init`` takes it
    :param object_store_bytes: shared memory of the Ray started here, in bytes
    :raises UnreachableError: the cluster does not answer, or no Ray starts here

    >>> with ray_session(num_cpus=1):  # doctest: +SKIP
    ...     ray.get(task.remote())
    """
    scratch = scratch_folder(PREFIX)
    environment = dict(os.environ)
    started, guard = False, None
    try:
        if not connected():
            started = True
            if address is None:
                guard = ray_guard.start(scratch)
            _connect(num_cpus, address, object_store_bytes, scratch)
        yield scratch
    finally:
        if started:
            import ray

            ray.shutdown()
            os.environ.clear()
            os.environ.update(environment)
        shutil.rmtree(scratch, ignore_errors=True)
        if guard is not None:
            guard.communicate()


def connected() -> bool:
    """Whether this process uses a Ray already; that costs no import."""
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def in_task() -> bool:
    """Whether this process runs a task or an actor of Ray."""
    if not connected():
        return False
    import ray

    return bool(ray.get_runtime_context().worker.mode == ray.WORKER_MODE)


def _connect(num_cpus: int | None, address: str | None, object_store_bytes: int, scratch: Path) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        os.environ.pop("RAY_ADDRESS", None)
        os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex(32)
        # Without this Ray turns 127.0.0.1 into the machine's outer address and listens on every interface.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray

    if address is None:  # where ray was imported before, it keeps what the environment said then
        ray._raylet.Config.initialize("")
        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if address is not None:
                ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
            else:
                with _without(UNUSED):
                    ray.init(
                        address="local",
                        num_cpus=num_cpus,
                        object_store_memory=object_store_bytes,
                        include_dashboard=False,
                        log_to_driver=False,
                        logging_level=logging.WARNING,
                        _node_ip_address="127.0.0.1",
                        _system_config=SETTINGS,
                        _temp_dir=str(scratch),
                    )
        except Exception as error:
            ray.shutdown()
            _end_processes(scratch)
            if attempt == ATTEMPTS:
                raise UnreachableError(
                    f"Ray: {address or 'a local Ray'} cannot be reached or started ({error}); what would do: "
                    "the address of a running cluster in the Ray connection, or 1 GB of free memory here"
                ) from error
            log.warning("Ray did not start (%s); trying again", error)
        else:
            break


@contextmanager
def _without(processes: tuple[str, ...]) -> Iterator[None]:
    """Let a Ray start without some of its processes, half a CPU second each, which it has no option for.

    :param processes: the methods of Ray's node that start them
    """
    from ray._private.node import Node

    kept = {method: getattr(Node, method) for method in processes if hasattr(Node, method)}
    try:
        for method in kept:
            setattr(Node, method, lambda *_, **__: None)
        yield
    finally:
        for method, start in kept.items():
            setattr(Node, method, start)


def _end_processes(scratch: Path) -> None:
    """End what a start that failed has left running: Ray itself forgets it."""
    import psutil

    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if str(scratch) in " ".join(child.cmdline()):
                for process in [*child.children(recursive=True), child]:
                    process.kill()
                child.wait(10)
