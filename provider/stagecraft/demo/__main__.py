"""The demo's two commands: ``python -m stagecraft.demo start`` and ``stop``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from stagecraft.demo.demo import Demo
from stagecraft.errors import StagecraftError


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Return 0 where the run succeeded, or the demo was ended on request."""
    parser = argparse.ArgumentParser(prog="python -m stagecraft.demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="run the pipeline in a local Airflow, and leave it up")
    stop = commands.add_parser("stop", help="end a demo that runs elsewhere")
    for command in (start, stop):
        command.add_argument("--home", type=Path, default=Path(".demo"), help="(default: %(default)s)")
    start.add_argument("--dags", type=Path, default=Path("dags"), help="(default: %(default)s)")
    start.add_argument("--engine", choices=["duckdb", "spark"], help="(default: the DAG's own)")
    start.add_argument("--exit-after-run", action="store_true", help="end it after the run, for tests")
    given = parser.parse_args()
    try:
        if given.command == "stop":
            print("The demo has ended" if Demo(given.home, Path("dags")).stop() else "No demo is up here")
            return 0
        signal.signal(signal.SIGTERM, interrupt)
        demo = Demo(given.home, given.dags, engine=given.engine, say=say)
        return 0 if demo.start(stay=not given.exit_after_run) else 1
    except KeyboardInterrupt:
        return 130
    except (OSError, StagecraftError) as error:
        print(error, file=sys.stderr)
        return 1


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
