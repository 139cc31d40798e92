"""The models that a worker has loaded, kept in step with the manifest."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.serving.manifest import Manifest, ManifestFile, Signature, Version, Versions
from stagecraft.serving.predictor import Predictor

log = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 0.5, 10.0


class NotLoadedError(StagecraftError):
    """A model is in the manifest, and this worker could not load it."""


@dataclass(frozen=True)
class Table:
    """One generation, loaded; requests hold on to the table that they began with."""

    manifest: Manifest = field(default_factory=Manifest)
    predictors: Mapping[tuple[str, str], Predictor] = field(default_factory=dict)

    def versions(self) -> dict[str, list[str]]:
        """Model → its versions that are loaded."""
        loaded: dict[str, list[str]] = {}
        for name, version in self.predictors:
            loaded.setdefault(name, []).append(version)
        return loaded

    def after(self, before: Table) -> Table:
        """Return this table, with the default of ``before`` for each model whose own one is not loaded."""
        models, predictors = dict(self.manifest.models), dict(self.predictors)
        for name, model in self.manifest.models.items():
            old = before.manifest.models.get(name)
            if (name, model.default) in predictors or old is None:
                continue
            if spare := before.predictors.get((name, old.default)):
                predictors[name, old.default] = spare
                versions = {**model.versions, old.default: old.versions[old.default]}
                models[name] = Versions(default=old.default, versions=versions)
        return Table(self.manifest.model_copy(update={"models": models}), predictors)


class ModelTable:
    """Follows the manifest: loads what is new, checks it, then rebinds one reference.

    A version that cannot be loaded is left out, and holds up no other: :attr:`error` says why, and the load
    is tried again, ever more rarely. Where it is a model's default, the default before keeps answering, if
    there is one.

    :param file: the manifest
    :param store: the only store that models are loaded from
    """

    def __init__(self, file: ManifestFile, store: Store) -> None:
        self.file, self.store = file, store
        self.current = Table()
        self.generation = 0
        self.error: str | None = None
        self._seen: Signature | None = None
        self._retry = FIRST_RETRY
        self._due = 0.0
        self._turn = asyncio.Lock()
        self._loaded: WeakValueDictionary[str, Predictor] = WeakValueDictionary()

    def find(self, name: str, version: str | None) -> tuple[str, Predictor]:
        """Return the version that answers, and its predictor.

        :raises UnknownModelError: there is no such model or version
        :raises NotLoadedError: this worker could not load it
        """
        table = self.current
        chosen = table.manifest.find(name, version)[1]
        predictor = table.predictors.get((name, chosen))
        if predictor is None:
            raise NotLoadedError(f"version {chosen!r} of {name!r} is not loaded: {self.error}")
        return chosen, predictor

    def artifact(self, uri: str) -> Version:
        """Return the artifact that a URI names in this service's store.

        :raises InvalidInputError: the URI is outside it
        """
        fingerprint = uri.rstrip("/").rpartition("/")[2]
        own = self.store.artifact_uri(fingerprint)
        if not fingerprint.isalnum() or self.store.strip(uri) != self.store.strip(own):
            raise InvalidInputError(
                "deploy.uri",
                f"{uri!r} is outside of this service's store",
                f"a model in {self.store.artifact_uri('…')}",
            )
        return Version(uri=own, fingerprint=fingerprint)

    def load(self, artifact: Version) -> Predictor:
        """Load a model, its files checked against their checksums, its golden rows scored here.

        Whoever holds a predictor of the same artifact shares it.

        :raises StagecraftError: the model is refused
        """
        if found := self._loaded.get(artifact.fingerprint):
            return found
        model = self.store.open(artifact.fingerprint)
        if not isinstance(model, Model):
            raise InvalidInputError("deploy.uri", f"{artifact.uri} is a {model.kind}", "a model")
        predictor = Predictor(model)
        predictor.check()
        self._loaded[artifact.fingerprint] = predictor
        return predictor

    def state(self) -> tuple[int, dict[str, list[str]], str | None]:
        """The generation that is followed, model → versions that are loaded, and what went wrong."""
        return self.generation, self.current.versions(), self.error

    async def refresh(self) -> None:
        """Take the manifest's generation, if it is another. Files are read off the loop."""
        async with self._turn:
            signature = self.file.signature()
            failed = self.error is not None and time.monotonic() >= self._due
            if signature == self._seen and not failed:
                return
            if signature != self._seen:
                self._retry = FIRST_RETRY
            self._seen = signature
            table, errors = await asyncio.to_thread(self._load_all)
            self.error = "; ".join(errors) or None
            if errors:
                self._due = time.monotonic() + self._retry
                self._retry = min(2 * self._retry, LAST_RETRY)
            if table is not None:
                self.current = table.after(self.current)
                self.generation = table.manifest.generation

    def _load_all(self) -> tuple[Table | None, list[str]]:
        predictors: dict[tuple[str, str], Predictor] = {}
        errors = []
        try:
            manifest = self.file.read()
        except (StagecraftError, OSError) as error:
            return None, [str(error)]
        for name, model in manifest.models.items():
            for version, artifact in model.versions.items():
                try:
                    predictors[name, version] = self.load(artifact)
                except StagecraftError as error:
                    errors.append(f"{name} {version}: {error}")
                # Whatever else a model breaks must not end the worker that serves the others.
                except Exception as error:
                    log.exception("Version %s of model %s breaks its loading", version, name)
                    errors.append(f"{name} {version}: {type(error).__name__}: {error}")
        for refused in errors:
            log.error("Refused: %s", refused)
        return Table(manifest, predictors), errors
