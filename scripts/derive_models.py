"""Derive `src/salus/fhir/models/*.json`, the data models CQL can be written against, from model descriptions.

Reads every `*-modelinfo-*.xml` (and `system-modelinfo.xml`) of a folder, as published by clinical_quality_language
(Apache-2.0), and writes one compact JSON file per model and version, `NAME-VERSION.json`; a rerun on the same input
writes the same bytes. Leaves to `salus.cql.models` every question about what the facts mean.

    python scripts/derive_models.py ../shared/data/modelinfo

A file's parts (a key without a value is left out):
- `name`, `version`, `url`; `target_url`: the namespace that ELM names its types in, when not `url`;
  `requires`: other models it names types of; `patient`: its patient class, `birth_date`: the path of the date of birth.
- `types`: name -> `base`; `elements`: name -> specifier or [specifier, target]; `id`: the profile or structure URL;
  `label`; `retrievable`; `code`: primary code path; `target`: the class ELM names instead; `contexts`: context ->
  elements that relate to it. A specifier is a type's name (of this model, or with its model before a dot),
  `List<..>`, `Interval<..>` or `Choice<.., ..>`; one that many elements share is `#n`, the n-th of `shared`.
- `contexts`: name -> [class, key element, birth date element].
- `conversions`: [from, to, function], the implicit conversions.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KIND = "{http://www.w3.org/2001/XMLSchema-instance}type"
SHARED_FROM = 40  # characters from which a specifier that occurs more than once is written once


def main(folder: Path, target: Path) -> None:
    """Write a table into `target` for every model description in `folder`."""
    target.mkdir(exist_ok=True)
    for path in sorted(folder.glob("*-modelinfo*.xml")):
        root = _without_namespaces(ET.parse(path).getroot())
        table = _model(root)
        text = json.dumps(table, indent=0, separators=(",", ":"), ensure_ascii=False)
        (target / f"{table['name'].lower()}-{table['version']}.json").write_text(text + "\n", encoding="utf-8")


def _without_namespaces(root: ET.Element) -> ET.Element:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _model(root: ET.Element) -> dict[str, Any]:
    name = root.get("name", "")
    types = dict(sorted(_types(root, name)))
    return _given(
        name=name,
        version=root.get("version"),
        url=root.get("url"),
        target_url=root.get("targetUrl"),
        requires=[r.get("name") for r in root.findall("requiredModelInfo")],
        patient=_own(root.get("patientClassName"), name),
        birth_date=root.get("patientBirthDatePropertyName"),
        shared=_share(types),
        types=types,
        contexts={c.get("name"): _context(c) for c in root.findall("contextInfo")},
        conversions=[_conversion(c, name) for c in root.findall("conversionInfo")],
    )


def _given(**facts: object) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value}


def _types(root: ET.Element, model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for info in root.findall("typeInfo"):
        base = info.find("baseTypeSpecifier")
        contexts: dict[str, list[str]] = {}
        for relation in info.findall("contextRelationship"):
            contexts.setdefault(relation.get("context", ""), []).append(relation.get("relatedKeyElement", ""))
        yield (
            _own(info.get("name"), model),
            _given(
                base=_own(info.get("baseType"), model) if base is None else _specifier(base, model),
                id=info.get("identifier"),
                label=info.get("label"),
                retrievable=info.get("retrievable") == "true",
                code=info.get("primaryCodePath"),
                target=info.get("target"),
                elements={e.get("name"): _element(e, model) for e in info.findall("element")},
                contexts=contexts,
            ),
        )


def _element(element: ET.Element, model: str) -> str | list[str]:
    nested = next((e for e in element if e.tag in ("elementTypeSpecifier", "typeSpecifier")), None)
    plain = element.get("elementType") or element.get("type")
    specifier = _own(plain, model) if plain else _specifier(nested, model)
    return [specifier, target] if (target := element.get("target")) else specifier


def _specifier(spec: ET.Element | None, model: str) -> str:
    """A specifier as text; an element that states no type can be anything."""
    if spec is None:
        return "System.Any"
    kind = spec.get(KIND, "").rpartition(":")[2]
    if kind == "ChoiceTypeSpecifier":
        return f"Choice<{','.join(_specifier(choice, model) for choice in _choices(spec))}>"
    if kind in ("ListTypeSpecifier", "IntervalTypeSpecifier"):
        inner = spec.get("elementType") or spec.get("pointType")
        return f"{kind[:-13]}<{_own(inner, model) if inner else _specifier(spec[0], model)}>"
    return _own(f"{spec.get('namespace') or model}.{spec.get('name')}", model)


def _choices(spec: ET.Element) -> list[ET.Element]:
    """The alternatives: the choices; FHIR's description says them twice, as `type` and as `choice`."""
    return spec.findall("choice") or [child for child in spec if child.tag in ("type", "typeSpecifier")]


def _own(name: str | None, model: str) -> str:
    return (name or "").removeprefix(f"{model}.")


def _share(types: dict[str, dict[str, Any]]) -> list[str]:
    """Take long specifiers that occur more than once out of the types; where they stood, `#n` stands."""
    elements = [entry["elements"] for entry in types.values() if "elements" in entry]
    count = Counter(_first(value) for group in elements for value in group.values())
    shared = sorted(text for text, n in count.items() if n > 1 and len(text) >= SHARED_FROM)
    place = {text: f"#{index}" for index, text in enumerate(shared)}
    for group in elements:
        for name, value in group.items():
            if short := place.get(_first(value)):
                group[name] = [short, *value[1:]] if isinstance(value, list) else short
    return shared


def _first(value: str | list[str]) -> str:
    return value if isinstance(value, str) else value[0]


def _context(info: ET.Element) -> list[str]:
    kind = info.find("contextType")
    name = kind.get("name", "") if kind is not None else ""
    return [name, info.get("keyElement", ""), info.get("birthDateElement", "")]


def _conversion(info: ET.Element, model: str) -> list[str]:
    return [_own(info.get("fromType"), model), info.get("toType", ""), info.get("functionName", "")]


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    main(Path(sys.argv[1]), here / "src/salus/fhir/models")
