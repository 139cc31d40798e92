"""On which engine a job's stages run, and in which place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.artifacts.artifact import Reference
from stagecraft.engines.choose import ENGINES, choose
from stagecraft.errors import InvalidInputError
from stagecraft.hooks.runner import POD, PROCESS, RAY, SPARK
from stagecraft.jobs.steps import stage_of

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.job import Step
    from stagecraft.stages.base import Stage

RAY_ALONE = ("ray",)


@dataclass(frozen=True)
class Placement:
    """What decides the engine and the place of a job.

    :param where: names the task in errors
    :param engine: ``auto``, ``duckdb`` or ``spark``
    :param stages: the classes of the job's stages
    :param spark: whether a Spark connection is given
    :param ray_cluster: whether a Ray connection is given
    :param pods: whether a connection is given to a Kubernetes cluster for pods
    """

    where: str
    engine: str
    stages: Sequence[type[Stage]]
    spark: bool
    ray_cluster: bool
    pods: bool

    def check(self) -> None:
        """Refuse what is known to be wrong before the inputs are.

        :raises InvalidInputError: a stage does not have the engine, or no connection leads to it
        """
        engine = self._chosen(bytes_of_inputs=0, spark=False)
        if engine == "spark" and self._relational and not self.spark:
            raise InvalidInputError(
                f"{self.where}.spark_conn_id", "the engine is spark", "the id of a Spark connection"
            )

    def engine_for(self, store: Store, steps: Sequence[Step]) -> str:
        """Return the engine, by the size of what the steps read from outside the job."""
        if self._on_ray_cluster or not self._relational:
            return "duckdb"
        sources = {source for step in steps for source in step.inputs.values()}
        artifacts = [store.open(source) for source in sources if isinstance(source, Reference)]
        files = sum(stage_of(step, {}).source_bytes() for step in steps if not step.values)
        read = sum(entry.bytes for artifact in artifacts for entry in artifact.manifest.files.values())
        return self._chosen(bytes_of_inputs=files + read, spark=self.spark)

    def place(self, engine: str) -> str:
        """Return where the job runs: on the Ray or the Spark cluster, or else in a pod or a process."""
        if self._on_ray_cluster:
            return RAY
        if engine == "spark":
            return SPARK
        return POD if self.pods else PROCESS

    @property
    def _relational(self) -> list[type[Stage]]:
        """The stages that need an engine: those on Ray need none, whatever is given."""
        return [stage for stage in self.stages if stage.engines != RAY_ALONE]

    @property
    def _on_ray_cluster(self) -> bool:
        return self.ray_cluster and len(self._relational) < len(self.stages)

    def _chosen(self, *, bytes_of_inputs: int, spark: bool) -> str:
        """Return an engine that every stage has; ``auto`` takes the only one, where there is only one."""
        common = [name for name in ENGINES if all(name in stage.engines for stage in self._relational)]
        if self.engine == "auto" and len(common) == 1:
            engine = common[0]
        else:
            engine = choose(self.engine, bytes_of_inputs=bytes_of_inputs, spark_available=spark)
        if engine == "spark" and self._on_ray_cluster and self._relational:
            raise InvalidInputError(
                f"{self.where}.ray_conn_id",
                "a job runs in one place, and this one has stages for Spark and for a Ray cluster",
                "a task of its own for what runs on Ray, or a local Ray: no ray_conn_id",
            )
        for stage in self._relational:
            if engine not in stage.engines:
                raise InvalidInputError(
                    f"{self.where}: {stage.name}.engine",
                    f"it does not run on {engine}",
                    f"one of {stage.engines}",
                )
        return engine
