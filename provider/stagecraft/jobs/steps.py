"""What the steps of a job take from the steps before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stagecraft.artifacts.artifact import Artifact
from stagecraft.jobs.job import Step, StepOutput
from stagecraft.stages.load import load_stage

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.stages.base import Stage

Made = dict[str, Mapping[str, Artifact]]
"""Step → output → artifact, of the steps that are done."""


def stage_of(step: Step, made: Made) -> Stage:
    """Build a step's stage, whose parameters the steps before it may decide.

    :raises InvalidInputError: a parameter is missing, unknown, or out of its bounds
    """
    values = {name: made[value.step][value.output].meta[value.name] for name, value in step.values.items()}
    stage: Stage = load_stage(step.stage).validated({**step.parameters, **values})
    return stage


def inputs_of(step: Step, made: Made, store: Store) -> dict[str, Artifact]:
    """Open a step's inputs."""
    return {
        name: made[source.step][source.output] if isinstance(source, StepOutput) else store.open(source)
        for name, source in step.inputs.items()
    }


def committed(steps: Sequence[Step], store: Store) -> Made | None:
    """Return what the steps committed before, or None where an output of one lacks."""
    made: Made = {}
    for step in steps:
        fingerprints = {
            name: (made[source.step][source.output] if isinstance(source, StepOutput) else source).fingerprint
            for name, source in step.inputs.items()
        }
        found = stage_of(step, made).committed(store, fingerprints)
        if found is None:
            return None
        made[step.name] = found
    return made
