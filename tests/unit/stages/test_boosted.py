"""What stages that grow trees refuse before they look at the rows, and where they grow the trees."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from stagecraft.engines import choose
from stagecraft.errors import InvalidInputError
from stagecraft.stages import boosted, gbdt_spark
from stagecraft.stages.boosted import Boosted
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.gbdt_train import GBDTTrain


@pytest.mark.parametrize("stage_class", [GBDTEncode, GBDTTrain])
@pytest.mark.parametrize("field", ["label", "weight"])
def test_no_target_is_a_feature(field: str, stage_class: type[Boosted]) -> None:
    stage = stage_class(label="y")
    stage._check_passed_by(field, None, ["wind"])
    stage._check_passed_by(field, "late", ["wind"])
    with pytest.raises(InvalidInputError, match=rf"{stage.name}\.{field}: the column 'Late' .*label= of the"):
        stage._check_passed_by(field, "Late", ["wind", "late"])


@pytest.mark.parametrize(
    ("engine", "remote", "memory", "taken"),
    [
        ("duckdb", False, 0, "host"),
        ("spark", False, 0, "spark"),
        ("spark", False, 1 << 40, "host"),
        ("spark", True, 0, "host"),
    ],
)
def test_where_trees_are_grown(
    engine: str,
    remote: bool,
    memory: int,
    taken: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(choose, "usable_memory", lambda: memory)
    monkeypatch.setattr(gbdt_spark, "is_remote", lambda _: remote)
    bench: Any = SimpleNamespace(engine=SimpleNamespace(name=engine))
    dataset: Any = SimpleNamespace(rows=1000)
    rows: Any = None

    with caplog.at_level(logging.INFO, boosted.__name__):
        assert GBDTEncode(label="y")._trainer(bench, dataset, rows, 3) == taken
    assert f"grown on {taken}" in caplog.text
    asked = GBDTEncode(label="y", trainer="spark")
    if engine == "spark" and not remote:
        assert asked._trainer(bench, dataset, rows, 3) == "spark"
        return
    place = "Spark Connect" if remote else "the engine duckdb"
    with pytest.raises(InvalidInputError, match=rf"trainer: 'spark' on {place}; .*trainer=\"host\""):
        asked._trainer(bench, dataset, rows, 3)
