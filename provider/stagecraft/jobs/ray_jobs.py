"""Ray's Jobs API over HTTP; needs no Ray here."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stagecraft.errors import JobFailedError, UnreachableError

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
PATIENCE_SECONDS = 120.0
ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


@dataclass(frozen=True)
class RayJobs:
    """Jobs of the Ray cluster whose dashboard answers at ``address``.

    :param address: as ``http://head:8265``
    :param token: sent as a bearer token, or None
    :param verify: whether the server's certificate is checked
    :param patience: seconds to go on trying while the cluster does not answer or has no agent yet

    >>> jobs = RayJobs("http://head:8265")
    >>> jobs.submit("python train.py", submission_id="train-1")  # doctest: +SKIP
    'train-1'
    """

    address: str
    token: str | None = field(default=None, repr=False)
    verify: bool = True
    patience: float = PATIENCE_SECONDS

    def version(self) -> dict[str, Any]:
        """Return what the cluster says of its version.

        :raises UnreachableError: it does not answer, or refuses the token
        """
        found: dict[str, Any] = self._checked("GET", "/api/version").json()
        return found

    def submit(self, entrypoint: str, *, submission_id: str, env: Mapping[str, str] | None = None) -> str:
        """Submit a job unless one of this id is there already; return the id.

        Tries again while the cluster has no agent, as in its first minute.

        :param entrypoint: a shell command, run on the cluster
        :param env: its environment variables
        :raises UnreachableError: the cluster does not answer, or has no agent in time
        :raises JobFailedError: it refuses the job
        """
        body = {
            "entrypoint": entrypoint,
            "submission_id": submission_id,
            "runtime_env": {"env_vars": dict(env or {})},
        }
        deadline, wait = time.monotonic() + self.patience, 0.5
        while True:
            try:
                if self.status(submission_id) is not None:
                    return submission_id
                response = self._send("POST", "/api/jobs/", json=body)
                if response.is_success:
                    return submission_id
                if self.status(submission_id) is not None:
                    return submission_id
                if "No available agent" not in response.text:
                    raise JobFailedError(
                        f"Ray at {self.address} refuses the job {submission_id} with {response.status_code}: "
                        f"{response.text.strip()[-500:]}"
                    )
                failure = UnreachableError(f"Ray at {self.address} has no agent that could take a job")
            except UnreachableError as error:
                failure = error
            if time.monotonic() + wait > deadline:
                raise failure
            log.info("%s; trying again in %.1f s", failure, wait)
            time.sleep(wait)
            wait = min(2 * wait, 8.0)

    def status(self, submission_id: str) -> str | None:
        """Return ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED`` or ``STOPPED``; None for no such job.

        :raises UnreachableError: the cluster does not answer
        """
        response = self._send("GET", f"/api/jobs/{submission_id}")
        if response.status_code == 404:
            return None
        return str(self._check(response).json()["status"])

    def logs(self, submission_id: str, offset: int = 0) -> tuple[str, int]:
        """Return what the job has written from character ``offset`` on, and the next offset."""
        text = str(self._checked("GET", f"/api/jobs/{submission_id}/logs").json()["logs"] or "")
        return text[offset:], max(offset, len(text))

    def stop(self, submission_id: str) -> None:
        """Ask the cluster to end the job; nothing happens where it has ended or does not exist."""
        response = self._send("POST", f"/api/jobs/{submission_id}/stop")
        if response.status_code != 404:
            self._check(response)

    def _checked(self, method: str, path: str) -> httpx.Response:
        return self._check(self._send(method, path))

    def _send(self, method: str, path: str, json: Any = None) -> httpx.Response:
        import httpx

        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            response = httpx.request(
                method,
                self.address + path,
                json=json,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                verify=self.verify,
            )
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"Ray at {self.address} does not answer ({error}); what would do: the address of the "
                "cluster's dashboard, as http://head:8265, reachable from here"
            ) from error
        if response.status_code in (401, 403):
            raise UnreachableError(
                f"Ray at {self.address} refuses the token ({response.status_code}); what would do: the "
                "cluster's token as the connection's password"
            )
        return response

    def _check(self, response: httpx.Response) -> httpx.Response:
        if not response.is_success:
            raise UnreachableError(
                f"Ray at {self.address} answers {response.status_code} to {response.request.method} "
                f"{response.request.url.path}: {response.text.strip()[:300]}"
            )
        return response
