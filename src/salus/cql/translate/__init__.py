"""CQL to ELM: names and types resolved, operators chosen, every phrase as the operators it stands for.

`translate` makes the ELM of a library as JSON objects, as the reference translator writes them without annotations:
`salus.elm` reads them like any published ELM. Chapters: literals, operators, typing_, timing, properties, names,
retrieves, queries, calls (functions, methods); library and declarations hold the definitions, including opens the
libraries they include.
Leaves to others: the syntax tree (`cql.parser`), where text comes from, what ELM means.
Source: CQL 1.5, Developer's Guide; Translation Semantics; ELM r1.
"""

from __future__ import annotations

from salus.cql.conversions import Json
from salus.cql.diagnostics import Diagnostic
from salus.cql.source import Source
from salus.cql.translate import calls, literals, methods, names, operators, queries, retrieves, timing, typing_
from salus.cql.translate.including import Finder, Texts
from salus.cql.translate.library import LibraryScope
from salus.cql.translation import Translation

__all__ = ["Finder", "Texts", "Translation", "translate"]
_CHAPTERS = (calls, literals, methods, names, operators, queries, retrieves, timing, typing_)


def translate(source: Source, finder: Finder) -> Translation:
    """The ELM of a library, and everything found wrong with it. `finder` knows the libraries it may include."""
    return translate_scope(finder.scope(source))


def translate_scope(library: LibraryScope) -> Translation:
    """The ELM of a library that is open already."""
    for define in library.statements():
        library.ensure(define)
    diagnostics = library.report.diagnostics
    return Translation(_document(library, diagnostics), diagnostics)


def _document(library: LibraryScope, diagnostics: tuple[Diagnostic, ...]) -> Json:
    identifier = {"id": library.name, **({"version": library.version} if library.version else {})}
    elm: Json = {
        "annotation": [_info(), *map(_annotation, diagnostics)],
        "identifier": identifier,
        "schemaIdentifier": {"id": "urn:hl7-org:elm", "version": "r1"},
    }
    for section in ("usings", "includes", "parameters", "codeSystems", "valueSets", "codes", "concepts"):
        if entries := library.declared.sections.get(section):
            elm[section] = {"def": entries}
    if library.contexts:
        contexts = {node.name.text: node for node in reversed(library.contexts)}
        elm["contexts"] = {"def": [library.tr.place({"name": name}, node) for name, node in contexts.items()]}
    elm["statements"] = {"def": [define.elm for define in library.statements() if define.elm is not None]}
    return elm


def _info() -> Json:
    return {"type": "CqlToElmInfo", "translatorVersion": "salus", "translatorOptions": "EnableLocators"}


def _annotation(found: Diagnostic) -> Json:
    """A finding as ELM has it."""
    return {
        "type": "CqlToElmError",
        "libraryId": found.library,
        "startLine": found.line,
        "startChar": found.column,
        "endLine": found.end_line,
        "endChar": found.end_column,
        "message": found.message,
        "errorType": "semantic",
        "errorSeverity": found.severity,
    }
