"""What every operator that runs stages does: submit a job, follow it, end it, hand on what it made."""

from __future__ import annotations

import hashlib
import re
import time
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowException, BaseOperator, ResumableJobMixin, conf
from airflow.sdk.exceptions import AirflowTaskTimeout

from stagecraft.artifacts.artifact import Reference
from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.hooks.runner import runner_of
from stagecraft.hooks.store import StoreHook
from stagecraft.jobs.job import Job, Result, State, Step
from stagecraft.operators.deferred import is_deferred
from stagecraft.operators.placement import Placement
from stagecraft.triggers.job import TIMED_OUT, JobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.runner import Handle, Runner
    from stagecraft.stages.base import Stage

JOB_KEY = "stagecraft_job"
LOST = "It ended without saying how, as a killed job does; a retry resumes it at its last committed step."


class JobOperator(ResumableJobMixin, BaseOperator):
    """Runs stages as one job: a retry reconnects to a living job, and resumes a dead one.

    :param engine: ``duckdb``, ``spark``, or ``auto``: DuckDB while the data fit this machine,
        else Spark where ``spark_conn_id`` names a connection
    :param store_conn_id: connection of the artifact store
    :param spark_conn_id: connection of the Spark cluster; needed where the engine may be Spark
    :param ray_conn_id: connection of the Ray cluster for what runs on Ray, or of the Kubernetes cluster that
        starts one for the job; a local Ray where None
    :param kubernetes_conn_id: connection of the Kubernetes cluster that runs the job in a pod; where None it
        is a process of the worker, unless it runs on Spark or a Ray cluster
    :param cache: whether an output that is already committed is reused
    :param deferrable: whether the triggerer follows the job, so that no worker waits for it
    :param poll_interval: seconds between two looks at the job
    """

    template_fields: Sequence[str] = ("engine", "store_conn_id")
    external_id_key = JOB_KEY

    def __init__(
        self,
        *,
        engine: str = "auto",
        store_conn_id: str = StoreHook.default_conn_name,
        spark_conn_id: str | None = None,
        ray_conn_id: str | None = None,
        kubernetes_conn_id: str | None = None,
        cache: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.engine = engine
        self.store_conn_id = store_conn_id
        self.spark_conn_id = spark_conn_id
        self.ray_conn_id = ray_conn_id
        self.kubernetes_conn_id = kubernetes_conn_id
        self.cache = cache
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self._followed: tuple[Runner, Handle] | None = None
        self._killed = False

    @abstractmethod
    def stage_classes(self) -> Mapping[str, type[Stage]]:
        """The classes of the job's stages, by the names of its steps."""

    @abstractmethod
    def job_steps(self) -> list[Step]:
        """The job's steps, once the templates are rendered."""

    @abstractmethod
    def hand_on(
        self, context: Context, outputs: Mapping[str, Mapping[str, Reference]], reused: Collection[str]
    ) -> None:
        """Push what the job made.

        :param outputs: step → output → artifact
        :param reused: the steps whose outputs were committed before
        """

    @classmethod
    def partial(cls, **kwargs: Any) -> NoReturn:
        """Refuse dynamic task mapping: a mapped task's outputs would not be one artifact each.

        :raises InvalidInputError: always
        """
        raise InvalidInputError(
            f"task {kwargs.get('task_id')}", f"{cls.__name__} cannot be mapped", "a task each, made in a loop"
        )

    def execute(self, context: Context) -> None:
        if outputs := self._committed(self._store()):
            self.log.info("Reused what was committed before; nothing is run")
            self.hand_on(context, outputs, reused=outputs)
            return
        if self.deferrable:
            self._execute_deferred(context)
        self._finish(context, self.execute_resumable(context))

    def _committed(self, store: Store) -> Mapping[str, Mapping[str, Reference]] | None:
        from stagecraft.jobs.steps import committed

        made = committed(self.job_steps(), store) if self.cache else None
        if made is None:
            return None
        return {
            step: {name: artifact.reference for name, artifact in outputs.items()}
            for step, outputs in made.items()
        }

    def submit_job(self, context: Context) -> Handle:
        store = self._store()
        store.check_writable()
        job = self._job(context, store)
        place = self._placement().place(job.engine)
        runner = self._runner(place)
        self._refuse_if_killed()
        stages = " → ".join(stage.name for stage in self.stage_classes().values())
        self.log.info("Submitting job %s: %s on %s", job.id, stages, job.engine)
        self._followed = runner, {**runner.submit(job), "place": place}
        if self._killed:
            self.on_kill()
        self._refuse_if_killed()
        return self._followed[1]

    def get_job_status(self, external_id: Any, context: Context) -> str:
        runner = self._runner(external_id["place"])
        self._followed = runner, external_id
        self._refuse_if_killed()
        if external_id["digest"] != self._job(context, self._store()).digest:
            self.log.info("The job of the try before did other work; it is ended, and this one starts anew")
            runner.kill(external_id)
            return State.LOST
        state = runner.state(external_id)
        return State.LOST if state is State.SUCCEEDED and not self._is_current(external_id) else state

    def is_job_active(self, status: str) -> bool:
        return status == State.RUNNING

    def is_job_succeeded(self, status: str) -> bool:
        return status == State.SUCCEEDED

    def poll_until_complete(  # type: ignore[override]  # the mixin returns it where it reconnects
        self, external_id: Any, context: Context
    ) -> Result:
        runner = self._runner(external_id["place"])
        self._followed = runner, external_id
        for line in runner.follow(external_id, interval=self.poll_interval):
            self.log.info(line)
        return self.get_job_result(external_id, context)

    def get_job_result(self, external_id: Any, context: Context) -> Result:
        state = self._runner(external_id["place"]).state(external_id)
        result = Result.load(self._store(), external_id["job"], external_id["digest"])
        if state is not State.SUCCEEDED or result is None:
            raise JobFailedError(
                f"task {self.task_id}: the job {external_id['job']} is {state}. "
                + (result.error if result else LOST)
            )
        return result

    def on_kill(self) -> None:
        self._killed = True
        if self._followed is not None:
            runner, handle = self._followed
            self.log.info("Ending job %s", handle["job"])
            runner.kill(handle)

    def _refuse_if_killed(self) -> None:
        if self._killed:
            raise AirflowException(f"task {self.task_id} was ended by a person")

    def _is_current(self, handle: Handle) -> bool:
        """Whether what a finished job handed on is what its steps would make now: files may have changed."""
        result = Result.load(self._store(), handle["job"], handle["digest"])
        return result is not None and result.outputs == self._committed(self._store())

    def _execute_deferred(self, context: Context) -> NoReturn:
        state_store = context["task_state_store"]
        handle: Any = state_store.get(JOB_KEY)
        if not handle or self.get_job_status(handle, context) not in (State.RUNNING, State.SUCCEEDED):
            handle = self.submit_job(context)
            state_store.set(JOB_KEY, handle)
        limit = self.execution_timeout
        trigger = JobTrigger(
            handle=handle,
            store_conn_id=self.store_conn_id,
            spark_conn_id=self.spark_conn_id,
            ray_conn_id=self.ray_conn_id,
            kubernetes_conn_id=self.kubernetes_conn_id,
            poll_interval=self.poll_interval,
            deadline=time.time() + limit.total_seconds() if limit else None,
        )
        self.defer(trigger=trigger, method_name="execute_complete", kwargs={"handle": handle})

    def execute_complete(self, context: Context, event: Mapping[str, Any], handle: Handle) -> None:
        """Go on after the trigger has seen the job end, or has ended it at ``execution_timeout``."""
        if event["state"] == TIMED_OUT:
            raise AirflowTaskTimeout(f"task {self.task_id}: its job was ended after {self.execution_timeout}")
        self._finish(context, self.get_job_result(handle, context))

    def _finish(self, context: Context, result: Result) -> None:
        self.hand_on(context, result.outputs, result.reused)

    def _job(self, context: Context, store: Store) -> Job:
        from stagecraft.tracking.folder import tracking_folder

        task = context["ti"]
        map_index = task.map_index if task.map_index is not None else -1
        names: dict[str, Any] = {
            "dag_id": task.dag_id,
            "run_id": task.run_id,
            "task_id": task.task_id,
            "map_index": map_index,
        }
        steps = self.job_steps()
        return Job(
            id=job_id(**names),
            engine=self._placement().engine_for(store, steps),
            store=store.root,
            tracking=tracking_folder(**names),
            cache=self.cache,
            steps=steps,
        )

    def check_engine(self) -> None:
        """Refuse at parse time an engine that the stages do not have, or that no connection leads to."""
        if not is_deferred(self.engine):
            self._placement().check()

    def _placement(self) -> Placement:
        return Placement(
            where=f"task {self.task_id}",
            engine=self.engine,
            stages=list(self.stage_classes().values()),
            spark=self.spark_conn_id is not None,
            ray_cluster=self.ray_conn_id is not None,
            pods=self.kubernetes_conn_id is not None,
        )

    def _store(self) -> Store:
        return StoreHook(self.store_conn_id).store()

    def _runner(self, place: str) -> Runner:
        return runner_of(
            self._store(),
            place=place,
            spark_conn_id=self.spark_conn_id,
            ray_conn_id=self.ray_conn_id,
            kubernetes_conn_id=self.kubernetes_conn_id,
        )


def job_id(*, dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """Return the job's id: readable, fit for a file name, and its own for each task instance.

    >>> job_id(dag_id="d", run_id="manual__2013", task_id="t", map_index=-1)
    'd.manual__2013.t-d8b6d2e4'
    """
    whole = "\n".join([dag_id, run_id, task_id, str(map_index)])
    readable = re.sub(r"[^\w.]+", "-", f"{dag_id}.{run_id}.{task_id}")[:100]
    return f"{readable}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
