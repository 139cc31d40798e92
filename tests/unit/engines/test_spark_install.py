from __future__ import annotations

import base64
import hashlib
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from stagecraft.engines import spark_install
from stagecraft.errors import InvalidInputError


def installed(site: Path, name: str, version: str, files: dict[str, str]) -> None:
    """Put a distribution into a folder, as pip does."""
    record = []
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(text)}")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("\n".join(record))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def distribution(name: str) -> Distribution:
        found = list(tmp_path.glob(f"{name.replace('-', '_')}-*.dist-info"))
        if not found:
            raise spark_install.PackageNotFoundError(name)
        return PathDistribution(found[0])

    monkeypatch.setattr(spark_install, "distribution", distribution)
    return tmp_path


def test_this_environment_is_whole() -> None:
    spark_install.check()
    assert spark_install.spark_submit().is_file()
    assert Path(spark_install.environment()["SPARK_HOME"], "jars").is_dir()


def test_pyspark_is_missing(site: Path) -> None:
    with pytest.raises(InvalidInputError, match="pyspark is not installed"):
        spark_install.check()


def test_versions_differ(site: Path) -> None:
    installed(site, "pyspark", "4.2.0", {"pyspark/worker.py": "a"})
    spark_install.check()
    installed(site, "pyspark-client", "4.3.0", {"pyspark/worker.py": "b"})
    with pytest.raises(InvalidInputError, match=r"4\.2\.0 beside pyspark-client 4\.3\.0.*pip install"):
        spark_install.check()


def test_files_are_anothers(site: Path) -> None:
    installed(site, "pyspark", "4.2.0", {"pyspark/worker.py": "a", "pyspark/core.py": "c"})
    installed(site, "pyspark-client", "4.2.0", {"pyspark/worker.py": "b", "pyspark/core.py": "c"})
    with pytest.raises(InvalidInputError, match=r"1 files of pyspark 4\.2\.0 .*pyspark/worker\.py"):
        spark_install.check()
