"""The service packed by ``bentoml build``: what an image is made from."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import yaml

from stagecraft.serving.settings import SETTINGS, Settings


def test_the_archive_holds_what_an_image_needs(tmp_path: Path) -> None:
    wheel = tmp_path / "airflow_provider_stagecraft-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("stagecraft/serving/__init__.py", "")
    target = tmp_path / "service.bento"
    options = [
        "--wheel",
        str(wheel),
        "--store-root",
        "s3://ml/store",
        "--version",
        "1",
        "--grpc-port",
        "3001",
    ]
    command = [sys.executable, "-m", "stagecraft.serving.bento", str(target), *options]
    done = subprocess.run(
        [*command, "--manifest", "s3://ml/live/manifest.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(target)
    with tarfile.open(target) as archive:
        names = {name.removeprefix("./") for name in archive.getnames()}

        def read(name: str) -> str:
            (member,) = (entry for entry in archive if entry.name.removeprefix("./") == name)
            file = archive.extractfile(member)
            assert file is not None
            return file.read().decode()

        assert any(name.endswith(wheel.name) for name in names), names
        bento = yaml.safe_load(read("bento.yaml"))
        dockerfile = read("env/docker/Dockerfile")
    assert bento["service"] == "stagecraft.serving.service:Serving"
    # A shell takes the words of an ARG apart as Docker does.
    (line,) = (line for line in dockerfile.splitlines() if line.startswith(f"ARG {SETTINGS}="))
    (word,) = shlex.split(line.removeprefix("ARG "))
    settings = Settings.model_validate_json(word.partition("=")[2])
    assert (settings.store_root, settings.manifest) == ("s3://ml/store", "s3://ml/live/manifest.json")
    assert (settings.grpc_port, settings.grpc_host) == (3001, "0.0.0.0")
    assert "USER bentoml" in dockerfile
