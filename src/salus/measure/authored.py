"""A measure and its value sets as their author writes them, in TOML, as the FHIR resources that everyone else reads.

A file may hold one `[measure]` (what it says of itself; its criteria are defines of the CQL library of the same name
that stands beside it) and any number of `[valueset.KEY]` (title, and codes by system). docs/authoring.md shows both.
Leaves to others: the CQL (`cql`), tests of the measure (`measure.testing`), measures of tables (`measure.table`).
Sources: FHIR R4 Measure, ValueSet; the Quality Measure IG for the extensions.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from salus.errors import SalusError
from salus.measure.definition import NOT_BY, OBSERVATIONS, SCORINGS
from salus.measure.flow import CODES
from salus.measure.forms import PLAIN, TABLE, TABLES, TEXT, TEXTS, TWO, check, held, needed, one_of, tables
from salus.terminology.systems import HL7, system

Json = dict[str, Any]
TOML: Final = ".toml"
"""How the names of files end that an author writes."""
BASE: Final = "https://salus.example/fhir"
"""Where an artifact is taken to be published that does not say (`base`)."""

_EXTENSION: Final = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"
_HEADS: Final = re.compile(rb"^\s*\[\[?(measure|valueset)\b", re.MULTILINE)
_DATED: Final = "1970-01-01"  # when an expansion was made that says nothing of it: FHIR asks for some day
_PUBLISHED: Final = dict.fromkeys(("version", "date", "title", "publisher"), PLAIN) | {"base": TEXT}
_VALUE_SET: Final = {**_PUBLISHED, "url": TEXT, "codes": TABLE}
_RATE: Final = {"populations": TABLE, "stratifiers": TABLE}
_GROUP: Final = {**_RATE, "id": PLAIN, "description": TEXT}
_TEXTS: Final = ("clause", "scoring", "improvement", "basis", "description", "rationale", "guidance", "data", "limits")
_MEASURE: Final = {
    **_PUBLISHED,
    **_RATE,
    **dict.fromkeys(_TEXTS, TEXT),
    "name": PLAIN,
    "period": TWO,
    "not_by": TEXTS,
    "evidence": TABLES,
    "group": TABLES,
    "table": TABLE,
}
_CRITERION: Final = dict.fromkeys(("expression", "description", "method", "of"), TEXT)
_CITATION: Final = (("label", "grade"), ("display", "text"), ("citation", "citation"), ("url", "url"))
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
    for key, source in tables(said.get("valueset", {}), f"{where}, [valueset]").items():
        yield value_set(key, source, f"{where}, [valueset.{key}]")
    found = measure_of(said, where)
    if found and "table" not in found:
        yield measure(found, f"{where}, [measure]")


def measure_of(said: Json, where: str) -> Json:
    """The `[measure]` of a file that was read; nothing in it where there is none. Raises SalusError."""
    found = said.get("measure", {})
    check(found, TABLE, f"{where}, [measure]")
    return dict(found)


def value_set(key: str, source: Mapping[str, Any], where: str) -> Json:
    """A ValueSet whose codes are written out: `codes.SYSTEM.CODE = "what it means"`."""
    held(source, _VALUE_SET, where)
    title = str(needed(source, "title", where))
    by_system = {
        system(name): [{"code": code, "display": display} for code, display in codes.items()]
        for name, codes in _codes(needed(source, "codes", where), f"{where}, codes")
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


def _codes(by_system: Json, where: str) -> Iterator[tuple[str, Json]]:
    for name, codes in by_system.items():
        yield name, tables(codes, f"{where}.{name}", TEXT)


def measure(source: Mapping[str, Any], where: str) -> Json:
    """A Measure whose library has the measure's name and version."""
    held(source, _MEASURE, where)
    name = str(needed(source, "name", where))
    scoring = one_of(needed(source, "scoring", where), SCORINGS, f"{where}: scoring")
    evidence = list(_evidence(source.get("evidence", ()), where))
    made = {
        **_header("Measure", name, source, str(source.get("title") or name)),
        "name": name,
        "extension": list(_extensions(source)),
        "description": source.get("description", ""),
        "usage": source.get("guidance", ""),
        "topic": [{"text": source["clause"]}] if "clause" in source else [],
        "relatedArtifact": evidence,
        "library": [f"{source.get('base', BASE)}/Library/{name}|{source.get('version', '1.0.0')}"],
        "scoring": concept("measure-scoring", scoring),
        "rationale": source.get("rationale", ""),
        "clinicalRecommendationStatement": _recommendations(evidence),
        "group": list(_groups(source, where)),
    }
    if "period" in source:
        made["effectivePeriod"] = dict(zip(("start", "end"), map(str, source["period"]), strict=True))
    if "improvement" in source:
        notation = one_of(source["improvement"], _NOTATIONS, f"{where}: improvement")
        made["improvementNotation"] = concept("measure-improvement-notation", notation)
    return {key: value for key, value in made.items() if value not in ("", [])}


def _extensions(source: Mapping[str, Any]) -> Iterator[Json]:
    yield {"url": f"{_EXTENSION}populationBasis", "valueCode": source.get("basis", "boolean")}
    yield from ({"url": NOT_BY, "valueString": attribute} for attribute in source.get("not_by", ()))


def concept(of: str, code: str) -> Json:
    """A concept of one of HL7's own code systems."""
    return {"coding": [{"system": HL7 + of, "code": code}]}


def populations(rows: Mapping[str, Any], where: str) -> Iterator[tuple[str, Json]]:
    """Each population with its criterion: `expression`, `description`, and of an observation `method` and `of`.

    Written as `CODE = "Define"`, `CODE = ["Define", "what it means"]`, or a table of those keys.
    """
    for key, said in rows.items():
        one_of(key, (*CODES, *OBSERVATIONS), where)
        match said:
            case str():
                yield key, {"expression": said}
            case [str(define), str(description)]:
                yield key, {"expression": define, "description": description}
            case {"expression": str()}:
                yield key, held(said, _CRITERION, f"{where}, {key}")
            case _:
                raise SalusError(f'{where}: {key} is written "Define" or ["Define", "what it means"]')


def _recommendations(evidence: Iterable[Mapping[str, str]]) -> str:
    """The recommendations a measure rests on, each with its grade and citation, as text."""
    return "\n\n".join(f"{each['display']} {each['label']}. {each['citation']}" for each in evidence)


def _groups(source: Mapping[str, Any], where: str) -> Iterator[Json]:
    """The rates of a measure: `[[measure.group]]`s, or the one whose populations the measure itself holds."""
    for position, group in enumerate(source.get("group") or [source]):
        place = where if group is source else f"{where}, group {position + 1}"
        own = {} if group is source else held(group, _GROUP, place)
        rows = needed(group, "populations", place)
        made: Json = {"id": str(own.get("id", position + 1))}
        if "description" in own:
            made["description"] = own["description"]
        made["population"] = [_population(code, said) for code, said in populations(rows, f"{where}, populations")]
        strata = tables(group.get("stratifiers", {}), f"{where}, stratifiers", TEXT)
        stratifiers = [_stratifier(*item) for item in strata.items()]
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


def _evidence(listed: Iterable[Any], where: str) -> Iterator[Json]:
    """One citation per recommendation, opening with its grade."""
    for position, each in enumerate(listed, 1):
        said = held(each, {key: TEXT for _, key in _CITATION}, f"{where}, evidence {position}")
        for key in ("grade", "text", "citation"):
            needed(said, key, f"{where}, evidence {position}")
        yield {"type": "citation", **{element: said[key] for element, key in _CITATION if key in said}}


def _header(kind: str, key: str, source: Mapping[str, Any], title: str) -> Json:
    """The elements that every published artifact opens with."""
    url = source.get("url") or f"{source.get('base', BASE)}/{kind}/{key}"
    version = str(source.get("version", "1.0.0"))
    head = {"resourceType": kind, "id": key, "url": url, "version": version, "title": title, "status": "active"}
    said = {name: str(source[name]) for name in ("date", "publisher") if name in source}
    return head | said
