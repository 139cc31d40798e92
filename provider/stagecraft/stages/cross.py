"""Feature crosses: several columns taken as one."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.stages.quoting import quoted
from stagecraft.transforms.categorical import CROSSED, ESCAPES


class Cross(BaseModel):
    """The combination of columns' values, as one category: a key of ``columns`` beside plain names.

    A row in which one of the columns is missing has no cross: it is missing.

    >>> Cross("carrier", "dest").name
    'carrier_x_dest'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[str, ...] = Field(min_length=2)

    def __init__(self, *columns: str, parts: tuple[str, ...] = ()) -> None:
        super().__init__(parts=columns or parts)

    @property
    def name(self) -> str:
        return "_x_".join(self.parts)


Column = str | Cross
"""What a step of an encoding is for: a column by its name, or a cross."""


def name_of(column: Column) -> str:
    return column if isinstance(column, str) else column.name


def parts_of(column: Column) -> list[str]:
    """The raw columns that it is read from."""
    return [column] if isinstance(column, str) else list(column.parts)


def text_of(column: Column) -> str:
    """SQL of the text that :func:`stagecraft.transforms.categorical.categories` makes."""
    if isinstance(column, str):
        return f"CAST({quoted(column)} AS VARCHAR)"
    parts = []
    for part in column.parts:
        text = f"CAST({quoted(part)} AS VARCHAR)"
        for sign, escape in ESCAPES.items():
            text = f"replace({text}, '{sign}', '{escape}')"
        parts.append(text)
    return f" || '{CROSSED}' || ".join(parts)
