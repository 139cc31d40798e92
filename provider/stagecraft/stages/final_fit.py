"""The last training of a sweep: the best parameters, on all rows that the search saw."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Draft
from stagecraft.errors import JobFailedError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.trainers import AnyTrainer
from stagecraft.tuning.attempt import Attempt, Limits

if TYPE_CHECKING:
    from stagecraft.stages.trainer import TrainerTrial
    from stagecraft.tuning.space import Parameters


class FinalFit(Stage):
    """Trains the best parameters of a sweep and hands on the model, judged once on rows it never saw.

    It runs in a process of its own, as trials do. Without ``test`` the report has no metrics.

    :param best: the parameters
    :param checkpoint: the folder in the store that training goes on from, for a population's best
    :param until: the step that it comes to then
    :param metric: what the sweep looked at
    :param seed: the trial's
    :param limits: what the process may use; it may take as long as it likes
    """

    name: ClassVar[str] = "final_fit"
    inputs: ClassVar[Mapping[str, Kind]] = {
        "train": Kind.DATASET,
        "validation": Kind.DATASET,
        "test?": Kind.DATASET,
    }
    outputs: ClassVar[Mapping[str, Kind]] = {"model": Kind.MODEL, "report": Kind.REPORT}
    engines: ClassVar[tuple[str, ...]] = ("ray",)

    trainer: AnyTrainer
    best: dict[str, Any]
    metric: str
    seed: int
    limits: Limits = Limits()
    checkpoint: str | None = None
    until: float | None = None

    def parameters(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"limits"})

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.tuning.handover import Handover
        from stagecraft.tuning.ray_tasks import run_alone
        from stagecraft.tuning.run import sweep_session

        trial = self.trainer.prepare(bench, inputs, self.metric)
        limits = self.limits.model_copy(update={"seconds": None})
        address = "auto" if os.environ.get("RAY_ADDRESS") else None
        with sweep_session(1, limits, self.trainer.helpers, address) as (scratch, _):
            attempt = Attempt(0, self.seed, scratch / "final", self._checkpoint(drafts["model"], scratch))
            attempt.final = True
            if self.until is not None:
                attempt.handover = Handover(bench.store, self.checkpoint, None, self.until)
            outcome = run_alone(_Filled(trial, drafts["model"]), self.best, attempt, self.metric, limits)
        if outcome.message is not None:
            raise JobFailedError(
                f"the last training with {self.best} failed: {outcome.trace or outcome.message}"
            )
        shutil.rmtree(attempt.checkpoint, ignore_errors=True)
        drafts["model"].meta.update(outcome.metrics["meta"])
        metrics = outcome.metrics["metrics"] if "test" in inputs else {}
        drafts["report"].meta.update(metrics=metrics, cpu=outcome.cpu, seconds=outcome.seconds)

    def _checkpoint(self, draft: Draft, scratch: Path) -> Path:
        if not draft.store.is_local:
            return scratch / "final-checkpoint"
        return Path(draft.store.strip(draft.store.uri("checkpoints", draft.fingerprint)))


@dataclass(frozen=True)
class _Filled:
    """Trains in a process of its own, which fills the model's draft."""

    trial: TrainerTrial
    draft: Draft

    def __call__(self, parameters: Parameters, attempt: Attempt) -> Mapping[str, Any]:
        metrics = self.trial.finish(parameters, attempt, self.draft)
        return {"metrics": dict(metrics), "meta": self.draft.meta}
