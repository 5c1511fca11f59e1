"""Retrieves: `[Condition: code in "Diabetes"]`, by the profile's own data type, template and code path.

Where the code may also be a reference (`medication`), what is referred to is looked up as well; where it may be a value
set that was not done, that is compared too.
Source: CQL 1.5, Author's Guide, Retrieve; ELM r1, Retrieve; Developer's Guide, Retrieve and choices of codes.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.diagnostics import did_you_mean
from salus.cql.models import ClassInfo, model
from salus.cql.translate.core import Fault, Translator, Typed, handles, literal
from salus.elm.types import ListOf, Named, Type
from salus.fhir.model import RESOURCES, primary_code_path


@handles(ast.Retrieve)
def retrieve(tr: Translator, node: ast.Retrieve) -> Typed:
    info = _class(tr, node)
    result = ListOf(info.name)
    elm = of_class(info)
    if node.context is not None:
        elm["context"] = tr.known(node.context).elm
    if node.terminology is None:
        return Typed(elm, result)
    codes = tr.known(node.terminology)
    path = _path(node) or info.code or _coded_by(info)
    if not path:
        raise Fault(node.type, f"{node.type.name.text} has no primary code to compare; say which element")
    _check(node, info, path)
    return Typed(_by_codes(tr, node, info, path, codes, elm), result)


def of_class(info: ClassInfo) -> Json:
    """A retrieve of everything of a type."""
    return {"type": "Retrieve", "dataType": t.qname(info.name), **({"templateId": info.url} if info.url else {})}


def _class(tr: Translator, node: ast.Retrieve) -> ClassInfo:
    info = tr.library.retrievable(node.type)
    if not info.retrievable:
        raise Fault(node.type, f"{node.type.name.text} cannot be retrieved; it is part of other records")
    return info


def _coded_by(info: ClassInfo) -> str:
    """The code path of the resource that a profile constrains, where the model states none for the profile."""
    path = primary_code_path(info.target) if info.target in RESOURCES else None
    return path if path and _element(info, path) else ""


def _path(node: ast.Retrieve) -> str:
    """The element a retrieve names, as a dotted path."""
    parts: list[str] = []
    at = node.path
    while isinstance(at, ast.Member):
        parts.append(at.name.text)
        at = at.source
    if isinstance(at, ast.Identifier):
        parts.append(at.text)
    return ".".join(reversed(parts))


def _element(info: ClassInfo, path: str) -> Type | None:
    """The type at the end of a path; lists are looked through."""
    type_: Type = info.name
    for name in path.split("."):
        found = t.element(type_.element if isinstance(type_, ListOf) else type_, name)
        if found is None:
            return None
        type_ = found.type
    return type_


def _check(node: ast.Retrieve, info: ClassInfo, path: str) -> None:
    if node.path is not None and _element(info, path) is None:
        names = list(t.element_names(info.name))
        raise Fault(node.path, f"{node.type.name.text} has no element {path}", did_you_mean(path, names))


def _by_codes(tr: Translator, node: ast.Retrieve, info: ClassInfo, path: str, codes: Typed, elm: Json) -> Json:
    asked = {**elm, "codeProperty": path, **_compared(node, codes)}
    if node.path is not None:
        return asked
    kinds = t.alternatives(_element(info, path) or t.CONCEPT)
    if t.VALUE_SET in kinds and codes.type == t.VALUE_SET:
        both = [asked, {**asked, "codeComparator": "~"}]
        return {"type": "Union", "operand": [tr.place(each, node) for each in both]}
    referred = _referred(info, path, kinds)
    if referred and codes.type == t.VALUE_SET:
        tr.place(asked, node)
        through = _through(tr, node, (info, elm), path, referred, codes)
        first = [through, asked] if kinds[0] == _reference(info) else [asked, through]
        return {"type": "Union", "operand": first}
    return asked


def _compared(node: ast.Retrieve, codes: Typed) -> Json:
    """The codes as ELM has them, and how they are compared: `in` a set, `~` for single codes, unless it is said."""
    if t.is_subtype(codes.type, t.VOCABULARY):
        reference = {**codes.elm, "preserve": True} if codes.elm["type"] == "ValueSetRef" else codes.elm
        return {"codeComparator": node.comparator if node.comparator == "~" else "in", "codes": reference}
    if codes.type == t.CONCEPT:
        return {
            "codeComparator": node.comparator or "~",
            "codes": {"type": "Property", "path": "codes", "source": codes.elm},
        }
    if not isinstance(codes.type, ListOf):
        return {"codeComparator": node.comparator or "~", "codes": {"type": "ToList", "operand": codes.elm}}
    return {"codeComparator": node.comparator or "in", "codes": codes.elm}


def _referred(info: ClassInfo, path: str, kinds: tuple[Type, ...]) -> ClassInfo | None:
    """The class a reference at the code path leads to: the one of the element's own name (`medication`)."""
    found = model(info.name.name.partition(".")[0])
    if found is None or _reference(info) not in kinds:
        return None
    target = found.find(path[:1].upper() + path[1:])
    return target if target and target.retrievable and target.code else None


def _text(tr: Translator, owner: Named, path: str, scope: str) -> Json:
    """A path from an alias, whose last step is an element of `owner`, as text."""
    declared = t.element(owner, path.rpartition(".")[2])
    assert declared is not None
    inner = declared.target.removeprefix("%value")
    value: Json = {"type": "Property", "path": path + inner, "scope": scope}
    return tr.convert(Typed(value, t.STRING if inner else declared.type), t.STRING, tr.library.tree).elm


def _reference(info: ClassInfo) -> Named:
    return Named(f"{info.name.name.partition('.')[0]}.Reference")


def _through(
    tr: Translator, node: ast.Retrieve, asked: tuple[ClassInfo, Json], path: str, referred: ClassInfo, codes: Typed
) -> Json:
    """The resources whose reference leads to one with a code of the set: its id ends the reference."""
    last = {
        "type": "Last",
        "source": {
            "type": "Split",
            "stringToSplit": _text(tr, _reference(asked[0]), f"{path}.reference", "MR"),
            "separator": literal(t.STRING, "/"),
        },
    }
    same = {"type": "Equal", "operand": [_text(tr, referred.name, "id", "M"), last]}
    code = tr.library.call("FHIRHelpers.ToConcept", {"type": "Property", "path": referred.code, "scope": "M"}, None)
    valueset = {key: value for key, value in codes.elm.items() if key != "type"}
    coded = {"type": "InValueSet", "code": code, "valueset": {**valueset, "preserve": True}}
    related = {
        "type": "With",
        "alias": "M",
        "expression": of_class(referred),
        "suchThat": {"type": "And", "operand": [same, coded]},
    }
    source = tr.place({"alias": "MR", "expression": dict(asked[1])}, node)
    return tr.place({"type": "Query", "source": [source], "let": [], "relationship": [tr.place(related, node)]}, node)
