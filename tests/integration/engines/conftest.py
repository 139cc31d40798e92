"""One Spark for all tests of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.engines.contract import Engine


@pytest.fixture(scope="session", params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param) as opened:
        yield opened


@pytest.fixture
def store(tmp_path: object) -> Store:
    return Store(str(tmp_path))
