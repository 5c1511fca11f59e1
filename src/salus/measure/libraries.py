"""The libraries of the content as ELM: translated from their CQL text where there is any, else as they were given.

The text is the source: what a person reads and what is evaluated are then the same. A library whose text has errors is
evaluated from its ELM, with a loud warning, when the content has that too. `prefer_elm` turns the preference round.
Leaves to others: texts (`measure.texts`), ELM documents (`measure.elms`), translating (`cql`), typed nodes (`elm`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
import orjson

from salus.cql.diagnostics import CqlError
from salus.cql.translations import Translations
from salus.errors import SalusError
from salus.measure.elms import ElmDocuments, ElmHead
from salus.measure.identity import Identity
from salus.measure.texts import LibraryTexts, TextHead, source_of_file, source_within
from salus.terminology.versions import newest, split_canonical

__all__ = ["Identity", "Libraries"]

Json = Mapping[str, Any]

_CQL: Final = "text/cql"
_ELM: Final = "application/elm+json"


@dataclass(frozen=True)
class _Chosen:
    """What a library is evaluated from; the digest is that of its text, or of its ELM with sorted keys."""

    elm: Json
    digest: str
    from_text: bool


class LibraryHead(msgspec.Struct, frozen=True, tag=True):
    """What is known of a Library resource before it is asked for: the names it is asked for by, what kinds of content
    it has, and the heads of the text and the ELM in it. `problem`: what is wrong with one of these, which is then None.
    """

    own: Identity
    keys: tuple[str, ...]
    kinds: tuple[str, ...]
    text: TextHead | None = None
    elm: ElmHead | None = None
    problem: str | None = None

    @classmethod
    def of(cls, resource: Json, where: str) -> LibraryHead:
        own, contents = Identity.of_library(resource), _contents(resource)
        text = elm = problem = None
        try:
            if data := contents.get(_CQL):
                text = TextHead.of(source_within(data, own, where), own)
            if data := contents.get(_ELM):
                elm = ElmHead.within(data, where)
        except SalusError as error:
            problem = str(error)
        return cls(own, _keys(resource), tuple(contents), text, elm, problem)


class Libraries:
    """An index of CQL texts, ELM documents and Library resources.

    `notes` says what was chosen, as libraries are asked for.
    """

    def __init__(self, *, prefer_elm: bool = False) -> None:
        self.texts = LibraryTexts()
        self._elms = ElmDocuments()
        self._prefer_elm = prefer_elm
        self._resources: dict[str, dict[str | None, LibraryHead]] = {}
        self._own_text: dict[Identity, Identity] = {}
        self._chosen: dict[Identity, _Chosen] = {}
        self._notes: list[str] = []

    def __len__(self) -> int:
        return len(self._elms) + len(self.texts)

    @property
    def notes(self) -> list[str]:
        """What the user should know about the libraries used so far."""
        doubles = [f"{each} is in the content more than once with different text" for each in self.texts.doubles]
        passed = [str(each) for each, how in self._chosen.items() if how.from_text and self._elms.is_bare(each)]
        over = f"translated from their CQL text, though there are ELM documents (--prefer-elm): {', '.join(passed)}"
        return [*self._notes, *doubles, *self._elms.notes, *([over] if passed else [])]

    def add_elm(self, head: ElmHead, where: str, load: Callable[[], bytes]) -> None:
        """Index a bare ELM document."""
        self._elms.add_bare(head, where, load)

    def add_text(self, head: TextHead, where: str, load: Callable[[], bytes]) -> None:
        """Index a `.cql` file."""
        self.texts.add(head, where, lambda: source_of_file(load(), where), file=True)

    def add_resource(self, head: LibraryHead, where: str, load: Callable[[], bytes]) -> None:
        """Index a FHIR Library resource, and the CQL and ELM in it."""
        own = head.own
        for key in head.keys:
            self._resources.setdefault(key, {})[own.version] = head

        def inside(kind: str) -> str:
            return str(_contents(orjson.loads(load()))[kind])

        if head.text:
            text = self.texts.add(head.text, where, lambda: source_within(inside(_CQL), own, where), file=False)
            self._own_text[own] = text
        if head.elm:
            self._elms.add_embedded(own, head.elm, where, lambda: inside(_ELM))

    def library(self, name: str, version: str | None = None, asked_by: str = "") -> Json:
        """The ELM of a library; the newest when no version is asked for.

        A namespace before the name is ignored. Raises SalusError naming what is missing and who asked, and CqlError
        where the text has errors and there is no ELM.
        """
        identity = self._resolved(name, version, asked_by)
        if identity not in self._chosen:
            self._chosen[identity] = self._choose(identity)
        return self._chosen[identity].elm

    def amend(self, identity: Identity, written: Iterable[tuple[str, str]], asked_by: str) -> None:
        """Have a library define what a measure writes out as expressions, under their names, where it does not. A
        definition may be written with the library's own name before it.

        Raises SalusError where there is no text that they could be translated with.
        """
        elm = self.library(*identity, asked_by)
        there = {each["name"].lower() for each in elm.get("statements", {}).get("def", ())}
        if not (new := {name: text for name, text in written if name.lower() not in there}):
            return
        if not self._chosen[identity].from_text:
            raise SalusError(
                f"{asked_by} has the criterion {next(iter(new))}, which {identity} does not define; only with CQL text"
                " of the library can it be an expression"
            )
        own = re.compile(rf'(?<![\w."\'])"?{re.escape(identity.name)}"?\.(?=["\w])')
        self.texts.append(identity, {name: own.sub("", text) for name, text in new.items()}, asked_by)
        self._translations = Translations(self.texts)
        self._chosen[identity] = self._choose(identity)

    def cql(self, name: str, version: str | None = None) -> str | None:
        """The CQL text of a library; None when there is none."""
        identity = Identity(name, version or None)
        return self.texts.text(*identity).text if identity in self.texts else None

    def named_by(self, canonical: str, asked_by: str) -> Identity:
        """The library that a measure's canonical (`url`, `url|version` or `Library/id`) stands for.

        Without such a Library resource the last part of the url is the name of a text or an ELM document.
        """
        url, version = split_canonical(canonical)
        there = self._resources.get(url)
        if there is None:
            name = url.rsplit("/", 1)[-1]
            return Identity(name, version if version else newest([*self._versions(name)] or [None]))
        if version is not None and version not in there:
            raise SalusError(f"{asked_by} names Library {canonical}; the content has {_listed(there)}")
        own = there[version if version is not None else newest(there)].own
        return self._own_text.get(own, own)

    def used(self) -> Iterator[tuple[Identity, str]]:
        """Each library asked for so far, with the sha256 of its text, or of its ELM (keys sorted, so that layout does
        not matter).
        """
        for identity in sorted(self._chosen, key=str):
            yield identity, self._chosen[identity].digest

    # Which one

    def _versions(self, name: str) -> set[str | None]:
        return {*self.texts.versions(name), *self._elms.versions(name)}

    def _resolved(self, name: str, version: str | None, asked_by: str) -> Identity:
        name = name.rsplit("/", 1)[-1]
        there = self._versions(name)
        if version in there:
            return Identity(name, version)
        if not version and there:
            return Identity(name, newest(there))
        raise SalusError(self._missing(Identity(name, version), asked_by))

    def _missing(self, wanted: Identity, asked_by: str) -> str:
        what = str(wanted) if wanted.version else wanted.name
        text = f"{asked_by or 'the run'} needs {what}, which is not in the content"
        if not wanted.name:
            return f"{asked_by} names a library that it contains, and those are not read: give it as a resource"
        if there := self._versions(wanted.name):
            text += f"; there is {_listed(there)}"
        if stale := self._elms.stale(wanted):
            text += f" (the Library resource of {wanted} carries the ELM of {stale})"
        if kinds := sorted({kind for head in self._resources_of(wanted) for kind in head.kinds}):
            text += (
                f"; its Library resource holds {', '.join(kinds)}: text/cql or application/elm+json is needed, as data"
            )
        return text

    def _resources_of(self, wanted: Identity) -> list[LibraryHead]:
        """The Library resources of a name that neither text nor ELM came out of."""
        found = [each for versions in self._resources.values() for each in versions.values()]
        return [each for each in found if each.own.name == wanted.name and not self._versions(wanted.name)]

    def _choose(self, identity: Identity) -> _Chosen:
        has_elm = identity in self._elms
        if identity not in self.texts or (has_elm and self._prefer_elm):
            return self._from_elm(identity)
        made = self._translations.of(*identity)
        if not made.errors:
            self._notes += [each.headline for each in made.diagnostics]
            return _Chosen(made.elm, self.texts.head(*identity).digest, from_text=True)
        if not has_elm:
            raise CqlError(made.errors)
        self._notes.append(_fallen_back(identity, [each.headline for each in made.errors]))
        return self._from_elm(identity)

    def _from_elm(self, identity: Identity) -> _Chosen:
        elm = self._elms.choose(identity)
        sorted_keys = orjson.dumps(elm, option=orjson.OPT_SORT_KEYS)
        return _Chosen(elm, hashlib.sha256(sorted_keys).hexdigest(), from_text=False)

    @cached_property
    def _translations(self) -> Translations:
        return Translations(self.texts)


def _fallen_back(identity: Identity, errors: list[str]) -> str:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"THE TEXT OF {identity} HAS ERRORS, ITS ELM IS EVALUATED INSTEAD: {errors[0]}{more}"


def _keys(resource: Json) -> tuple[str, ...]:
    url, id_ = resource.get("url"), resource.get("id")
    return tuple(key for key in (url, f"Library/{id_}" if id_ else None) if key)


def _contents(resource: Json) -> Json:
    """What a Library resource holds, by its kind, as base64."""
    return {_kind(each): each.get("data") for each in resource.get("content", ())}


def _kind(content: Json) -> str:
    """What a content is, without the parameters of its type (`; charset=utf-8`)."""
    return str(content.get("contentType", "")).partition(";")[0].strip()


def _listed(versions: Iterable[str | None]) -> str:
    return ", ".join(sorted(str(version) for version in versions))
