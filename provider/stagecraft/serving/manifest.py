"""What a service serves: the truth that every worker follows, and the changes that it may undergo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from stagecraft.errors import InvalidInputError
from stagecraft.serving.traffic import DEFAULT, Alias, AliasField

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
VERDICTS = 50
"""How many verdicts a manifest remembers."""


class Version(BaseModel):
    """A version of a model: which artifact it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    fingerprint: str


class Versions(BaseModel):
    """The versions of a model, oldest first, and the aliases that requests may name instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    versions: dict[str, Version]
    aliases: dict[str, AliasField]

    @model_validator(mode="before")
    @classmethod
    def _of_first_form(cls, fields: Any) -> Any:
        """Read ``default``, which stood alone before there were aliases."""
        if not isinstance(fields, Mapping) or DEFAULT not in fields:
            return fields
        rest = {name: value for name, value in fields.items() if name != DEFAULT}
        return {**rest, "aliases": {DEFAULT: fields[DEFAULT], **fields.get("aliases", {})}}

    @model_validator(mode="after")
    def _is_whole(self) -> Versions:
        if DEFAULT not in self.aliases:
            raise ValueError(f"the alias {DEFAULT!r} is missing")
        for name, alias in self.aliases.items():
            if lost := set(alias.versions) - set(self.versions):
                raise ValueError(f"alias {name!r}: there is no version {', '.join(sorted(lost))}")
        return self

    @property
    def default(self) -> str:
        """The version that answers where a request names none, but for what a rule takes."""
        return self.aliases[DEFAULT].version

    @property
    def held(self) -> set[str]:
        """The versions that an alias needs, now or for a rollback."""
        aliases = self.aliases.values()
        return {version for alias in aliases for version in (*alias.versions, alias.previous) if version}


class Verdict(BaseModel):
    """A version that left its bounds, and was taken back.

    :param version: what was taken back
    :param reason: which bound it left
    :param generation: the one without it
    :param at: when, ISO 8601
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    alias: str
    version: str
    reason: str
    generation: int
    at: str


class Manifest(BaseModel):
    """The models that are served. Each change makes the next generation.

    >>> first = Manifest().deployed("late", "1", Version(uri="/store/artifacts/ab", fingerprint="ab"))
    >>> first.generation, first.models["late"].default
    (1, '1')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    generation: int = 0
    models: dict[str, Versions] = {}
    verdicts: tuple[Verdict, ...] = ()

    def deployed(
        self,
        name: str,
        version: str,
        artifact: Version,
        *,
        alias: str | None = DEFAULT,
        keep: int | None = None,
    ) -> Manifest:
        """Return the manifest with a version added; this one where nothing changes.

        :param alias: what the version answers for from now on; where another answered, the alias's rule ends.
            A model's first version is its default, whatever this says
        :param keep: versions of the model to keep: the oldest ones beyond it that no alias needs are dropped.
            None keeps all
        :raises InvalidInputError: a name is malformed
        :raises ConflictError: the version is another artifact, or an alias has its name
        """
        _check_names(name=name, version=version, **({"alias": alias} if alias else {}))
        model = self.models.get(name)
        versions, aliases = (dict(model.versions), dict(model.aliases)) if model else ({}, {})
        if version in aliases:
            raise ConflictError("deploy.version", f"{version!r} is an alias of {name!r}", "another name")
        if (found := versions.get(version)) and found.fingerprint != artifact.fingerprint:
            raise ConflictError(
                "deploy.version",
                f"version {version!r} of {name!r} is the artifact {found.fingerprint} already",
                "another version name; a version never changes",
            )
        versions[version] = artifact
        for moved in {alias, DEFAULT} if model is None else {alias}:
            if moved is not None:
                aliases[moved] = self._moved(aliases.get(moved), version)
        model = Versions(versions=versions, aliases=aliases)
        _check_aliases(model)
        spared, surplus = {version} | model.held, len(model.versions) - keep if keep else 0
        dropped = [old for old in model.versions if old not in spared][: max(surplus, 0)]
        kept = {old: entry for old, entry in model.versions.items() if old not in dropped}
        return self._with(name, model.model_copy(update={"versions": kept}))

    def with_alias(self, name: str, alias: str, rule: Alias) -> Manifest:
        """Return the manifest with an alias moved, or with another rule: a promotion, a canary, a shadow.

        What answered before is kept for a rollback.

        :raises UnknownModelError: the model or a version is unknown
        :raises ConflictError: a version has the alias's name
        """
        _check_names(alias=alias)
        model = self._versions(name, rule)
        before = model.aliases.get(alias)
        previous = before and (before.previous if before.version == rule.version else before.version)
        rule = rule.model_copy(update={"previous": previous, "since": self.generation + 1})
        if before and before == rule.model_copy(update={"since": before.since}):
            return self
        model = model.model_copy(update={"aliases": {**model.aliases, alias: rule}})
        _check_aliases(model)
        return self._with(name, model)

    def with_default(self, name: str, version: str) -> Manifest:
        """Return the manifest with another default: a rollback, or a promotion.

        :raises UnknownModelError: the model or the version is unknown
        """
        return self.with_alias(name, DEFAULT, Alias(version=version))

    def rolled_back(self, name: str, alias: str = DEFAULT) -> Manifest:
        """Return the manifest without an alias's last change: its rule, or where it has none, its version.

        :raises UnknownModelError: the model or the alias is unknown
        :raises ConflictError: there is nothing to go back to
        """
        before = self.alias(name, alias)
        if before.candidates:
            return self.with_alias(name, alias, before.plain())
        if before.previous is None:
            raise ConflictError(
                "rollback.alias", f"{alias!r} of {name!r} answered with nothing else before", "a version"
            )
        return self._with_rule(name, alias, Alias(version=before.previous))

    def judged(self, verdict: Verdict, since: int) -> Manifest:
        """Return the manifest without a version that left its bounds, and with the verdict.

        This one where the rule is no longer the one that was judged: whoever judges second changes nothing.

        :param since: the generation of the rule that was judged
        """
        name, alias = verdict.model, verdict.alias
        rule = self.models[name].aliases.get(alias) if name in self.models else None
        if rule is None or rule.since != since:
            return self
        if verdict.version in rule.candidates:
            after = self._with_rule(name, alias, rule.without(verdict.version))
        elif verdict.version == rule.version and rule.previous:
            after = self._with_rule(name, alias, Alias(version=rule.previous))
        else:
            return self
        verdict = verdict.model_copy(update={"generation": after.generation})
        return after.model_copy(update={"verdicts": (*self.verdicts, verdict)[-VERDICTS:]})

    def without(self, name: str, version: str) -> Manifest:
        """Return the manifest with a version taken out, and the aliases that no longer can go back to it.

        :raises UnknownModelError: the model or the version is unknown
        :raises ConflictError: an alias answers with it
        """
        model, version = self.find(name, version)
        for alias, rule in model.aliases.items():
            if version in rule.versions:
                raise ConflictError(
                    "delete.version", f"{version!r} is the {alias} of {name!r}", f"another {alias} first"
                )
        aliases = {
            alias: rule.model_copy(update={"previous": None}) if rule.previous == version else rule
            for alias, rule in model.aliases.items()
        }
        kept = {other: artifact for other, artifact in model.versions.items() if other != version}
        return self._with(name, Versions(versions=kept, aliases=aliases))

    def without_alias(self, name: str, alias: str) -> Manifest:
        """Return the manifest with an alias taken out.

        :raises UnknownModelError: the model or the alias is unknown
        :raises ConflictError: it is the default
        """
        self.alias(name, alias)
        if alias == DEFAULT:
            raise ConflictError("delete.alias", f"{name!r} needs its default", "its model deleted")
        model = self.models[name]
        aliases = {other: rule for other, rule in model.aliases.items() if other != alias}
        return self._with(name, model.model_copy(update={"aliases": aliases}))

    def without_model(self, name: str) -> Manifest:
        """Return the manifest with a model taken out, all its versions with it.

        :raises UnknownModelError: the model is unknown
        """
        self.find(name)
        models = {other: model for other, model in self.models.items() if other != name}
        return self.model_copy(update={"generation": self.generation + 1, "models": models})

    def find(self, name: str, version: str | None = None) -> tuple[Versions, str]:
        """Return a model and the version of that name or alias, or its default.

        :raises UnknownModelError: names what is known
        """
        model = self.models.get(name)
        if model is None:
            raise UnknownModelError("model", name, list(self.models))
        if version in model.versions:
            return model, str(version)
        alias = model.aliases.get(version or DEFAULT)
        if alias is None:
            raise UnknownModelError(f"version of {name!r}", str(version), [*model.versions, *model.aliases])
        return model, alias.version

    def alias(self, name: str, alias: str) -> Alias:
        """Return an alias of a model.

        :raises UnknownModelError: names what is known
        """
        model = self.find(name)[0]
        if alias not in model.aliases:
            raise UnknownModelError(f"alias of {name!r}", alias, list(model.aliases))
        return model.aliases[alias]

    def _versions(self, name: str, rule: Alias) -> Versions:
        """Return a model, which has every version that a rule names."""
        model = self.find(name)[0]
        for version in rule.versions:
            if version not in model.versions:
                raise UnknownModelError(f"version of {name!r}", version, list(model.versions))
        return model

    def _moved(self, before: Alias | None, version: str) -> Alias:
        if before is None:
            return Alias(version=version, since=self.generation + 1)
        if before.version == version:
            return before
        return Alias(version=version, previous=before.version, since=self.generation + 1)

    def _with_rule(self, name: str, alias: str, rule: Alias) -> Manifest:
        model = self.models[name]
        rule = rule.model_copy(update={"since": self.generation + 1})
        return self._with(name, model.model_copy(update={"aliases": {**model.aliases, alias: rule}}))

    def _with(self, name: str, model: Versions) -> Manifest:
        if self.models.get(name) == model:
            return self
        models = {**self.models, name: model}
        return self.model_copy(update={"generation": self.generation + 1, "models": models})


class ConflictError(InvalidInputError):
    """A change that what is served stands against."""


class UnknownModelError(InvalidInputError):
    """A model or version that is not served."""

    def __init__(self, what: str, asked: str, known: list[str]) -> None:
        super().__init__(
            "predict", f"there is no {what} called {asked!r}", f"one of {known}" if known else "deploy one"
        )


def _check_names(**names: str) -> None:
    for what, text in names.items():
        if not NAME.fullmatch(text):
            raise InvalidInputError(
                f"deploy.{what}",
                f"{text!r}",
                "letters, digits, '.', '-', '_', at most 128, first a letter or digit",
            )


def _check_aliases(model: Versions) -> None:
    for alias in model.aliases:
        if alias in model.versions:
            raise ConflictError("alias", f"{alias!r} is a version", "another name for the alias")
