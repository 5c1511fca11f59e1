"""Makes the FHIR content of the catalog from its sources.

Reads `src/salus/catalog/sources/` (one CQL and one TOML file per measure, `valuesets.toml`), writes Measure, Library
and ValueSet resources into `src/salus/catalog/content/`, unless the CQL has errors. Run when a source changes; what it
writes is committed. The CQL text is all a Library holds: it is translated when it is evaluated.
"""

from __future__ import annotations

import base64
import json
import tomllib
from pathlib import Path
from typing import Any

from salus.cli.lint import lint_command

CATALOG = Path(__file__).resolve().parent.parent / "src/salus/catalog"
BASE = "https://salus.example/fhir"
SYSTEMS = {
    "icd-10-cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "hcpcs": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
}
POPULATION_BASIS = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-populationBasis"
CODE_SYSTEMS = "http://terminology.hl7.org/CodeSystem"
Json = dict[str, Any]


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{CODE_SYSTEMS}/{system}", "code": code}]}


def header(kind: str, key: str, version: str, title: str, date: str) -> Json:
    """The elements that every published artifact opens with."""
    return {
        "resourceType": kind,
        "id": key,
        "url": f"{BASE}/{kind}/{key}",
        "version": version,
        "name": key if kind != "ValueSet" else title.replace(" ", ""),
        "title": title,
        "status": "active",
        "date": date,
        "publisher": "Salus",
    }


def value_set(key: str, source: Json) -> Json:
    system = SYSTEMS[source["system"]]
    codes = [{"code": code, "display": display} for code, display in source["codes"].items()]
    return {
        **header("ValueSet", key, "1.0.0", source["title"], "2026-11-01"),
        "compose": {"include": [{"system": system, "concept": codes}]},
        "expansion": {
            "timestamp": "2026-11-01T00:00:00Z",
            "total": len(codes),
            "contains": [{"system": system, **code} for code in codes],
        },
    }


def attachment(content_type: str, data: bytes) -> Json:
    return {"contentType": content_type, "data": base64.b64encode(data).decode()}


def library(source: Json, cql: bytes) -> Json:
    return {
        **header("Library", source["name"], source["version"], source["title"], source["date"]),
        "type": concept("library-type", "logic-library"),
        "content": [attachment("text/cql", cql)],
    }


def population(code: str, expression: str, description: str) -> Json:
    return {
        "id": code,
        "code": concept("measure-population", code),
        "description": description,
        "criteria": {"language": "text/cql-identifier", "expression": expression},
    }


def evidence(source: Json) -> list[Json]:
    """One citation per recommendation, opening with its grade."""
    return [
        {
            "type": "citation",
            "label": each["grade"],
            "display": each["text"],
            "citation": each["citation"],
            "url": each["url"],
        }
        for each in source["evidence"]
    ]


def recommendations(source: Json) -> str:
    return "\n\n".join(f"{each['text']} {each['grade']}. {each['citation']}" for each in source["evidence"])


def measure(source: Json) -> Json:
    rows = [population(code, *texts) for code, texts in source["populations"].items()]
    return {
        **header("Measure", source["name"], source["version"], source["title"], source["date"]),
        "extension": [{"url": POPULATION_BASIS, "valueCode": "boolean"}],
        "description": source["description"],
        "usage": source["guidance"],
        "effectivePeriod": dict(zip(("start", "end"), source["period"], strict=True)),
        "topic": [{"text": source["topic"]}],
        "relatedArtifact": evidence(source),
        "library": [f"{BASE}/Library/{source['name']}|{source['version']}"],
        "scoring": concept("measure-scoring", source["scoring"]),
        "rationale": source["rationale"],
        "clinicalRecommendationStatement": recommendations(source),
        "improvementNotation": concept("measure-improvement-notation", source["improvement"]),
        "group": [{"id": "1", "population": rows}],
    }


def resources() -> list[Json]:
    sources = CATALOG / "sources"
    made = [value_set(*item) for item in tomllib.loads((sources / "valuesets.toml").read_text()).items()]
    for cql in sorted(sources.glob("*.cql")):
        source = tomllib.loads(cql.with_suffix(".toml").read_text())
        made += [measure(source), library(source, cql.read_bytes())]
    return made


def main() -> None:
    if lint_command([CATALOG / "sources"], [], as_json=False):
        raise SystemExit(1)
    content = CATALOG / "content"
    content.mkdir(exist_ok=True)
    made = resources()
    for old in content.glob("*.json"):
        old.unlink()
    for resource in made:
        path = content / f"{resource['resourceType']}-{resource['id']}.json"
        path.write_text(json.dumps(resource, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path.relative_to(CATALOG.parent.parent.parent))


if __name__ == "__main__":
    main()
