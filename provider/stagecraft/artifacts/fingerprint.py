"""Content addresses: equal work has an equal name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

LENGTH = 32


def canonical_json(value: Any) -> str:
    """Return ``value`` as JSON with sorted keys and no white space, so equal values give equal text.

    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(stage: str, version: int, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Return the content address of a stage's work, 32 hexadecimal digits.

    :param stage: the stage's name
    :param version: the version of the stage's algorithm; a change of result is a new version
    :param parameters: the stage's parameters, JSON-able
    :param inputs: name of each input → its fingerprint

    >>> fingerprint("split", 1, {"column": "date"}, {"dataset": "ab"}) == fingerprint(
    ...     "split", 1, {"column": "date"}, {"dataset": "ab"})
    True
    """
    text = canonical_json(
        {"stage": stage, "version": version, "parameters": dict(parameters), "inputs": dict(inputs)}
    )
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def output_fingerprint(stage_fingerprint: str, output: str) -> str:
    """Return the address of one output of a stage."""
    return hashlib.sha256(f"{stage_fingerprint}/{output}".encode()).hexdigest()[:LENGTH]
