"""The data models a library may be written against: what types they have, what these hold, and how they convert.

The facts are `salus.fhir/models/*.json` (derived by `scripts/derive_models.py`, which states their form). A model that
is asked for in a version there is no table of is answered with the nearest one, and `found_for` says so.
Leaves to others: subtyping and generics (`cql.types`), conversions (`cql.conversions`), meaning.
Source: CQL 1.5, Using Definitions; ELM model info r1 (https://cql.hl7.org/07-physicalrepresentation.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import orjson
from msgspec import Struct

from salus.cql.supplement import elements_left_out, former_class
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, Type


class Element(Struct, frozen=True):
    """An element of a class: its type, and how ELM reads it from the target model (`%value.value`), if it says."""

    name: str
    type: Type
    target: str = ""


class Context(Struct, frozen=True):
    """A context of a model (`Patient`): its class, the key's element and the path of the date of birth."""

    class_type: Named
    key: str
    birth_date: str


class ClassInfo:
    """A type of a model. `code` is its primary code path; `url` the profile or structure; `target` ELM's class name."""

    __slots__ = (
        "_elements",
        "_entry",
        "_local",
        "_model",
        "base",
        "code",
        "label",
        "name",
        "retrievable",
        "target",
        "url",
    )

    def __init__(self, model: Model, local: str, entry: Mapping[str, Any]) -> None:
        self._model, self._local, self._entry = model, local, entry
        self._elements: dict[str, Element] | None = None
        self.name = Named(f"{model.name}.{local}")
        self.base: Type = model.read(entry["base"]) if entry.get("base") else ANY
        self.url: str = entry.get("id", "")
        self.label: str = entry.get("label", "")
        self.code: str = entry.get("code", "")
        self.target: str = entry.get("target", local)
        self.retrievable: bool = entry.get("retrievable", False)

    @property
    def elements(self) -> Mapping[str, Element]:
        """The elements the class itself declares; those of its base are the base's."""
        if self._elements is None:
            raw = {**self._entry.get("elements", {}), **elements_left_out(self._local)}
            self._elements = {name: self._model.element(name, value) for name, value in raw.items()}
        return self._elements


class Model:
    """One model in one version."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self._shared: list[str] = table.get("shared", [])
        self._classes: dict[str, ClassInfo] = {}
        self._stand_ins: dict[str, ClassInfo] = {}
        self._read: dict[str, Type] = {}
        self.name: str = table["name"]
        self.version: str = table["version"]
        self.url: str = table.get("target_url", table["url"])
        self.patient: str = table.get("patient", "")
        self.birth_date: str = table.get("birth_date", "")

    def read(self, text: str) -> Type:
        """The type a specifier of the table spells."""
        if text not in self._read:
            spelled = self._shared[int(text[1:])] if text.startswith("#") else text
            self._read[text] = read_type(spelled, self._qualified)
        return self._read[text]

    def _qualified(self, name: str) -> Named:
        return Named(name if name.startswith("System.") else f"{self.name}.{name}")

    def element(self, name: str, value: str | list[str]) -> Element:
        """An element as the table writes it."""
        spec, target = (value, "") if isinstance(value, str) else value
        return Element(name, self.read(spec), target)

    def find(self, local: str) -> ClassInfo | None:
        """The type of that name."""
        if local not in self._classes:
            entry = self._table["types"].get(local)
            if entry is None:
                return None
            self._classes[local] = ClassInfo(self, local, entry)
        return self._classes[local]

    def stand_in(self, local: str) -> ClassInfo | None:
        """A class that another version of the model has: under its name there, or where this version has profiles of
        it, with all their elements."""
        if local not in self._stand_ins:
            former = former_class(self._table["types"], local)
            if former is not None:
                self._stand_ins[local] = ClassInfo(self, local, former)
                return self._stand_ins[local]
            profiles = [entry for entry in self._table["types"].values() if entry.get("target") == local]
            if not profiles:
                return None
            elements = {name: value for entry in reversed(profiles) for name, value in entry["elements"].items()}
            url = f"{self._table['url']}/StructureDefinition/{self.name.lower()}-{local.lower()}"
            self._stand_ins[local] = ClassInfo(self, local, {**profiles[0], "elements": elements, "id": url})
        return self._stand_ins[local]

    def known(self, local: str) -> ClassInfo | None:
        """The type of that name, or what already stands in for one."""
        return self.find(local) or self._stand_ins.get(local)

    def find_label(self, label: str) -> ClassInfo | None:
        """The type a retrieve may call by its label, such as "QICore Encounter"."""
        local = self._labels.get(label)
        return self.find(local) if local else None

    @cached_property
    def _labels(self) -> dict[str, str]:
        types = self._table["types"].items()
        return {entry["label"]: name for name, entry in types if "label" in entry}

    def names(self) -> list[str]:
        """The names of all types."""
        return list(self._table["types"])

    @cached_property
    def contexts(self) -> Mapping[str, Context]:
        table = self._table.get("contexts", {}).items()
        return {name: Context(self._qualified(kind), key, birth) for name, (kind, key, birth) in table}

    @cached_property
    def conversions(self) -> Mapping[tuple[str, Type], str]:
        """(type's full name, target) -> the function that converts implicitly."""
        table = self._table.get("conversions", ())
        return {(f"{self.name}.{source}", self.read(target)): function for source, target, function in table}


def read_type(text: str, named: Any) -> Type:
    """The type that `List<Interval<System.Date>>` spells; `named` makes a type of a plain name."""
    if not text.endswith(">"):
        plain: Type = named(text)
        return plain
    kind, _, inner = text[:-1].partition("<")
    parts = [read_type(part, named) for part in _split(inner)]
    if kind == "Choice":
        return choice_of(parts)
    return ListOf(parts[0]) if kind == "List" else IntervalOf(parts[0])


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand outside of brackets."""
    depth, start = 0, 0
    for index, char in enumerate(text):
        depth += (char == "<") - (char == ">")
        if char == "," and depth == 0:
            yield text[start:index].strip()
            start = index + 1
    yield text[start:].strip()


def choice_of(types: list[Type]) -> Type:
    """A choice of types: choices inside are opened, each type is there once, sorted; one type is no choice."""
    flat: dict[Type, None] = {}
    for each in types:
        flat |= dict.fromkeys(each.types if isinstance(each, ChoiceOf) else (each,))
    kept = sorted(flat, key=_order)
    return kept[0] if len(kept) == 1 else ChoiceOf(tuple(kept))


def _order(type_: Type) -> tuple[bool, str]:
    return not isinstance(type_, Named), str(type_)


@cache
def _files() -> Mapping[str, Mapping[str, str]]:
    """Lower-case model name -> version -> file name."""
    found: dict[str, dict[str, str]] = {}
    for file in files("salus.fhir").joinpath("models").iterdir():
        name, _, rest = file.name.partition("-")
        if rest.endswith(".json"):
            found.setdefault(name, {})[rest.removesuffix(".json")] = file.name
    return found


@cache
def _load(file: str) -> Model:
    return Model(orjson.loads(files("salus.fhir").joinpath("models", file).read_bytes()))


@cache
def model(name: str, version: str | None = None) -> Model | None:
    """The model, in the version asked for or the nearest there is; None when there is no such model."""
    versions = _files().get(name.lower())
    if not versions:
        return None
    return _load(versions[_nearest(version, list(versions))])


def found_for(name: str, version: str | None) -> str | None:
    """What to tell who asked for a version there is no table of; None when there is one, or any would do."""
    found = model(name, version)
    if found is None or version in (None, found.version):
        return None
    return f"{name} {version} is read as {found.name} {found.version}, the nearest version known here"


def similar(name: str) -> str | None:
    """The known model whose name is most like `name`."""
    close = get_close_matches(name.lower(), _files(), 1, 0.5)
    return model(close[0]).name if close else None  # type: ignore[union-attr]


def _nearest(version: str | None, known: list[str]) -> str:
    """The version itself, else the one that shares most leading parts with it, else the newest."""
    wanted = _numbers(version or "")

    def likeness(candidate: str) -> tuple[int, tuple[int, ...]]:
        parts = _numbers(candidate)
        same = next(
            (i for i, (a, b) in enumerate(zip(parts, wanted, strict=False)) if a != b), min(len(parts), len(wanted))
        )
        return same, parts

    return version if version in known else max(known, key=likeness)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def class_info(type_: Type) -> ClassInfo | None:
    """What is known of a named type, whichever model it is of."""
    if not isinstance(type_, Named):
        return None
    name, _, local = type_.name.partition(".")
    owner = model(name)
    return owner.known(local) if owner else None
