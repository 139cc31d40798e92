"""Equal work has an equal name, other work another."""

from __future__ import annotations

import pytest

from stagecraft.artifacts.fingerprint import fingerprint, output_fingerprint

WORK = ("split", 1, {"column": "date", "months": 2}, {"dataset": "ab"})


def test_the_order_of_parameters_does_not_matter() -> None:
    assert fingerprint(*WORK) == fingerprint("split", 1, {"months": 2, "column": "date"}, {"dataset": "ab"})


@pytest.mark.parametrize(
    "other",
    [
        ("sample", 1, WORK[2], WORK[3]),
        ("split", 2, WORK[2], WORK[3]),
        ("split", 1, {"column": "date", "months": 3}, WORK[3]),
        ("split", 1, {"column": "date", "months": "2"}, WORK[3]),
        ("split", 1, WORK[2], {"dataset": "cd"}),
        ("split", 1, WORK[2], {"rows": "ab"}),
    ],
)
def test_other_work_has_another_name(other: tuple[str, int, dict[str, object], dict[str, str]]) -> None:
    assert fingerprint(*other) != fingerprint(*WORK)


def test_outputs_have_names_of_their_own() -> None:
    own = fingerprint(*WORK)
    assert output_fingerprint(own, "train") != output_fingerprint(own, "test")


def test_a_parameter_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        fingerprint("split", 1, {"x": float("nan")}, {})
