"""The trainer of a sweep that tunes stages which work one after another: an inner DAG."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage
from stagecraft.stages.load import load_stage
from stagecraft.stages.trainer import Trainer
from stagecraft.tuning.space import Parameters, Space

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.base import Workbench
    from stagecraft.stages.pipeline_trial import PipelineTrial

WHERE = "sweep.trainer"
OUTER = ("train", "validation")
DRAWS = 8


class PipelineStep(BaseModel):
    """A stage of a pipeline.

    :param stage: where the stage's class is, as ``"stagecraft.stages.sql:SQL"``
    :param inputs: the stage's input → ``train`` or ``validation``, or ``step.output`` of a step before
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    parameters: dict[str, Any] = {}
    inputs: dict[str, str] = {}

    def built(self) -> Stage:
        """Return the stage.

        :raises InvalidInputError: a parameter is missing, unknown, or out of its bounds
        """
        stage: Stage = load_stage(self.stage).validated(self.parameters)
        return stage


def step(stage: Stage, **inputs: str) -> PipelineStep:
    """Return a stage as a step of a pipeline.

    :param inputs: the stage's input → ``train`` or ``validation``, or ``step.output`` of a step before

    >>> from stagecraft.stages.gbdt_encode import GBDTEncode
    >>> step(GBDTEncode(label="late"), dataset="encode.dataset").stage
    'stagecraft.stages.gbdt_encode:GBDTEncode'
    """
    kind = type(stage)
    address = f"{kind.__module__}:{kind.__qualname__}"
    return PipelineStep(stage=address, parameters=stage.model_dump(mode="json"), inputs=inputs)


class Pipeline(Trainer):
    """Runs stages one after another, each as in a job: what it makes is committed by its fingerprint.

    So a stage that a trial does not change, by its own parameters or by those before it, is not run again,
    and one that two running trials share is run by one of them. A parameter of the space is a step and a path
    within its parameters: ``leaves.boosting.depth``. Only steps that ``metrics`` or ``model`` need are run.

    :param steps: name → :func:`step`, in the order in which they run
    :param metrics: the output whose metrics judge a trial, as ``evaluate.report``; the last report where
        None
    :param model: the output that the sweep hands on, as ``train.model``; the last model where None
    :param engine: what runs the relational stages: ``duckdb``, or ``spark``, a session in each
        trial's process

    >>> from stagecraft.stages.evaluate import Evaluate
    >>> from stagecraft.stages.gbdt_encode import GBDTEncode
    >>> from stagecraft.stages.ps_train import PSTrain
    >>> pipeline = Pipeline(steps={
    ...     "leaves": step(GBDTEncode(label="late"), dataset="train"),
    ...     "train": step(PSTrain(label="late", shards=0, workers=1), dataset="leaves.dataset"),
    ...     "evaluate": step(Evaluate(label="late"), model="train.model", dataset="validation"),
    ... })
    >>> pipeline.judged, pipeline.handed_on
    (('evaluate', 'report'), ('train', 'model'))
    """

    type: Literal["pipeline"] = "pipeline"
    steps: dict[str, PipelineStep] = Field(min_length=1)
    metrics: str | None = None
    model: str | None = None
    engine: Literal["duckdb", "spark"] = "duckdb"

    @model_validator(mode="after")
    def _wired(self) -> Self:
        stages: dict[str, Stage] = {}
        for name, each in self.steps.items():
            if not name or "." in name:
                raise InvalidInputError(WHERE, f"a step is named {name!r}", "a name without dots")
            stages[name] = stage = each.built()
            if not {self.engine, "ray"} & {*stage.engines}:
                found = f"the step {name!r} does not run on {self.engine}"
                raise InvalidInputError(f"{WHERE}.engine", found, f"one of {stage.engines}")
            stage.check_inputs(
                {
                    given: self._kind(f"{WHERE}.{name}.{given}", wired, stages, name)
                    for given, wired in each.inputs.items()
                }
            )
        for field, kinds in (("metrics", (Kind.REPORT, Kind.MODEL)), ("model", (Kind.MODEL,))):
            source: str | None = getattr(self, field)
            output = self._last(kinds[0]) if source is None else source
            if output is None or self._kind(f"{WHERE}.{field}", output, stages) not in kinds:
                raise InvalidInputError(
                    f"{WHERE}.{field}", f"{source!r} is no {kinds[0]} of a step", "one, as 'train.model'"
                )
        return self

    @property
    def judged(self) -> tuple[str, str]:
        """The step and the output whose metrics judge a trial."""
        return _parted(self.metrics or self._last(Kind.REPORT) or "")

    @property
    def handed_on(self) -> tuple[str, str]:
        """The step and the output that is the model."""
        return _parted(self.model or self._last(Kind.MODEL) or "")

    @property
    def helpers(self) -> int:
        from stagecraft.stages.ps_train import PSTrain

        trained = [stage for each in self.steps.values() if isinstance(stage := each.built(), PSTrain)]
        return max((stage.workers + stage.shards for stage in trained if stage.shards), default=0)

    def check(self, space: Space, metric: str) -> None:
        for name, dimension in space.dimensions.items():
            for value in dimension.probes():
                for parameters in _with(space, name, value):
                    try:
                        for changed in self.changed(parameters).steps.values():
                            changed.built()
                    except InvalidInputError as error:
                        raise InvalidInputError(
                            "sweep.space",
                            f"{name} does not take {value!r}: {error.where}: {error.found}",
                            error.remedy,
                        ) from None

    def own(self) -> Mapping[str, Any]:
        return {
            f"{name}.{path}": value
            for name, each in self.steps.items()
            for path, value in _leaves(each.parameters)
        }

    def changed(self, parameters: Parameters) -> Pipeline:
        """Return the pipeline of a trial.

        :raises InvalidInputError: there is no such step or field
        """
        steps = {name: each.model_dump() for name, each in self.steps.items()}
        for name, value in parameters.items():
            first, _, path = name.partition(".")
            if first not in steps:
                raise InvalidInputError("sweep.space", f"no step {first!r}", f"one of {', '.join(steps)}")
            _put(name, steps[first]["parameters"], path.split("."), value)
        return self.model_copy(update={"steps": {name: PipelineStep(**each) for name, each in steps.items()}})

    def needed(self, *outputs: tuple[str, str]) -> list[str]:
        """Return the steps that outputs need, in their order."""
        wanted = {name for name, _ in outputs}
        for name in reversed(self.steps):
            if name in wanted:
                sources = self.steps[name].inputs.values()
                wanted |= {_parted(source)[0] for source in sources if source not in OUTER}
        return [name for name in self.steps if name in wanted]

    def prepare(self, bench: Workbench, datasets: Mapping[str, Dataset], metric: str) -> PipelineTrial:
        from stagecraft.stages.pipeline_trial import PipelineTrial

        references = {name: dataset.reference for name, dataset in datasets.items()}
        return PipelineTrial(self, bench.store, references)

    def _last(self, kind: Kind) -> str | None:
        """Return the last output of a kind."""
        for name in reversed(self.steps):
            for output, made in load_stage(self.steps[name].stage).outputs.items():
                if made == kind:
                    return f"{name}.{output}"
        return None

    def _kind(self, where: str, source: str, before: Mapping[str, Stage], own: str = "") -> Kind:
        """Return what an input or an output is."""
        if source in OUTER:
            return Kind.DATASET
        name, output = _parted(source)
        if name == own or name not in before:
            known = [*OUTER, *(f"{each}.…" for each in before if each != own)]
            raise InvalidInputError(where, f"no {source!r} before it", f"one of {', '.join(known)}")
        if output not in before[name].outputs:
            known = [f"{name}.{each}" for each in before[name].outputs]
            raise InvalidInputError(where, f"no output {source!r}", f"one of {', '.join(known)}")
        return before[name].outputs[output]


def _parted(source: str) -> tuple[str, str]:
    name, _, output = source.partition(".")
    return name, output


def _put(name: str, inside: Any, path: Sequence[str], value: Any) -> None:
    """Set the field at a path of JSON.

    :raises InvalidInputError: there is none
    """
    for place, key in enumerate(path):
        at: Any = int(key) if isinstance(inside, list) and key.isdigit() else key
        known = range(len(inside)) if isinstance(inside, list) else inside
        if not isinstance(inside, dict | list) or at not in known:
            fields = ", ".join(map(str, known)) if isinstance(inside, dict | list) else "no field"
            whole = ".".join(path[:place]) or "the stage"
            raise InvalidInputError("sweep.space", f"{name}: no field {key!r}", f"{whole} has {fields}")
        if place == len(path) - 1:
            inside[at] = value
        inside = inside[at]


def _leaves(inside: Any) -> Iterator[tuple[str, Any]]:
    """Yield the paths and values within JSON."""
    pairs = inside.items() if isinstance(inside, dict) else enumerate(inside)
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from ((f"{key}.{path}", inner) for path, inner in _leaves(value))
        else:
            yield str(key), value


def _with(space: Space, name: str, value: Any) -> Iterator[Parameters]:
    """Yield parameters of the space in which one has a value, as far as constraints allow it."""
    source = random.Random(0)
    for _ in range(DRAWS):
        whole = {other: each.from_unit(source.random()) for other, each in space.dimensions.items()}
        waiting = [name]
        while waiting:
            for parent, options in space.dimensions[waiting.pop()].when.items():
                whole[parent] = options[0]
                waiting.append(parent)
        parameters = space.active({**whole, name: value})
        if name in parameters and space.feasible(parameters):
            yield parameters
            return
