"""The errors of Stagecraft: each names where it arose, what was found, and what would do."""

from __future__ import annotations


class StagecraftError(Exception):
    """Base of every error that Stagecraft raises on purpose."""


class InvalidInputError(StagecraftError, ValueError):
    """Input refused where it enters, before heavy work.

    :param where: the stage (or part) and the field or column, as ``"stratified_sample.fraction"``
    :param found: what was found there
    :param remedy: what would do instead

    >>> str(InvalidInputError("split.column", "no column 'dat'", "one of: 'date', 'origin'"))
    "split.column: no column 'dat'; what would do: one of: 'date', 'origin'"
    """

    def __init__(self, where: str, found: str, remedy: str) -> None:
        super().__init__(where, found, remedy)
        self.where, self.found, self.remedy = where, found, remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; what would do: {self.remedy}"


class CorruptArtifactError(StagecraftError):
    """A file of an artifact is missing or differs from its checksum."""


class UnreachableError(StagecraftError, ConnectionError):
    """A cluster, service or store does not answer."""


class UnwritableStoreError(StagecraftError, PermissionError):
    """The artifact store refuses a write."""


class JobFailedError(StagecraftError, RuntimeError):
    """A job ended without success."""
