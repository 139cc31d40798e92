"""How the requests for an alias are spread over versions: canary, A/B by a key, shadow."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from hashlib import blake2b
from random import random
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from stagecraft.serving.predictor import Predictor

DEFAULT = "default"
"""The alias that answers where a request names no version; every model has it."""

Percent = Annotated[float, Field(gt=0, le=100)]


class Bounds(BaseModel):
    """What a version must keep to; one that leaves a bound is taken back at once, and the manifest says why.

    :param error_rate: the largest share of its requests that end with status 500 or above
    :param latency_seconds: the largest latency at ``quantile``
    :param quantile: the quantile of the latency that is bounded
    :param psi: the largest population stability index of a candidate's scores against those of the alias's
        own version, beyond what chance gives; of that version itself against its golden rows' scores
    :param window_seconds: how long a request counts
    :param min_requests: requests that a version needs in the window before it is judged
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    error_rate: float | None = Field(default=None, ge=0, lt=1)
    latency_seconds: float | None = Field(default=None, gt=0)
    quantile: float = Field(default=0.99, gt=0, lt=1)
    psi: float | None = Field(default=None, gt=0)
    window_seconds: float = Field(default=60, ge=1, le=3600)
    min_requests: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _bounds_something(self) -> Bounds:
        if self.error_rate is None and self.latency_seconds is None and self.psi is None:
            raise ValueError("give error_rate, latency_seconds or psi")
        return self


class Alias(BaseModel):
    """A name for a version, with the rule by which other versions take a part of its requests.

    A request's key, where it has one, decides its version: the same key meets the same version, and a version
    whose share grows keeps the keys that it had. Without a key chance decides.

    :param version: what answers, but for what ``split`` takes
    :param previous: what answered before, and answers again after a rollback
    :param split: version → percent of the requests that it answers
    :param shadow: a version that scores the same rows, and never answers
    :param salt: two aliases with the same salt send a key to the same place
    :param bounds: when a version of ``split`` or the shadow is taken back; where there is neither, when the
        version itself makes way for ``previous``
    :param since: the generation that this rule came with

    >>> Alias(version="a", split={"b": 10}).versions
    ('a', 'b')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    previous: str | None = None
    split: dict[str, Percent] = {}
    shadow: str | None = None
    salt: str = ""
    bounds: Bounds | None = None
    since: int = 0

    @model_validator(mode="after")
    def _spreads_soundly(self) -> Alias:
        if sum(self.split.values()) > 100:
            raise ValueError(f"split: {sum(self.split.values()):g} percent of the requests are given away")
        if self.version in self.split or self.shadow == self.version:
            raise ValueError(f"{self.version!r} answers already")
        if self.shadow in self.split:
            raise ValueError(f"{self.shadow!r} cannot both answer and be a shadow")
        return self

    @property
    def candidates(self) -> tuple[str, ...]:
        """The versions beside the alias's own: those of the split, and the shadow."""
        return (*self.split, *([self.shadow] if self.shadow else []))

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that takes requests."""
        return (self.version, *self.candidates)

    def plain(self) -> Alias:
        """Return the alias without its rule."""
        return Alias(version=self.version, previous=self.previous)

    def without(self, version: str) -> Alias:
        """Return the alias with a candidate taken out; its bounds go with the last one."""
        split = {other: percent for other, percent in self.split.items() if other != version}
        shadow = None if self.shadow == version else self.shadow
        if not split and not shadow:
            return self.plain()
        return self.model_copy(update={"split": split, "shadow": shadow})


def _of_text(value: Any) -> Any:
    return {"version": value} if isinstance(value, str) else value


AliasField = Annotated[Alias, BeforeValidator(_of_text)]
"""An alias, or the version alone."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    :param version: what the answer names
    :param predictor: what answers
    :param shadow: a version and its predictor, to score the same rows after the answer
    """

    version: str
    predictor: Predictor
    shadow: tuple[str, Predictor] | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Routes, each with a share of the requests.

    :param edges: where the shares end, between 0 and 1, ascending; the last route takes the rest
    """

    edges: tuple[float, ...]
    routes: tuple[Route, ...]
    salt: str = ""

    def pick(self, key: str | None) -> Route:
        point = random() if key is None else place(key, self.salt)
        return self.routes[bisect_right(self.edges, point)]


def place(key: str, salt: str = "") -> float:
    """Return a key's place in [0, 1): the same in every process and version of Python.

    The first 64 bits of BLAKE2b (RFC 7693) of the salt, a zero byte, and the key.

    >>> round(place("user-1"), 6), round(place("user-1", salt="other"), 6)
    (0.459698, 0.595805)
    """
    digest = blake2b(f"{salt}\0{key}".encode(errors="surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
