"""What can be done to a column, before it is fitted."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stagecraft.stages.numeric_steps import Bin as Bin
from stagecraft.stages.numeric_steps import Clip as Clip
from stagecraft.stages.numeric_steps import Fill as Fill
from stagecraft.stages.numeric_steps import Log as Log
from stagecraft.stages.numeric_steps import MinMax as MinMax
from stagecraft.stages.numeric_steps import NumericStep as NumericStep
from stagecraft.stages.numeric_steps import Robust as Robust
from stagecraft.stages.numeric_steps import Standardize as Standardize
from stagecraft.stages.numeric_steps import Step as Step
from stagecraft.transforms.columns import FittedHash, FittedIndex


@dataclass(frozen=True)
class Index(Step):
    """Each value becomes its own slot: automatic label mapping.

    The vocabulary goes by count descending, then bytes ascending. Slot 0 is a missing value, slot 1 one that
    the fit did not see, or saw too seldom.

    :param min_count: values seen less often than this get no slot of their own
    :param top: at most this many values get a slot
    """

    min_count: int = Field(default=1, ge=1)
    top: int | None = Field(default=None, ge=1)
    type: Literal["index"] = field(default="index", kw_only=True)

    def fit(self, counts: dict[str, int]) -> FittedIndex:
        ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].encode()))
        kept = [value for value, count in ordered if count >= self.min_count]
        return FittedIndex(vocabulary=kept[: self.top])


@dataclass(frozen=True)
class Hash(Step):
    """Each value becomes one of 2^bits slots by a hash of its own: for columns of very many values."""

    bits: int = Field(ge=1, le=30)
    type: Literal["hash"] = field(default="hash", kw_only=True)

    def fit(self, column: str) -> FittedHash:
        return FittedHash(bits=self.bits, salt=column)


AnyStep = Annotated[
    Fill | Standardize | MinMax | Robust | Log | Clip | Bin | Index | Hash, Field(discriminator="type")
]
