"""The entry point of a job's process: ``python -m stagecraft.jobs --store URI --job ID``."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import signal
import sys
from pathlib import Path

from stagecraft.artifacts.store import Store
from stagecraft.engines.spark_install import REMOTE
from stagecraft.jobs.garbage import collect_rarely
from stagecraft.jobs.job import State
from stagecraft.jobs.lock import JobLock
from stagecraft.jobs.process import LEADER, WORKER, record
from stagecraft.jobs.run import run_job, storage_options

ALREADY_RUNNING = 75


def main(arguments: list[str] | None = None) -> int:
    """Run one job; return the process's exit status."""
    parser = argparse.ArgumentParser(prog="stagecraft.jobs", description=__doc__)
    parser.add_argument("--store", required=True, help="the artifact store's root")
    parser.add_argument("--job", required=True, help="the job's id")
    parser.add_argument("--digest", required=True, help="the digest of the job's work")
    parser.add_argument("--lock", type=Path, help="a file that the process locks while it lives")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s - %(message)s", stream=sys.stdout)
    faulthandler.enable()
    if REMOTE in os.environ:  # What the server does for this job ends with the session, which must be closed.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    lock = JobLock(options.lock) if options.lock else None
    if lock is not None and not lock.acquire():
        logging.error("job %s: another process runs it already", options.job)
        return ALREADY_RUNNING
    if options.lock:
        record(options.lock.with_name(LEADER), os.getsid(0))
        record(options.lock.with_name(WORKER), os.getpid())
    store = Store(options.store, storage_options(dict(os.environ)))
    result = run_job(store, options.job, options.digest)
    return 0 if result.state is State.SUCCEEDED else 1


if __name__ == "__main__":
    collect_rarely()
    sys.exit(main())
