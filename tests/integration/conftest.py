"""One engine of each kind for all tests of the session: the same tests run over both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.engines.contract import Engine


@pytest.fixture(scope="session", params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param) as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))
