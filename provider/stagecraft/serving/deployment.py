"""What a deployment is, and whether a service serves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import InvalidInputError, StagecraftError


class Deployment(BaseModel):
    """A version of a model in a service, as XCom carries it.

    :param generation: the service's generation that first had it
    :param url: the service
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    generation: int
    url: str

    @classmethod
    def of(cls, where: str, value: Any) -> Deployment:
        """Read what a deploying task handed on.

        :raises InvalidInputError: it is something else
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InvalidInputError(
                where, f"{value!r} is no deployment", "the output of a deploying task"
            ) from error


class NoLongerServedError(StagecraftError):
    """A deployed version was taken out of the service, or taken back by it."""


def check_kept(deployment: Deployment, status: Mapping[str, Any]) -> None:
    """Refuse a deployment that the service has taken back since.

    :param status: the service's answer to ``GET /status``
    :raises NoLongerServedError: tells which bound the version left
    """
    for verdict in status.get("verdicts", ()):
        same = (verdict["model"], verdict["version"]) == (deployment.name, deployment.version)
        if same and verdict["generation"] > deployment.generation:
            raise NoLongerServedError(
                f"version {deployment.version!r} of {deployment.name!r} was taken back at {deployment.url}, "
                f"{verdict['at']}: {verdict['reason']}"
            )


def missing(deployment: Deployment, status: Mapping[str, Any]) -> str | None:
    """Return what is missing until every worker serves a deployment; None where nothing is.

    :param status: the service's answer to ``GET /status``
    :raises NoLongerServedError: the service had the version, and it was taken out or back again

    >>> status = {"generation": 2, "models": {"late": {"default": "a", "versions": ["a"]}},
    ...     "expected_workers": 1, "workers": [{"pid": 7, "generation": 1, "models": {}, "error": None}]}
    >>> missing(Deployment(name="late", version="a", generation=2, url=""), status)
    'worker 7 follows generation 1, not yet 2'
    """
    check_kept(deployment, status)
    if status["generation"] < deployment.generation:
        return f"the service is at generation {status['generation']}, not yet {deployment.generation}"
    served = status["models"].get(deployment.name, {"versions": []})["versions"]
    if deployment.version not in served:
        raise NoLongerServedError(
            f"version {deployment.version!r} of {deployment.name!r} is no longer served at {deployment.url}: "
            f"generation {status['generation']} has {served}"
        )
    for worker in status["workers"]:
        who, error = f"worker {worker['pid']}", f": {worker['error']}" if worker["error"] else ""
        if worker["generation"] < deployment.generation:
            return f"{who} follows generation {worker['generation']}, not yet {deployment.generation}{error}"
        # What else a worker could not load is no concern of this deployment.
        if deployment.version not in worker["models"].get(deployment.name, []):
            return f"{who} has not loaded version {deployment.version!r} of {deployment.name!r}{error}"
    if len(status["workers"]) < status["expected_workers"]:
        return f"{len(status['workers'])} of {status['expected_workers']} workers are up"
    return None
