"""What can be done to a column, before it is fitted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stagecraft.stages.categorical_steps import CategoricalStep as CategoricalStep
from stagecraft.stages.categorical_steps import Count as Count
from stagecraft.stages.categorical_steps import Hash as Hash
from stagecraft.stages.categorical_steps import Index as Index
from stagecraft.stages.categorical_steps import OneHot as OneHot
from stagecraft.stages.categorical_steps import TargetEncode as TargetEncode
from stagecraft.stages.cross import Column as Column
from stagecraft.stages.cross import Cross as Cross
from stagecraft.stages.numeric_steps import Bin as Bin
from stagecraft.stages.numeric_steps import Clip as Clip
from stagecraft.stages.numeric_steps import Fill as Fill
from stagecraft.stages.numeric_steps import Log as Log
from stagecraft.stages.numeric_steps import MinMax as MinMax
from stagecraft.stages.numeric_steps import NumericStep as NumericStep
from stagecraft.stages.numeric_steps import Robust as Robust
from stagecraft.stages.numeric_steps import Standardize as Standardize
from stagecraft.stages.step import Step as Step

AnyStep = Annotated[
    Fill | Standardize | MinMax | Robust | Log | Clip | Bin | Index | Hash | OneHot | Count | TargetEncode,
    Field(discriminator="type"),
]
