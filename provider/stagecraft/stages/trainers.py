"""The trainers that a sweep tunes, as DAGs import them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stagecraft.stages.command import Command
from stagecraft.stages.leaf_regression import LeafRegression
from stagecraft.stages.pipeline import Pipeline, PipelineStep, step
from stagecraft.stages.python_function import PythonFunction

AnyTrainer = Annotated[LeafRegression | Pipeline | PythonFunction | Command, Field(discriminator="type")]

__all__ = ["AnyTrainer", "Command", "LeafRegression", "Pipeline", "PipelineStep", "PythonFunction", "step"]
