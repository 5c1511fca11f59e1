"""A measure and its value sets as their author writes them, in TOML, as the FHIR resources that everyone else reads.

A file may hold one `[measure]` (what it says of itself; its criteria are defines of the CQL library of the same name
that stands beside it) and any number of `[valueset.KEY]` (title, and codes by system). docs/authoring.md shows both.
Leaves to others: the CQL (`cql`), tests of the measure (`measure.testing`), measures of tables (`measure.table`).
Sources: FHIR R4 Measure, ValueSet; the Quality Measure IG for the extensions.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from salus.cql.diagnostics import did_you_mean
from salus.errors import SalusError
from salus.measure.definition import OBSERVATIONS, SCORINGS
from salus.measure.flow import POPULATIONS
from salus.terminology.systems import HL7, system

Json = dict[str, Any]
TOML: Final = ".toml"
"""How the names of files end that an author writes."""
BASE: Final = "https://salus.example/fhir"
"""Where an artifact is taken to be published that does not say (`base`)."""

_EXTENSION: Final = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"
_HEADS: Final = re.compile(rb"^\s*\[\[?(measure|valueset)\b", re.MULTILINE)
_DATED: Final = "1970-01-01"  # when an expansion was made that says nothing of it: FHIR asks for some day
_KEYS: Final = (
    *("name", "version", "date", "title", "base", "publisher", "clause", "scoring", "improvement", "basis", "period"),
    *("description", "rationale", "guidance", "data", "limits", "evidence"),
    *("populations", "group", "stratifiers", "table"),
)
_CODES: Final = frozenset([*(name.replace("_", "-") for name in POPULATIONS), *OBSERVATIONS])
_NOTATIONS: Final = ("increase", "decrease")


def is_authored(data: bytes) -> bool:
    """Whether a TOML file holds a measure or value sets; other files of that kind are nobody's business here."""
    return _HEADS.search(data) is not None


def read(data: bytes, where: str) -> Json:
    """The file as its tables. Raises SalusError naming the file and the line."""
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SalusError(f"{where}: {problem}") from None


def resources(data: bytes, where: str) -> Iterator[Json]:
    """The FHIR resources a file stands for; none of a measure of a table. Raises SalusError naming file and key."""
    said = read(data, where)
    for key, source in said.get("valueset", {}).items():
        yield value_set(key, source, f"{where}, [valueset.{key}]")
    if "measure" in said and "table" not in said["measure"]:
        yield measure(said["measure"], f"{where}, [measure]")


def value_set(key: str, source: Mapping[str, Any], where: str) -> Json:
    """A ValueSet whose codes are written out: `codes.SYSTEM.CODE = "what it means"`."""
    title = str(_needed(source, "title", where))
    by_system = {
        system(name): [{"code": code, "display": display} for code, display in codes.items()]
        for name, codes in _needed(source, "codes", where).items()
    }
    contains = [{"system": name, **code} for name, codes in by_system.items() for code in codes]
    return {
        **_header("ValueSet", key, source, title),
        "name": re.sub(r"\W+", "", title),
        "compose": {"include": [{"system": name, "concept": codes} for name, codes in by_system.items()]},
        "expansion": {
            "timestamp": f"{source.get('date', _DATED)}T00:00:00Z",
            "total": len(contains),
            "contains": contains,
        },
    }


def measure(source: Mapping[str, Any], where: str) -> Json:
    """A Measure whose library has the measure's name and version."""
    check_keys(source, where)
    name = str(_needed(source, "name", where))
    scoring = _one_of(_needed(source, "scoring", where), SCORINGS, f"{where}: scoring")
    made = {
        **_header("Measure", name, source, str(source.get("title") or name)),
        "name": name,
        "extension": [{"url": f"{_EXTENSION}populationBasis", "valueCode": source.get("basis", "boolean")}],
        "description": source.get("description", ""),
        "usage": source.get("guidance", ""),
        "topic": [{"text": source["clause"]}] if "clause" in source else [],
        "relatedArtifact": [_evidence(each) for each in source.get("evidence", ())],
        "library": [f"{source.get('base', BASE)}/Library/{name}|{source.get('version', '1.0.0')}"],
        "scoring": concept("measure-scoring", scoring),
        "rationale": source.get("rationale", ""),
        "clinicalRecommendationStatement": recommendations(source),
        "group": list(_groups(source, where)),
    }
    if "period" in source:
        made["effectivePeriod"] = dict(zip(("start", "end"), map(str, source["period"]), strict=True))
    if "improvement" in source:
        notation = _one_of(source["improvement"], _NOTATIONS, f"{where}: improvement")
        made["improvementNotation"] = concept("measure-improvement-notation", notation)
    return {key: value for key, value in made.items() if value not in ("", [])}


def check_keys(source: Mapping[str, Any], where: str) -> None:
    """Raise SalusError for a key that says nothing to anyone: most often one that is misspelt."""
    for key in source:
        _one_of(key, _KEYS, where)


def concept(of: str, code: str) -> Json:
    """A concept of one of HL7's own code systems."""
    return {"coding": [{"system": HL7 + of, "code": code}]}


def populations(rows: Mapping[str, Any], where: str) -> Iterator[tuple[str, Json]]:
    """Each population with its criterion: `expression`, `description`, and of an observation `method` and `of`.

    Written as `CODE = "Define"`, `CODE = ["Define", "what it means"]`, or a table of those keys.
    """
    for key, said in rows.items():
        _one_of(key, sorted(_CODES), where)
        match said:
            case str():
                yield key, {"expression": said}
            case [str(define), str(description)]:
                yield key, {"expression": define, "description": description}
            case {"expression": str()}:
                yield key, dict(said)
            case _:
                raise SalusError(f'{where}: {key} is written "Define" or ["Define", "what it means"]')


def recommendations(source: Mapping[str, Any]) -> str:
    """The recommendations a measure rests on, each with its grade and citation, as text."""
    return "\n\n".join(f"{each['text']} {each['grade']}. {each['citation']}" for each in source.get("evidence", ()))


def _groups(source: Mapping[str, Any], where: str) -> Iterator[Json]:
    """The rates of a measure: `[[measure.group]]`s, or the one whose populations the measure itself holds."""
    for position, group in enumerate(source.get("group") or [source]):
        rows = _needed(group, "populations", f"{where}, group {position + 1}" if "group" in source else where)
        made: Json = {"id": str(group["id"] if group is not source and "id" in group else position + 1)}
        if group is not source and "description" in group:
            made["description"] = group["description"]
        made["population"] = [_population(code, said) for code, said in populations(rows, f"{where}, populations")]
        stratifiers = [_stratifier(*item) for item in group.get("stratifiers", {}).items()]
        yield made | ({"stratifier": stratifiers} if stratifiers else {})


def _population(code: str, said: Mapping[str, Any]) -> Json:
    row: Json = {
        "id": code,
        "code": concept("measure-population", code),
        "criteria": {"language": "text/cql-identifier", "expression": said["expression"]},
    }
    if "description" in said:
        row["description"] = said["description"]
    extensions = [
        {"url": f"{_EXTENSION}{name}", "valueString": said[key]}
        for key, name in (("method", "aggregateMethod"), ("of", "criteriaReference"))
        if key in said
    ]
    return row | ({"extension": extensions} if extensions else {})


def _stratifier(name: str, define: str) -> Json:
    return {"id": name, "criteria": {"language": "text/cql-identifier", "expression": define}}


def _evidence(each: Mapping[str, str]) -> Json:
    """One citation per recommendation, opening with its grade."""
    names = (("label", "grade"), ("display", "text"), ("citation", "citation"), ("url", "url"))
    return {"type": "citation", **{element: each[key] for element, key in names if key in each}}


def _header(kind: str, key: str, source: Mapping[str, Any], title: str) -> Json:
    """The elements that every published artifact opens with."""
    url = source.get("url") or f"{source.get('base', BASE)}/{kind}/{key}"
    version = str(source.get("version", "1.0.0"))
    head = {"resourceType": kind, "id": key, "url": url, "version": version, "title": title, "status": "active"}
    said = {name: str(source[name]) for name in ("date", "publisher") if name in source}
    return head | said


def _needed(source: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in source:
        raise SalusError(f"{where} needs {key}")
    return source[key]


def _one_of(value: Any, allowed: Any, where: str) -> str:
    if value not in allowed:
        raise SalusError(f"{where}: {value!r} is not known; {did_you_mean(str(value), list(allowed))}".rstrip("; "))
    return str(value)
