"""What a stage is: a typed spec, and how it runs."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.artifacts.artifact import Artifact, Kind
from stagecraft.artifacts.fingerprint import fingerprint, output_fingerprint
from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from stagecraft.artifacts.store import Draft, Store
    from stagecraft.engines.contract import Engine
    from stagecraft.tracking.writer import Tracker

log = logging.getLogger(__name__)


@dataclass
class Workbench:
    """What a stage works with: an engine, the store, and where it tracks.

    :param engine: runs the relational part
    :param store: takes the artifacts
    :param tracker: takes metrics and progress
    :param cache: whether an output that is already committed is reused
    :param reused: set where it was
    """

    engine: Engine
    store: Store
    tracker: Tracker
    cache: bool = True
    reused: bool = False


class Stage(BaseModel):
    """One step of machine learning: parameters as fields, validated when they are given.

    Subclasses state their name, their version (a change of result is a new one), and the kinds of their
    inputs and outputs. An input whose name ends in ``?`` may be left out; ``*`` takes any number of named
    datasets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)

    name: ClassVar[str]
    version: ClassVar[int] = 1
    inputs: ClassVar[Mapping[str, Kind]]
    outputs: ClassVar[Mapping[str, Kind]]
    engines: ClassVar[tuple[str, ...]] = ("duckdb", "spark")

    @abstractmethod
    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        """Fill the drafts, one an output. The caller commits them."""

    def fingerprint(self, inputs: Mapping[str, str]) -> str:
        """The content address of this stage's work over inputs with these fingerprints."""
        return fingerprint(self.name, self.version, self.parameters(), inputs)

    def parameters(self) -> dict[str, Any]:
        """The parameters that decide the result, JSON-able."""
        return self.model_dump(mode="json")

    def source_bytes(self) -> int:
        """The size of what the stage reads besides its inputs, to choose an engine by."""
        return 0

    def addresses(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """The content address of each output, given the inputs' fingerprints."""
        own = self.fingerprint(inputs)
        return {name: output_fingerprint(own, name) for name in self.outputs}

    def committed(self, store: Store, inputs: Mapping[str, str]) -> dict[str, Artifact] | None:
        """What this stage committed before for these inputs' fingerprints, or None where an output lacks."""
        addresses = self.addresses(inputs)
        if not all(store.exists(address) for address in addresses.values()):
            return None
        return {name: store.open(address) for name, address in addresses.items()}

    def run(self, bench: Workbench, **inputs: Artifact) -> dict[str, Artifact]:
        """Run the stage, or return what it committed before.

        :param inputs: the artifacts, by the names of the stage's inputs
        :returns: the committed artifacts, by the names of the stage's outputs
        :raises InvalidInputError: an input is missing, unknown or of the wrong kind
        """
        self.check_inputs({name: artifact.kind for name, artifact in inputs.items()})
        fingerprints = {name: artifact.fingerprint for name, artifact in inputs.items()}
        if bench.cache and (found := self.committed(bench.store, fingerprints)):
            log.info("Stage %s: reused %s", self.name, ", ".join(artifact.uri for artifact in found.values()))
            bench.reused = True
            return found
        log.info("Stage %s: running on %s", self.name, bench.engine.name)
        lineage = {
            "stage": self.name,
            "version": self.version,
            "parameters": self.parameters(),
            "inputs": {name: artifact.fingerprint for name, artifact in inputs.items()},
            "engine": bench.engine.name,
        }
        drafts = {
            name: bench.store.draft(self.outputs[name], address, lineage=lineage)
            for name, address in self.addresses(fingerprints).items()
        }
        try:
            self.execute(bench, drafts, dict(inputs))
            made = {name: draft.commit(replace=not bench.cache) for name, draft in drafts.items()}
        except BaseException:
            for draft in drafts.values():
                draft.discard()
            raise
        for name, artifact in made.items():
            rows = f", {artifact.meta['rows']} rows" if "rows" in artifact.meta else ""
            log.info("Stage %s: committed %s %s%s", self.name, name, artifact.uri, rows)
        return made

    @classmethod
    def check_inputs(cls, kinds: Mapping[str, Kind | None]) -> None:
        """Refuse inputs that this stage does not take.

        :param kinds: name of each given input → its kind, or None where only the run will know
        :raises InvalidInputError: an input is missing, unknown or of the wrong kind
        """
        wanted = {name.rstrip("?"): kind for name, kind in cls.inputs.items()}
        for name, kind in kinds.items():
            expected = wanted.get(name, cls.inputs.get("*"))
            if expected is None:
                raise InvalidInputError(f"{cls.name}.{name}", "no such input", f"one of {sorted(wanted)}")
            if kind not in (None, expected):
                raise InvalidInputError(f"{cls.name}.{name}", f"a {kind} is wired here", f"a {expected}")
        for name, kind in cls.inputs.items():
            if not name.endswith("?") and name != "*" and name not in kinds:
                raise InvalidInputError(f"{cls.name}.{name}", "the input is missing", f"give a {kind}")

    @classmethod
    def validated(cls, parameters: Mapping[str, Any]) -> Any:
        """Build the stage; a bad parameter is refused in Stagecraft's words.

        :raises InvalidInputError: a parameter is missing, unknown, or out of its bounds
        """
        try:
            return cls(**parameters)
        except ValidationError as error:
            raise refusal(cls, error.errors()[0]) from error


def refusal(stage: type[Stage], error: ErrorDetails) -> InvalidInputError:
    """Turn pydantic's complaint into an error that names stage, field, value and remedy."""
    where = ".".join([stage.name, *map(str, error["loc"])])
    if error["type"] == "missing":
        return InvalidInputError(where, "the parameter is missing", "give it a value")
    if error["type"] == "extra_forbidden":
        return InvalidInputError(where, "no such parameter", f"one of {sorted(stage.model_fields)}")
    return InvalidInputError(where, f"the value {error['input']!r} is refused", error["msg"])
