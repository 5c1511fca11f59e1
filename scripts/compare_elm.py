"""Compare the ELM Salus makes of CQL text with what the public reference translator made of the same text.

    python scripts/compare_elm.py [LIBRARY ...] [--page docs/translation.md]

Reads `Library.ndjson` (text/cql) and `reference-elm.ndjson` of the shared content in place. What does not change the
meaning is made equal first; `NORMALISED` says what. Places (`locator`) are compared where the reference states one.
Leaves to others: translating (`salus.cql.translate`), what a difference means (docs/ADJUDICATIONS.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from salus.cql.translate import Finder, translate_scope
from salus.measure.content import Content
from salus.measure.texts import LibraryTexts

SHARED = Path(os.environ.get("SALUS_SHARED", Path(__file__).resolve().parent.parent.parent / "shared"))
CONTENT = SHARED / "data/ecqm/content"
NORMALISED = (
    "annotations, local ids and result types are left out, and signatures of System operators",
    "empty lists are left out, and `strict: false`, `preserve`, and a return's or aggregate's default",
    "a type named by QName and one named by specifier are the same; a choice lists each type once, in one order",
    "a property of an alias is written with `scope`",
    "a cast that no one wrote, of a value to the type it has already, before it is converted, is left out",
    "a union is the list of what is united, without its nesting and the casts to the type of the whole; the same once",
    "a list cast element by element is the list cast",
    "a case that asks the same twice asks it once",
    "the version of a model is left out; the reference states it of some models only",
    "statements are matched by name and operand types, whatever their order",
)
_OTHER_PROFILE = (
    "both: the included library is there in another version only, whose function takes another profile of the class; "
    "the reference refuses the call and leaves null, ours warns and makes it (S-22)"
)
EXPLAINED = {
    ("CMS1056CTClinicalFHIR", "includes AlaraCommon@9:1-9:66.locator"): "ours: the reference was given the text with "
    "another version in the include, which is a character longer",
    ("CMS1056CTClinicalFHIR", "expression@56:3-58:3.operand@56:10-58:3.where"): _OTHER_PROFILE,
    ("CMS1056CTClinicalFHIR", "expression@39:3-42:34.where"): _OTHER_PROFILE,
    ("CMS986FHIRMalnutritionScore", ".valuesetExpression"): "ours: the reference states the value set of `contains` "
    "twice, by reference and as an expression; the schema allows one",
}
_LEFT_OUT = frozenset({"annotation", "localId", "resultTypeName", "resultTypeSpecifier", "preserve"})
_QNAMES = {"asType": "asTypeSpecifier", "isType": "isTypeSpecifier", "toType": "toTypeSpecifier"}


def texts(path: Path = CONTENT / "Library.ndjson") -> LibraryTexts:
    """The CQL texts of a file of Library resources."""
    return Content.load([path]).libraries.texts


def reference(path: Path = CONTENT / "reference-elm.ndjson") -> dict[str, dict[str, Any]]:
    """The reference ELM by library name."""
    documents = (json.loads(line)["library"] for line in path.read_text(encoding="utf-8").splitlines())
    return {document["identifier"]["id"]: document for document in documents}


def plain(node: Any) -> Any:
    """ELM with everything made equal that `NORMALISED` says."""
    if isinstance(node, list):
        return [plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: plain(value) for key, value in node.items() if key not in _LEFT_OUT}
    _uncast(kept)
    if kept.get("type") != "FunctionRef":
        kept.pop("signature", None)
    kept = {key: value for key, value in kept.items() if value != []}
    return _forms(kept)


def _uncast(node: dict[str, Any]) -> None:
    """Leave out casts, not written in the text, of what is converted to the type it has."""
    operand, signature, source = node.get("operand"), node.get("signature"), node.get("source")
    converted = node.get("type") in ("ToDateTime", "ToDecimal", "ToQuantity", "ToConcept") and signature
    if converted and _implied(operand) and operand["asTypeSpecifier"] == plain(signature[0]):
        node["operand"] = operand["operand"]
    bound = node.get("type") == "Property" and "locator" not in node and _implied(source)
    if bound and source["asTypeSpecifier"]["type"] == "IntervalTypeSpecifier":
        node["source"] = source["operand"]


def _implied(node: Any) -> bool:
    return isinstance(node, dict) and node.get("type") == "As" and "locator" not in node


def _forms(node: dict[str, Any]) -> dict[str, Any]:
    for qname, specifier in _QNAMES.items():
        if isinstance(node.get(qname), str):
            node[specifier] = {"type": "NamedTypeSpecifier", "name": node.pop(qname)}
    if node.get("strict") is False:
        del node["strict"]
    form = _FORMS.get(node.get("type", ""))
    return form(node) if form else node


def _property(node: dict[str, Any]) -> dict[str, Any]:
    source = node.get("source")
    if isinstance(source, dict) and source.get("type") == "AliasRef":
        del node["source"]
        node["scope"] = source["name"]
    return node


def _union(node: dict[str, Any]) -> dict[str, Any]:
    """All that is united, in order, without the casts to the type of the whole; what stands twice in a row once."""
    united: list[Any] = []
    for operand in node.get("operand", ()):
        part = operand["operand"] if _implied(operand) else operand
        for each in part["operand"] if part.get("type") == "Union" else [part]:
            if not united or unplaced(each) != unplaced(united[-1]):
                united.append(each)
    return {**united[0], "locator": node.get("locator")} if len(united) == 1 else {"type": "Union", "operand": united}


def _case(node: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for item in node.get("caseItem", ()):
        kept.setdefault(json.dumps(unplaced(item), sort_keys=True), item)
    node["caseItem"] = list(kept.values())
    return node


def _choice(node: dict[str, Any]) -> dict[str, Any]:
    types = {json.dumps(unplaced(each), sort_keys=True): each for each in node.get("choice", ())}
    node["choice"] = [types[key] for key in sorted(types)]
    return node["choice"][0] if len(types) == 1 else node


def _query(node: dict[str, Any]) -> dict[str, Any]:
    for clause, default in (("return", True), ("aggregate", False)):
        if isinstance(node.get(clause), dict) and node[clause].get("distinct") is default:
            del node[clause]["distinct"]
    value = node.get("return", {}).get("expression", {})
    if node.keys() <= {"type", "source", "return"} and _implied(value) and value["operand"]["type"] == "AliasRef":
        whole = {"type": "ListTypeSpecifier", "elementType": value["asTypeSpecifier"]}
        return {"type": "As", "operand": node["source"][0]["expression"], "asTypeSpecifier": whole}
    return node


_FORMS = {"Property": _property, "Union": _union, "Case": _case, "ChoiceTypeSpecifier": _choice, "Query": _query}


def unplaced(node: Any) -> Any:
    """Without places."""
    if isinstance(node, list):
        return [unplaced(each) for each in node]
    if isinstance(node, dict):
        return {key: unplaced(value) for key, value in node.items() if key != "locator"}
    return node


def differences(ours: Any, theirs: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Where two pieces of ELM differ, and how; the innermost places."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        yield from _in_objects(ours, theirs, where)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif ours != theirs:
        yield where, f"{_short(ours)}  (reference: {_short(theirs)})"


def _in_objects(ours: dict[str, Any], theirs: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    if ours.get("type") != theirs.get("type"):
        yield where, f"{_short(ours)}  (reference: {_short(theirs)})"
        return
    place = theirs.get("locator")
    here = f"{where}@{place}" if place else where
    for key in sorted(ours.keys() | theirs.keys()):
        if key == "locator":
            if place and ours.get(key) != place:
                yield f"{here}.locator", f"{ours.get(key)}  (reference: {place}) {ours.get('type', '')}"
        elif key not in ours or key not in theirs:
            yield f"{here}.{key}", f"{_short(ours.get(key))}  (reference: {_short(theirs.get(key))})"
        else:
            yield from differences(ours[key], theirs[key], f"{here}.{key}")


def _short(node: Any) -> str:
    text = json.dumps(unplaced(node), sort_keys=False)
    return text if len(text) <= 160 else text[:157] + "..."


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The differences of two libraries, each with the definition it is in."""
    for section in sorted((ours.keys() | theirs.keys()) - {"annotation", "localId", "locator", "schemaIdentifier"}):
        if section == "identifier":
            yield from differences(plain(ours[section]), plain(theirs[section]), section)
            continue
        one, other = _by_name(ours, section), _by_name(theirs, section)
        for name in sorted(one.keys() | other.keys()):
            if name not in one or name not in other:
                yield f"{section} {name}", "missing" if name not in one else "not in the reference"
            else:
                yield from differences(one[name], other[name], f"{section} {name}")


def _by_name(library: Mapping[str, Any], section: str) -> dict[str, Any]:
    entries = plain((library.get(section) or {}).get("def", []))
    if section == "usings":
        entries = [{key: value for key, value in entry.items() if key != "version"} for entry in entries]
    return {_key(entry): entry for entry in entries}


def _key(entry: Mapping[str, Any]) -> str:
    name = str(entry.get("name") or entry.get("localIdentifier"))
    operands = [unplaced(each.get("operandTypeSpecifier")) for each in entry.get("operand", ())]
    return f"{name}({json.dumps(operands)})" if operands else name


def explained(library: str, where: str) -> str:
    """Who is right about a known difference and why; "" for a new one."""
    return next((why for (name, end), why in EXPLAINED.items() if name == library and where.endswith(end)), "")


def page(found: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    """The lines of docs/translation.md."""
    total = sum(len(each) for each in found.values())
    yield from ("# Translation", "", "Written by `make translation` (`scripts/compare_elm.py`); never by hand.", "")
    yield f"{len(found)} libraries of the shared content, translated by Salus and by the public reference translator"
    yield f"from the same text: {total} differences in their ELM, places included. Before they are compared,"
    yield ""
    yield from (f"- {each}" for each in NORMALISED)
    yield from ("", "| library | where | ours and the reference's | who is right |", "|---|---|---|---|")
    for name, differing in found.items():
        for where, what in differing:
            yield f"| {name} | {_cell(where)} | {_cell(what)} | {explained(name, where) or 'not known yet'} |"


def _cell(text: str) -> str:
    return "`" + text.replace("|", "\\|").replace("`", "'") + "`"


def main(arguments: Sequence[str]) -> int:
    """Compare, print every difference, write the page if asked; 1 when there is a difference nobody has explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*")
    parser.add_argument("--page", type=Path, help="write the comparison as a page")
    options = parser.parse_args(arguments)
    published, finder = reference(), Finder(available := texts())
    found: dict[str, list[tuple[str, str]]] = {}
    for name in options.libraries or available.names():
        for version in available.versions(name):
            ours = json.loads(json.dumps(translate_scope(finder.open(name, version)).elm))
            found[name] = list(compare(ours, published[name]))
            print(f"{name} {version}: {len(found[name])} differences")
            print("".join(f"  {where}: {what}\n" for where, what in found[name]), end="")
    print(f"{sum(map(len, found.values()))} differences")
    if options.page:
        options.page.write_text("\n".join(page(found)) + "\n", encoding="utf-8")
    return 1 if any(not explained(name, where) for name, each in found.items() for where, _ in each) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
