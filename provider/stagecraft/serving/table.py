"""The models that a worker has loaded, kept in step with the manifest."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from stagecraft.artifacts.store import Store
from stagecraft.errors import StagecraftError
from stagecraft.serving.loader import Loader, release
from stagecraft.serving.manifest import Manifest
from stagecraft.serving.manifest_file import ManifestFile, Signature
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.traffic import DEFAULT, Alias, Route, Spread

log = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 0.5, 10.0


class NotLoadedError(StagecraftError):
    """A model is in the manifest, and this worker could not load it."""


@dataclass(frozen=True)
class Table:
    """One generation, loaded; requests hold on to the route that they began with.

    :param predictors: (model, version) → what is loaded
    :param routes: (model, version, alias or None) → where a request goes
    :param answering: (model, alias) → the version that answers for it here, but for what a rule takes
    """

    manifest: Manifest = field(default_factory=Manifest)
    predictors: Mapping[tuple[str, str], Predictor] = field(default_factory=dict)
    routes: Mapping[tuple[str, str | None], Route | Spread] = field(default_factory=dict)
    answering: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest, loaded: Mapping[tuple[str, str], Predictor], before: Table) -> Table:
        """Return the table of a generation.

        An alias whose version could not be loaded keeps the version that answers for it in ``before``.
        """
        predictors = {
            (name, version): loaded[name, version]
            for name, model in manifest.models.items()
            for version in model.versions
            if (name, version) in loaded
        }
        routes: dict[tuple[str, str | None], Route | Spread] = {}
        answering = {}
        for name, model in manifest.models.items():
            for alias, rule in model.aliases.items():
                spare = before.answering.get((name, alias))
                if (name, rule.version) in loaded:
                    answering[name, alias] = rule.version
                    routes[name, alias] = _spread(name, rule, loaded)
                elif spare is not None:
                    answering[name, alias] = spare
                    predictors[name, spare] = before.predictors[name, spare]
                    routes[name, alias] = Route(spare, predictors[name, spare])
            if (name, DEFAULT) in routes:
                routes[name, None] = routes[name, DEFAULT]
        for (name, version), predictor in predictors.items():
            routes[name, version] = Route(version, predictor)
        return cls(manifest, predictors, routes, answering)

    def versions(self) -> dict[str, list[str]]:
        """Model → its versions that are loaded."""
        loaded: dict[str, list[str]] = {}
        for name, version in self.predictors:
            loaded.setdefault(name, []).append(version)
        return loaded


def _spread(name: str, rule: Alias, loaded: Mapping[tuple[str, str], Predictor]) -> Route | Spread:
    """Return where an alias's requests go; candidates that are not loaded take none."""
    shadow = None
    if rule.shadow and (predictor := loaded.get((name, rule.shadow))):
        shadow = rule.shadow, predictor
    edges, routes, end = [], [], 0.0
    for version, percent in rule.split.items():
        end += percent / 100
        chosen = version if (name, version) in loaded else rule.version
        edges.append(end)
        routes.append(Route(chosen, loaded[name, chosen], shadow))
    own = Route(rule.version, loaded[name, rule.version], shadow)
    return Spread(tuple(edges), (*routes, own), rule.salt) if edges else own


class ModelTable:
    """Follows the manifest: loads what is new, checks it, then rebinds one reference.

    A version that cannot be loaded is left out, and holds up no other: :attr:`error` says why, and the load
    is tried again, ever more rarely. Where an alias means it, the version before keeps answering, if there is
    one.

    :param file: the manifest
    :param store: the only store that models are loaded from
    :param max_memory: bytes that the process may take with a model loaded; None: no limit
    """

    def __init__(self, file: ManifestFile, store: Store, max_memory: int | None = None) -> None:
        self.file, self.loader = file, Loader(store, max_memory)
        self.current = Table()
        self.generation = 0
        self.error: str | None = None
        self._seen: Signature | None = None
        self._retry = FIRST_RETRY
        self._due = 0.0
        self._turn = asyncio.Lock()

    def route(self, model: str, version: str | None = None, key: str | None = None) -> Route:
        """Return what answers a request.

        :param version: a version or an alias; the model's default where None
        :param key: where the alias has a rule, what decides among versions: equal keys meet the same one
        :raises UnknownModelError: there is no such model or version; names what is known
        :raises NotLoadedError: this worker could not load it
        """
        table = self.current
        found = table.routes.get((model, version))
        if isinstance(found, Route):
            return found
        if found is not None:
            return found.pick(key)
        chosen = table.manifest.find(model, version)[1]
        raise NotLoadedError(f"version {chosen!r} of {model!r} is not loaded: {self.error}")

    def state(self) -> tuple[int, dict[str, list[str]], str | None]:
        """The generation that is followed, model → versions that are loaded, and what went wrong."""
        return self.generation, self.current.versions(), self.error

    async def refresh(self) -> None:
        """Take the manifest's generation, if it is another. Files are read off the loop."""
        async with self._turn:
            due = time.monotonic() >= self._due
            try:
                signature = await self._signature()
            except (StagecraftError, OSError) as error:
                if due:
                    self._failed([str(error)])
                return
            if signature == self._seen and not (self.error is not None and due):
                return
            if signature != self._seen:
                self._retry = FIRST_RETRY
            self._seen = signature
            table, errors = await asyncio.to_thread(self._load_all)
            if errors:
                self._failed(errors)
            else:
                self.error = None
            if table is not None:
                gone = self.current.predictors.keys() - table.predictors.keys()
                self.current, self.generation = table, table.manifest.generation
                if gone:
                    await asyncio.to_thread(release)

    async def _signature(self) -> Signature | None:
        if self.file.is_remote:
            return await asyncio.to_thread(self.file.signature)
        return self.file.signature()

    def _failed(self, errors: list[str]) -> None:
        for refused in errors:
            log.error("Refused: %s", refused)
        self.error = "; ".join(errors)
        self._due = time.monotonic() + self._retry
        self._retry = min(2 * self._retry, LAST_RETRY)

    def _load_all(self) -> tuple[Table | None, list[str]]:
        loaded: dict[tuple[str, str], Predictor] = {}
        errors = []
        try:
            manifest = self.file.read()
        except (StagecraftError, OSError) as error:
            return None, [str(error)]
        versions = [
            (name, version, artifact)
            for name, model in manifest.models.items()
            for version, artifact in model.versions.items()
        ]
        # Where memory is short, what an alias needs comes first.
        for name, version, artifact in sorted(versions, key=lambda v: v[1] not in manifest.models[v[0]].held):
            try:
                loaded[name, version] = self.loader.load(artifact)
            except StagecraftError as error:
                errors.append(f"{name} {version}: {error}")
            # Whatever else a model breaks must not end the worker that serves the others.
            except Exception as error:
                log.exception("Version %s of model %s breaks its loading", version, name)
                errors.append(f"{name} {version}: {type(error).__name__}: {error}")
        return Table.of(manifest, loaded, self.current), errors
