"""Models that were trained elsewhere: a file, whose content and not its place decides the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from stagecraft.artifacts.fingerprint import output_fingerprint
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft


class Imported(Stage):
    """A stage that reads a model file beside its dataset."""

    file: ClassVar[str]
    """The parameter that holds the file's URI."""

    @property
    def uri(self) -> str:
        return str(getattr(self, self.file))

    @property
    def where(self) -> str:
        """The stage and the parameter, for messages."""
        return f"{self.name}.{self.file}"

    def fingerprint(self, inputs: Mapping[str, str]) -> str:
        """As ever, but with the model file's content in place of where it lies."""
        return self._fingerprint_of(self._read(), inputs)

    def parameters(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={self.file})

    def content(self, draft: Draft, dataset: Dataset) -> bytes:
        """Return the file's content.

        :param draft: of the output ``model``
        :raises InvalidInputError: there is no such file, or it is not the one that the draft was made for
        """
        content = self._read()
        own = self._fingerprint_of(content, {"dataset": dataset.fingerprint})
        if output_fingerprint(own, "model") != draft.fingerprint:
            raise InvalidInputError(
                self.where, f"the file {self.uri!r} changed while it was read", "run again"
            )
        return content

    def _fingerprint_of(self, content: bytes, inputs: Mapping[str, str]) -> str:
        import hashlib

        return super().fingerprint({**inputs, self.file: hashlib.sha256(content).hexdigest()})

    def _read(self) -> bytes:
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(self.uri)
        if not filesystem.exists(path):
            raise InvalidInputError(
                self.where, f"there is no file {self.uri!r}", "a file that this machine can read"
            )
        return bytes(filesystem.cat_file(path))
