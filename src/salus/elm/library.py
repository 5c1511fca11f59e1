"""A library of ELM: its definitions by name, parsed when asked for, and the libraries it includes.

`Includes` opens libraries through a `LibrarySource` (the content given by the user), once each, and says who asked when
one is missing. Leaves to others: where libraries are stored, and what definitions mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from salus.elm import nodes as n
from salus.elm.parse import parse_definition, parse_parameter
from salus.errors import SalusError

UNFILTERED = ("Unfiltered", "Population")
"""Contexts of more than one patient; translators write them for libraries that have no `context` (CQL 1.5, Author's
Guide, "Context")."""


class LibrarySource(Protocol):
    """Where ELM comes from. `library` returns the object under `library` of an ELM document, or raises SalusError."""

    def library(self, name: str, version: str | None, asked_by: str) -> Mapping[str, Any]: ...


class Library:
    """One ELM library. Definitions are parsed on first use: most libraries are large and little of them is used."""

    def __init__(self, elm: Mapping[str, Any]) -> None:
        self._elm = elm
        self.name: str = elm["identifier"]["id"]
        self.version: str = elm["identifier"].get("version", "")
        self._parsed: dict[int, n.ExpressionDef | n.FunctionDef] = {}

    @property
    def label(self) -> str:
        """`Name version`, as messages say it."""
        return f"{self.name} {self.version}".strip()

    def _definitions(self, section: str) -> list[Mapping[str, Any]]:
        return list((self._elm.get(section) or {}).get("def", ()))

    @cached_property
    def errors(self) -> list[str]:
        """What the translator could not make sense of, as it says it; such places are null in the ELM."""
        return [
            f"line {note.get('startLine', '?')}: {note.get('message', 'unknown error')}"
            for note in self._elm.get("annotation", ())
            if note.get("type") == "CqlToElmError" and note.get("errorSeverity", "error") == "error"
        ]

    @property
    def out_of_context(self) -> list[str]:
        """The defines parsed so far that retrieve though no context was said."""
        if self._leaves_patients:
            return []
        return [
            statement["name"]
            for statement in self._definitions("statements")
            if statement.get("context") in UNFILTERED and id(statement) in self._parsed and _retrieves(statement)
        ]

    @cached_property
    def _leaves_patients(self) -> bool:
        """Whether the library says that some of its definitions stand in no patient's context."""
        return any(said["name"] in UNFILTERED for said in self._definitions("contexts"))

    def of_everyone(self, definition: n.ExpressionDef) -> bool:
        """Whether a define is one value over all records, not one for each patient: where the library says so, not
        where it merely says no context."""
        return definition.context in UNFILTERED and self._leaves_patients

    @cached_property
    def includes(self) -> dict[str, tuple[str, str | None]]:
        """Local name -> (library name, version)."""
        return {i["localIdentifier"]: (i["path"], i.get("version")) for i in self._definitions("includes")}

    @cached_property
    def value_sets(self) -> dict[str, Mapping[str, Any]]:
        return {d["name"]: d for d in self._definitions("valueSets")}

    @cached_property
    def code_systems(self) -> dict[str, Mapping[str, Any]]:
        return {d["name"]: d for d in self._definitions("codeSystems")}

    @cached_property
    def codes(self) -> dict[str, Mapping[str, Any]]:
        return {d["name"]: d for d in self._definitions("codes")}

    @cached_property
    def concepts(self) -> dict[str, Mapping[str, Any]]:
        return {d["name"]: d for d in self._definitions("concepts")}

    @cached_property
    def parameters(self) -> dict[str, n.ParameterDef]:
        return {d["name"]: parse_parameter(d) for d in self._definitions("parameters")}

    @cached_property
    def _statements(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for statement in self._definitions("statements"):
            found.setdefault(statement["name"], []).append(statement)
        return found

    def statements(self, name: str) -> list[Mapping[str, Any]]:
        """The statements called `name` as ELM JSON, with their annotations."""
        return self._statements.get(name, [])

    def _parse(self, statement: Mapping[str, Any]) -> n.ExpressionDef | n.FunctionDef:
        if id(statement) not in self._parsed:
            self._parsed[id(statement)] = parse_definition(statement)
        return self._parsed[id(statement)]

    def expression(self, name: str, asked_by: str = "") -> n.ExpressionDef:
        """The define called `name`; SalusError when the library has none.

        A function without operands is asked for as a define: what a measure on patient basis observes (Quality Measure
        IG, conformance requirement 3.13).
        """
        for statement in self._statements.get(name, ()):
            definition = self._parse(statement)
            if isinstance(definition, n.ExpressionDef):
                return definition
            if not definition.operands and definition.expression is not None:
                return _as_define(definition)
        raise SalusError(f'{self.label} has no define "{name}"' + (f", which {asked_by} asks for" if asked_by else ""))

    def closest(self, name: str) -> str:
        """`name`, or the one definition that is spelled so but for upper and lower case; `name` when there is none."""
        alike = [found for found in self._statements if found.lower() == name.lower()]
        return alike[0] if name not in self._statements and len(alike) == 1 else name

    def functions(self, name: str, operands: int | None = None) -> list[n.FunctionDef]:
        """All overloads of the function called `name` (of so many operands), in the order of the library."""
        parsed = (self._parse(statement) for statement in self._statements.get(name, ()) if _takes(statement, operands))
        return [definition for definition in parsed if isinstance(definition, n.FunctionDef)]

    def has_function(self, name: str, operands: int) -> bool:
        """Whether there is such a function; hundreds of overloads need not be parsed to know."""
        there = (each for each in self._statements.get(name, ()) if each.get("type") == "FunctionDef")
        return any(_takes(each, operands) for each in there)

    def define_names(self) -> list[str]:
        """The names of the defines (functions left out)."""
        return [name for name, found in self._statements.items() if found[0].get("type") != "FunctionDef"]


def _takes(statement: Mapping[str, Any], operands: int | None) -> bool:
    return operands is None or len(statement.get("operand", ())) == operands


def _retrieves(part: Any) -> bool:
    """Whether a part of an ELM document retrieves."""
    if isinstance(part, dict):  # as JSON has them
        return part.get("type") == "Retrieve" or any(map(_retrieves, part.values()))
    return isinstance(part, list) and any(map(_retrieves, part))


def _as_define(function: n.FunctionDef) -> n.ExpressionDef:
    assert function.expression is not None
    return n.ExpressionDef(
        function.name, function.context, function.expression, locator=function.locator, local_id=function.local_id
    )


class Includes:
    """Opens libraries by name and version, each once."""

    def __init__(self, source: LibrarySource) -> None:
        self._source = source
        self._open: dict[tuple[str, str | None], Library] = {}

    def open(self, name: str, version: str | None, asked_by: str) -> Library:
        """The library, parsed once per run; a missing one raises SalusError that names it and `asked_by`."""
        key = (name, version)
        if key not in self._open:
            self._open[key] = Library(self._source.library(name, version, asked_by))
        return self._open[key]

    def opened(self) -> list[Library]:
        """The libraries opened so far."""
        return list(self._open.values())

    def included(self, library: Library, alias: str | None) -> Library:
        """The library that `alias` stands for in `library`; itself when alias is None."""
        if alias is None:
            return library
        if alias not in library.includes:
            raise SalusError(f"{library.label} does not include a library called {alias}")
        name, version = library.includes[alias]
        return self.open(name, version, library.label)

    def warnings(self) -> list[str]:
        """What the user should know of the libraries opened and the defines parsed so far."""
        found = []
        for each in self._open.values():
            if each.errors:
                many = f"{each.label} was translated with {len(each.errors)} errors, null there"
                found.append(f"{many}: {'; '.join(each.errors)}")
            if names := each.out_of_context:
                said = ", ".join(f'"{name}"' for name in names)
                found.append(
                    f"{each.label} says no context for {said}: what it finds are the records of one patient at a time, "
                    "as in `context Patient`; those of all are found in `context Unfiltered`"
                )
        return found
