"""Which chains of steps there are, and that others are refused when they are written."""

from __future__ import annotations

from typing import Any

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import (
    Bin,
    Count,
    Cross,
    Fill,
    Hash,
    Index,
    OneHot,
    Standardize,
    TargetEncode,
)


@pytest.mark.parametrize(
    ("columns", "more", "message"),
    [
        ({"a": Index() | Standardize()}, {}, "ends the chain"),
        ({"a": Standardize() | Index()}, {}, r"before Index\(.*Fill"),
        ({"a": Fill("median") | Index()}, {}, r"before Index\(.*Fill"),
        ({"a": Fill("?") | Fill("!") | Index()}, {}, r"before Index\(.*Fill"),
        ({"a": Fill("medain") | Standardize()}, {}, r"'medain'.* is for categories"),
        ({Cross("a", "b"): Standardize()}, {}, "a_x_b is a category"),
        ({Cross("a", "b"): Fill("?", indicator=True) | Index()}, {}, "not for a cross"),
        ({"a": [Index(), Hash(bits=3)]}, {}, "'a' is made twice"),
        ({"a": Index(), "A": Index()}, {}, "'A' is made twice"),
        ({"a": Fill(0, indicator=True), "a_missing": Index()}, {}, "'a_missing' is made twice"),
        ({"a": Index()}, {"label": "a"}, "no column to learn from"),
        ({Cross("b", "a"): Index()}, {"label": "a"}, "no column to learn from"),
        ({"a": TargetEncode(key="id")}, {}, "name it: label="),
        ({"a": Bin(count=3, by="label")}, {}, "name it: label="),
        ({"a": Index()}, {"classes": True}, "name it: label="),
        ({"a": []}, {}, r"columns"),
    ],
)
def test_what_cannot_be_is_refused(columns: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        EncodeColumns.validated({"columns": columns, **more})


@pytest.mark.parametrize("step", [lambda: Cross("a"), lambda: Hash(bits=63), lambda: OneHot(top=1001)])
def test_parameters_out_of_bounds_are_refused(step: Any) -> None:
    with pytest.raises(ValueError, match=r"at least 2|less than or equal"):
        step()


def test_edges_that_are_given_are_not_found() -> None:
    with pytest.raises(ValueError, match="none to find by 'label'"):
        Bin(edges=[1], by="label")


def test_a_column_has_several_encodings_where_names_differ() -> None:
    stage = EncodeColumns(
        columns={
            "a": [Fill("?") | Index(), Count(), TargetEncode(key="id")],
            ("b", Cross("a", "b")): Index(),
        },
        label="y",
    )
    made = [name for encoding in stage.columns for name in encoding.outputs()]
    assert made == ["a", "a_count", "a_target", "b", "a_x_b"]
