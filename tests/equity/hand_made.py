"""FHIR resources made by hand, and a population of just these: each test shows the records it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from salus.store import Population, load

Resource = dict[str, Any]
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
CDC = "urn:oid:2.16.840.1.113883.6.238"


@contextmanager
def population(resources: Iterable[Resource]) -> Iterator[Population]:
    with TemporaryDirectory() as folder:
        records, made = Path(folder, "records.ndjson"), Path(folder, "population.duckdb")
        records.write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
        load([records], made)
        with Population.open(made) as opened:
            yield opened


def patient(id: str = "p", **elements: Any) -> Resource:
    return {"resourceType": "Patient", "id": id} | elements


def us_core(url: str, *parts: tuple[str, Any]) -> Resource:
    """An extension of parts: ("ombCategory", "2106-3") or ("text", "White") or ("ombCategory", a whole
    coding).
    """
    made = []
    for part, value in parts:
        if part == "text":
            made.append({"url": part, "valueString": value})
        else:
            coding = value if isinstance(value, dict) else {"system": CDC, "code": value}
            made.append({"url": part, "valueCoding": coding})
    return {"url": url, "extension": made}


def coverage(id: str, start: str | None, end: str | None, of: str = "p", **elements: Any) -> Resource:
    period = {k: v for k, v in (("start", start), ("end", end)) if v}
    made: Resource = {"resourceType": "Coverage", "id": id, "status": "active"}
    made |= {"beneficiary": {"reference": f"Patient/{of}"}} | ({"period": period} if period else {})
    return made | elements


def claim(id: str, day: str, insurance: Resource, kind: str = "Claim", **elements: Any) -> Resource:
    made = {"resourceType": kind, "id": id, "status": "active", "patient": {"reference": "Patient/p"}}
    return made | {"billablePeriod": {"start": day}, "insurance": [{"coverage": insurance}]} | elements
