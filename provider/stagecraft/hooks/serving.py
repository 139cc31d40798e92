"""The connection to the prediction service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from stagecraft.errors import InvalidInputError, StagecraftError, UnreachableError
from stagecraft.serving.deployment import Deployment
from stagecraft.serving.traffic import DEFAULT

if TYPE_CHECKING:
    import requests
    from airflow.sdk import Connection

CONNECT_SECONDS, ANSWER_SECONDS = 5, 120
PREDICT_TOKEN = "predict_token"
"""The field of a connection's extra that holds the token of predictions."""


@dataclass(frozen=True)
class Endpoint:
    """Where a service is, and the tokens that it asks for.

    :param token: of its management
    :param predict_token: of predictions, which never see the other
    """

    url: str
    token: str | None = field(default=None, repr=False)
    predict_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, connection: Connection) -> Endpoint:
        """Read a connection.

        :raises InvalidInputError: its host or schema is of no use
        """
        where = f"connection {connection.conn_id}"
        scheme, host = connection.schema or "http", connection.host or ""
        if scheme not in ("http", "https"):
            raise InvalidInputError(f"{where}.schema", f"the value {scheme!r}", "http or https")
        if not host or set(host) & set("/@?#"):
            raise InvalidInputError(f"{where}.host", f"the value {host!r}", "a host name or an address alone")
        host = f"[{host}]" if ":" in host else host
        port = f":{connection.port}" if connection.port else ""
        predict_token = connection.extra_dejson.get(PREDICT_TOKEN) or None
        return cls(f"{scheme}://{host}{port}", connection.password or None, predict_token)

    def check(self, where: str, deployment: Deployment) -> None:
        """Refuse a deployment that is in another service.

        :raises InvalidInputError: names both services
        """
        if deployment.url != self.url:
            raise InvalidInputError(
                where,
                f"the connection leads to {self.url}, and the deployment is at {deployment.url}",
                "the connection of the task that deployed",
            )

    @property
    def headers(self) -> dict[str, str]:
        """What a request of the management sends."""
        return _bearer(self.token)

    @property
    def predict_headers(self) -> dict[str, str]:
        """What a request for predictions sends."""
        return _bearer(self.predict_token)

    @property
    def trust_environment(self) -> bool:
        """Whether proxies that the environment names apply: never on the way to this machine itself."""
        return not self.url.partition("://")[2].startswith(("127.", "localhost", "[::1]"))


def check_answer(endpoint: Endpoint, what: str, status: int, body: Any) -> dict[str, Any]:
    """Return a service's answer.

    :raises InvalidInputError: the service refuses what was asked
    :raises UnreachableError: the service is in trouble, or something else answers there
    """
    if status == 200 and isinstance(body, dict):
        return body
    error = body.get("error", body) if isinstance(body, dict) else body
    if status in (401, 403):
        raise InvalidInputError(
            f"{what} at {endpoint.url}",
            f"answered {status}: {error}",
            "the service's token as the connection's password"
            if not what.endswith("/predict")
            else f"the token of predictions as {PREDICT_TOKEN!r} in the connection's extra",
        )
    if 400 <= status < 500:
        raise InvalidInputError(
            f"{what} at {endpoint.url}", f"answered {status}: {error}", "what the answer says"
        )
    raise UnreachableError(f"{what} at {endpoint.url}: answered {status}: {error}")


def check_status(endpoint: Endpoint, status: dict[str, Any]) -> dict[str, Any]:
    """Return a service's status.

    :raises UnreachableError: something else answers there
    """
    if not {"generation", "models", "workers", "expected_workers"} <= set(status):
        raise UnreachableError(f"what answers at {endpoint.url} is no prediction service of Stagecraft")
    return status


def unreachable(endpoint: Endpoint, error: Exception, remedy: str) -> str:
    """Say that a service does not answer, why, and what would do."""
    found = f"{type(error).__name__}: {error}"
    return f"the prediction service {endpoint.url} does not answer ({found}); what would do: {remedy}"


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _path(*parts: str) -> str:
    from urllib.parse import quote

    return "".join(f"/{quote(part, safe='')}" for part in parts)


class ServingHook(BaseHook):
    """Talks to the prediction service of a ``stagecraft_serving`` connection.

    The connection's host and port are the service's, its schema is ``http`` (the default) or ``https``, its
    password the management token, and ``predict_token`` in its extra the token of predictions, where they ask
    for one.

    :param stagecraft_serving_conn_id: the connection's name
    """

    conn_name_attr = "stagecraft_serving_conn_id"
    default_conn_name = "stagecraft_serving"
    conn_type = "stagecraft_serving"
    hook_name = "Stagecraft prediction service"

    def __init__(self, stagecraft_serving_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stagecraft_serving_conn_id = stagecraft_serving_conn_id

    @cached_property
    def endpoint(self) -> Endpoint:
        return Endpoint.of(self.get_connection(self.stagecraft_serving_conn_id))

    @cached_property
    def session(self) -> requests.Session:
        import requests

        session = requests.Session()
        session.trust_env = self.endpoint.trust_environment
        return session

    def deploy(self, *, name: str, uri: str, version: str, alias: str | None = DEFAULT) -> Deployment:
        """Add a version of a model, which the service loads and checks first; again is the same.

        :param uri: the model artifact, in the service's own store
        :param alias: what it answers for from now on; None: for nothing but its own name, unless it is the
            model's first version
        :raises InvalidInputError: the service refuses it
        """
        body = {"name": name, "version": version, "uri": uri, "alias": alias}
        return self._deployment(name, version, self._call("POST", "/models", body))

    def set_alias(
        self,
        *,
        name: str,
        alias: str = DEFAULT,
        version: str | None = None,
        split: Mapping[str, float] | None = None,
        shadow: str | None = None,
        salt: str = "",
        bounds: Mapping[str, Any] | None = None,
    ) -> Deployment:
        """Move an alias, or spread its requests: a promotion, a rollback, a canary, a shadow.

        :param version: what answers, but for what ``split`` takes; the version that answers now where None
        :param split: version → percent of the requests; those of the same key meet the same version
        :param shadow: a version that scores the same rows and does not answer
        :param salt: decides which keys meet which version
        :param bounds: what a version must keep to, see :class:`stagecraft.serving.traffic.Bounds`
        """
        body = {"version": version, "split": dict(split or {}), "shadow": shadow, "salt": salt}
        found = self._call("PUT", _path("models", name, "aliases", alias), {**body, "bounds": bounds})
        return self._deployment(name, found["aliases"][alias], found)

    def roll_back(self, *, name: str, alias: str = DEFAULT) -> Deployment:
        """Take back an alias's last change: its canary or shadow, or where it has none, its version."""
        found = self._call("POST", _path("models", name, "aliases", alias, "rollback"))
        return self._deployment(name, found["aliases"][alias], found)

    def delete(self, *, name: str, version: str | None = None) -> int:
        """Unload a version that no alias answers with, or a whole model; return the generation without it."""
        path = ("models", name, "versions", version) if version else ("models", name)
        return int(self._call("DELETE", _path(*path))["generation"])

    def status(self) -> dict[str, Any]:
        """Return what the service serves, and each of its workers."""
        return check_status(self.endpoint, self._call("GET", "/status"))

    def predict(
        self,
        *,
        model: str,
        rows: Sequence[Mapping[str, Any]],
        version: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Return the service's scores and labels for raw rows of JSON values.

        :param version: a version or an alias; the default where None
        :param key: where the alias has a rule, what decides among versions: equal keys meet the same one
        """
        body = {"model": model, "rows": list(rows), "version": version, "key": key}
        return self._call("POST", "/predict", body, self.endpoint.predict_headers)

    def test_connection(self) -> tuple[bool, str]:
        """Ask the service for its status; a token, where the connection has one, is checked too."""
        try:
            status = self.status()
        except (StagecraftError, AirflowException) as error:
            return False, str(error)
        workers, expected = len(status["workers"]), status["expected_workers"]
        token = "" if self.endpoint.token else "; without a token nothing can be deployed"
        models = ", ".join(status["models"]) or "no model yet"
        return True, f"{self.endpoint.url} serves {models}, with {workers} of {expected} workers{token}"

    def _deployment(self, name: str, version: str, found: Mapping[str, Any]) -> Deployment:
        return Deployment(name=name, version=version, generation=found["generation"], url=self.endpoint.url)

    def _call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """:param headers: those of the management where None"""
        import requests

        sent = self.endpoint.headers if headers is None else headers

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers.update(sent)
            return request

        what = f"{method} {path}"
        try:
            answer = self.session.request(
                method,
                self.endpoint.url + path,
                json=body,
                auth=authorize,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
        except requests.exceptions.InvalidJSONError as error:
            raise InvalidInputError(what, str(error), "null where a value is missing") from error
        except requests.RequestException as error:
            remedy = f"start it, or correct the connection {self.stagecraft_serving_conn_id!r}"
            raise UnreachableError(unreachable(self.endpoint, error, remedy)) from error
        try:
            found = answer.json()
        except requests.JSONDecodeError:
            found = answer.text[:200]
        return check_answer(self.endpoint, what, answer.status_code, found)
