"""Packs the service into a ``.bento`` archive: ``python -m stagecraft.serving.bento FILE --wheel WHEEL …``.

BentoML makes an image of it: ``bentoml import FILE``, ``bentoml containerize stagecraft``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from stagecraft.serving.settings import Settings

NAME = "stagecraft"
FOLDER = "/home/bentoml/service"
"""The service's folder in the image, below its user's home."""


def build(target: Path, wheel: Path, settings: Settings, version: str | None = None) -> Path:
    """Pack the service, its wheel and its settings; return the archive.

    Once in a process: BentoML takes the settings and its own folder from the environment.

    :param target: the archive, ``….bento``
    :param wheel: of this package, as ``make wheel`` builds it
    :param settings: of the service in the image; its environment may replace them there
    :param version: the bento's; BentoML makes one where None
    """
    target = target.absolute()
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as context:
        shutil.copy(wheel, context)
        os.environ.update(settings.environment(), BENTOML_HOME=home, BENTOML_DO_NOT_TRACK="true")
        import bentoml

        with contextlib.chdir(context):  # BentoML takes files from there alone.
            made = bentoml.bentos.build(
                service="stagecraft.serving.service:Serving",
                name=NAME,
                version=version,
                build_ctx=context,
                # Not locked: that would ask an index here for what the wheel says itself.
                python={"wheels": [wheel.name], "lock_packages": False},
                # In quotes, which the Dockerfile's ARG would take off a bare JSON text.
                docker={"env": {name: f"'{value}'" for name, value in settings.environment().items()}},
            )
        return Path(made.export(str(target)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stagecraft.serving.bento", description=__doc__)
    parser.add_argument("target", type=Path, help="the archive, ending in .bento")
    parser.add_argument("--wheel", type=Path, required=True, help="this package's wheel, from `make wheel`")
    parser.add_argument(
        "--store-root", required=True, help="the artifact store that the image's service reads"
    )
    parser.add_argument("--manifest", help="the manifest's URI on an object store, for several instances")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--grpc-port", type=int, help="where gRPC is spoken; over HTTP alone without it")
    parser.add_argument("--version", help="the bento's version")
    given = vars(parser.parse_args())
    target, wheel, version = given.pop("target"), given.pop("wheel"), given.pop("version")
    if not wheel.is_file():
        sys.exit(f"{wheel}: there is no such wheel; what would do: make wheel")
    # In an image every address is meant, as BentoML has it of HTTP.
    print(build(target, wheel, Settings(root=FOLDER, grpc_host="0.0.0.0", **given), version))


if __name__ == "__main__":
    main()
