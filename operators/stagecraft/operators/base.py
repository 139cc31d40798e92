"""What every operator of a stage does: check, submit, follow, hand on."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowException, BaseOperator, ResumableJobMixin, conf
from airflow.sdk import XComArg
from airflow.sdk.exceptions import AirflowTaskTimeout

from stagecraft.artifacts.artifact import Reference
from stagecraft.engines.choose import choose
from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.hooks.runner import PROCESS, RAY, SPARK, runner_of
from stagecraft.hooks.store import StoreHook
from stagecraft.jobs.job import Job, Result, State, Step
from stagecraft.operators.deferred import check_parameters, is_deferred
from stagecraft.operators.output import Output
from stagecraft.stages.load import load_stage
from stagecraft.triggers.job import TIMED_OUT, JobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.runner import Handle, Runner
    from stagecraft.stages.base import Stage

JOB_KEY = "stagecraft_job"
LOST = "It ended without saying how, as a killed job does; a retry resumes it at its last committed step."
Input = XComArg | Mapping[str, Any]
"""An output of another task, or an artifact's reference."""


class StageOperator(ResumableJobMixin, BaseOperator):
    """Runs one stage as a job: a retry reconnects to a living job, and resumes a dead one.

    :param engine: ``duckdb``, ``spark``, or ``auto``: DuckDB while the data fit this machine,
        else Spark where ``spark_conn_id`` names a connection
    :param store_conn_id: connection of the artifact store
    :param spark_conn_id: connection of the Spark cluster; needed where the engine may be Spark
    :param ray_conn_id: connection of the Ray cluster for what runs on Ray; a local Ray where None
    :param cache: whether an output that is already committed is reused
    :param deferrable: whether the triggerer follows the job, so that no worker waits for it
    :param poll_interval: seconds between two looks at the job
    """

    stage_address: ClassVar[str]
    template_fields: Sequence[str] = ("inputs", "parameters", "engine", "store_conn_id")
    external_id_key = JOB_KEY

    def __init__(
        self,
        *,
        inputs: dict[str, Any],
        parameters: dict[str, Any],
        engine: str = "auto",
        store_conn_id: str = StoreHook.default_conn_name,
        spark_conn_id: str | None = None,
        ray_conn_id: str | None = None,
        cache: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.inputs = {name: value for name, value in inputs.items() if value is not None}
        self.parameters = parameters
        self.engine = engine
        self.store_conn_id = store_conn_id
        self.spark_conn_id = spark_conn_id
        self.ray_conn_id = ray_conn_id
        self.cache = cache
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self._followed: tuple[Runner, Handle] | None = None
        self._killed = False
        self._check()

    @property
    def stage_class(self) -> type[Stage]:
        return load_stage(self.stage_address)

    def all_parameters(self) -> dict[str, Any]:
        """The stage's parameters, those that a subclass keeps in fields of its own among them."""
        return self.parameters

    @classmethod
    def partial(cls, **kwargs: Any) -> NoReturn:
        """Refuse dynamic task mapping: a mapped task's outputs would not be one artifact each.

        :raises InvalidInputError: always
        """
        raise InvalidInputError(
            f"task {kwargs.get('task_id')}", f"{cls.__name__} cannot be mapped", "a task each, made in a loop"
        )

    def artifact(self, name: str) -> Output:
        """Return the stage's output ``name``, to wire into other operators."""
        return Output(self, name, self.stage_class.outputs[name])

    def _check(self) -> None:
        """Refuse at parse time what is known to be wrong by then."""
        kinds = {
            name: value.kind if isinstance(value, Output) else None for name, value in self.inputs.items()
        }
        try:
            self.stage_class.check_inputs(kinds)
        except InvalidInputError as error:
            field = error.where.rpartition(".")[2]
            found = f"{error.found}: {self.inputs[field]!r}" if field in self.inputs else error.found
            raise InvalidInputError(f"task {self.task_id}: {error.where}", found, error.remedy) from None
        check_parameters(self.stage_class, self.all_parameters())
        if not is_deferred(self.engine):
            engine = choose(self.engine, bytes_of_inputs=0, spark_available=False)
            self._check_engine(self.stage_class, engine)
            if engine == "spark" and "spark" in self.stage_class.engines and self.spark_conn_id is None:
                raise InvalidInputError(
                    f"task {self.task_id}.spark_conn_id",
                    "the engine is spark",
                    "the id of a Spark connection",
                )

    def _check_engine(self, stage: type[Stage], engine: str) -> None:
        """Refuse an engine that the stage does not have. Stages on Ray need no engine, whatever is given."""
        if stage.engines != ("ray",) and engine not in stage.engines:
            raise InvalidInputError(
                f"task {self.task_id}: {stage.name}.engine",
                f"it does not run on {engine}",
                f"one of {stage.engines}",
            )

    def execute(self, context: Context) -> None:
        if outputs := self._reused(self._store()):
            self.log.info("Reused what was committed before; nothing is run")
            self._hand_on(context, outputs, reused=True)
            return
        if self.deferrable:
            self._execute_deferred(context)
        self._finish(context, self.execute_resumable(context))

    def _reused(self, store: Store) -> dict[str, Reference] | None:
        if not self.cache:
            return None
        stage = self.stage_class.validated(self.all_parameters())
        inputs = {name: reference.fingerprint for name, reference in self._references().items()}
        committed = stage.committed(store, inputs)
        return {name: artifact.reference for name, artifact in committed.items()} if committed else None

    def submit_job(self, context: Context) -> Handle:
        store = self._store()
        store.check_writable()
        job = self._job(context, store)
        place = self._place(job)
        runner = self._runner(place)
        self._refuse_if_killed()
        self.log.info("Submitting job %s: stage %s on %s", job.id, self.stage_class.name, job.engine)
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
        """Whether what a finished job has committed is still there, and wanted."""
        result = Result.load(self._store(), handle["job"], handle["digest"])
        references = result.outputs[self.task_id].values() if result else []
        return self.cache and all(self._store().exists(reference.fingerprint) for reference in references)

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
        self._hand_on(context, result.outputs[self.task_id], reused=self.task_id in result.reused)

    def _job(self, context: Context, store: Store) -> Job:
        from stagecraft.tracking.folder import tracking_folder

        stage = self.stage_class.validated(self.all_parameters())
        task = context["ti"]
        map_index = task.map_index if task.map_index is not None else -1
        names: dict[str, Any] = {
            "dag_id": task.dag_id,
            "run_id": task.run_id,
            "task_id": task.task_id,
            "map_index": map_index,
        }
        step = Step(
            name=self.task_id,
            stage=self.stage_address,
            parameters=stage.model_dump(mode="json"),
            inputs=dict(self._references()),
        )
        return Job(
            id=job_id(**names),
            engine=self._engine(store, stage),
            store=store.root,
            tracking=tracking_folder(**names),
            cache=self.cache,
            steps=[step],
        )

    def _references(self) -> dict[str, Reference]:
        """The inputs as references, their kinds checked."""
        references = {}
        for name, value in self.inputs.items():
            try:
                references[name] = Reference.model_validate(value)
            except ValueError as error:
                raise InvalidInputError(
                    f"task {self.task_id}: {self.stage_class.name}.{name}",
                    f"{value!r} is no artifact",
                    "a task's output",
                ) from error
        self.stage_class.check_inputs({name: reference.kind for name, reference in references.items()})
        return references

    def _engine(self, store: Store, stage: Stage) -> str:
        if stage.engines == ("ray",):
            return "duckdb"
        inputs = [
            sum(entry.bytes for entry in store.open(reference).manifest.files.values())
            for reference in self._references().values()
        ]
        engine = choose(
            self.engine,
            bytes_of_inputs=stage.source_bytes() + sum(inputs),
            spark_available=self.spark_conn_id is not None,
        )
        self._check_engine(type(stage), engine)
        return engine

    def _store(self) -> Store:
        return StoreHook(self.store_conn_id).store()

    def _place(self, job: Job) -> str:
        """Where the job runs: on the Ray or the Spark cluster, or as a process of this machine."""
        if self.stage_class.engines == ("ray",):
            return RAY if self.ray_conn_id else PROCESS
        return SPARK if job.engine == "spark" else PROCESS

    def _runner(self, place: str) -> Runner:
        return runner_of(
            self._store(), place=place, spark_conn_id=self.spark_conn_id, ray_conn_id=self.ray_conn_id
        )

    def _hand_on(self, context: Context, outputs: Mapping[str, Reference], *, reused: bool) -> None:
        task = context["ti"]
        for name, reference in outputs.items():
            self.log.info("%s: %s", name, reference.uri)
            task.xcom_push(key=name, value=reference.model_dump(mode="json"))
        task.xcom_push(key="reused", value=reused)


def job_id(*, dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """Return the job's id: readable, fit for a file name, and its own for each task instance.

    >>> job_id(dag_id="d", run_id="manual__2013", task_id="t", map_index=-1)
    'd.manual__2013.t-a0a8c1ff'
    """
    whole = "\n".join([dag_id, run_id, task_id, str(map_index)])
    readable = re.sub(r"[^\w.]+", "-", f"{dag_id}.{run_id}.{task_id}")[:100]
    return f"{readable}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
