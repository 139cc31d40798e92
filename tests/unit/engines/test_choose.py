from __future__ import annotations

import pytest

from stagecraft.engines.choose import choose, open_engine, usable_memory
from stagecraft.errors import InvalidInputError


@pytest.mark.parametrize(
    ("name", "size", "spark", "chosen"),
    [
        ("auto", 10, True, "duckdb"),
        ("auto", 10**6, True, "spark"),
        ("auto", 10**6, False, "duckdb"),
        ("duckdb", 10**6, True, "duckdb"),
        ("spark", 10, False, "spark"),
    ],
)
def test_choose(name: str, size: int, spark: bool, chosen: str) -> None:
    assert choose(name, bytes_of_inputs=size, spark_available=spark, memory=1000) == chosen


def test_memory_is_this_machines() -> None:
    assert 1 << 28 < usable_memory() < 1 << 50


def test_refuses_unknown_engines() -> None:
    with pytest.raises(InvalidInputError, match="no engine 'flink'"):
        choose("flink", bytes_of_inputs=1, spark_available=True)
    with pytest.raises(InvalidInputError, match="no engine 'auto'"):
        open_engine("auto")
