"""The cells that show numbers."""

from __future__ import annotations

from stagecraft.stages.column_table import bars, percent, row, short


def test_cells_escape_and_stay_short() -> None:
    made = row("<script>", '"type"', ["<flag>"], [], alarm=True) + bars([1, -1], ["<b>", "&"])
    assert "<script>" not in made
    assert "<flag>" not in made
    assert "<b>" not in made
    assert [short(value) for value in (0, 1e308, -1.5e-310, 123456, 1234.56, 0.5, None)] == [
        *("0", "1e308", "-1.5e-310", "123,456", "1,234.6", "0.5", "–")
    ]
    assert [percent(part, 10_000) for part in (0, 1, 5000, 9999, 10_000)] == [
        *("0 %", "< 0.1 %", "50 %", "> 99.9 %", "100 %")
    ]
