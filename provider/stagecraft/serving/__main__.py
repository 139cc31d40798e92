"""Starts the prediction service: ``python -m stagecraft.serving --root DIR --store-root URI``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from stagecraft.serving.rpc.address import check
from stagecraft.serving.settings import STORE_OPTIONS, TOKEN, Settings


def main() -> None:
    """Become BentoML's supervisor; TERM ends it and its workers."""
    defaults = Settings.model_fields
    parser = argparse.ArgumentParser(
        prog="python -m stagecraft.serving",
        description="Serve the models that are deployed into it, over HTTP and, with --grpc-port, gRPC.",
        epilog=f"Environment: {TOKEN}, the token that deploying asks for (without it deploying is disabled); "
        f"{STORE_OPTIONS}, fsspec options of the store as a JSON object.",
    )
    parser.add_argument("--root", required=True, help="the service's folder: manifest, workers' states")
    parser.add_argument(
        "--store-root", required=True, help="the artifact store; no model is loaded from elsewhere"
    )
    parser.add_argument("--host", default="127.0.0.1", help="an IP address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=3000, help="(default: %(default)s)")
    for name, kind, what in (
        ("workers", int, "processes"),
        ("max_rows", int, "rows a request"),
        ("max_body", int, "bytes a request"),
        ("max_seconds", int, "seconds that a request's body may take to arrive"),
        ("keep_versions", int, "versions of a model to keep loaded"),
        ("max_memory", int, "bytes that a worker may take with a model loaded"),
        ("manifest", str, "the manifest's URI on an object store, for several instances"),
        ("sample", float, "share of the requests whose rows are looked at for drift, and logged"),
        ("request_log", str, "a folder's URI for sampled requests and scores, as Parquet"),
        ("access_log", float, "share of the requests in the access log"),
        ("grpc_port", int, "where gRPC is spoken"),
        ("grpc_certificate", str, "a PEM file: gRPC over TLS"),
        ("grpc_key", str, "a PEM file, the certificate's key"),
        ("grpc_client_ca", str, "a PEM file: clients must show a certificate of these authorities"),
    ):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(
            option, type=kind, default=defaults[name].default, help=f"{what} (default: %(default)s)"
        )
    parser.add_argument(
        "--fast-lane",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="answer predictions before BentoML's framework sees them",
    )
    given = vars(parser.parse_args())
    host, port = given.pop("host"), given.pop("port")
    root = Path(given.pop("root")).absolute()
    root.mkdir(parents=True, exist_ok=True)
    try:
        settings = Settings(root=str(root), grpc_host=host, **given)
        check(settings)
    except ValueError as error:
        parser.error(str(error))
    home = root / "bentoml"
    home.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        **settings.environment(),
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(home),
    }
    command = ["-m", "bentoml", "serve", "--quiet", "stagecraft.serving.service:Serving"]
    address = ["--host", host, "--port", str(port), "--working-dir", str(root)]
    os.execve(sys.executable, [sys.executable, *command, *address], environment)


if __name__ == "__main__":
    main()
