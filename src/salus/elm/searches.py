"""Retrieves whose codes are no codes of the resource itself, as the queries they mean.

`[Location: id in GetId(reference)]` asks for an element that is plain text: it is a query for the resources whose
element is one of the texts. `[DeviceUseStatement: "Pumps"]` asks for a code beyond a reference (`device.type`), and
so does `device in "Pumps"`: it is a query for the resources that refer to one with such a code. Each becomes the
query here, so that every engine answers it alike. The query stands where the retrieve stands.
Sources: CQL 1.5, Author's Guide "Retrieve", code filters; FHIR 4.0.1 model information, `primaryCodePath`.
Leaves to others: codes, value sets and profiles (the engines).
"""

from __future__ import annotations

from msgspec.structs import replace

from salus.elm import nodes as n
from salus.fhir import model

_FOUND, _NAMED = "$found", "$named"


def meant(node: n.Retrieve) -> n.Node:
    """The query that a retrieve stands for; the retrieve itself where it filters by codes of its own."""
    name = node.data_type.removeprefix("FHIR.")
    if node.codes is None or node.code_property is None or name not in model.RESOURCES:
        return node
    first = model.element(name, node.code_property.partition(".")[0])
    if first is None or first.choice or first.many:
        return node
    if _is_text(node, first):
        return _by_text(node, node.codes)
    target = first.name[:1].upper() + first.name[1:]
    if first.types == ("Reference",) and target in model.RESOURCES and model.primary_code_path(target):
        return _by_reference(node, first.name, target)
    return node


def _is_text(node: n.Retrieve, element: model.Element) -> bool:
    """Whether an element is text that no code system stands behind; of a `code`, whether texts are asked for."""
    kind = element.types[0]
    if kind == "code":
        return any(isinstance(each, n.Literal) for each in _listed(node.codes))
    return model.storage(kind) == "text" and "." not in (node.code_property or "")


def _listed(codes: n.Node | None) -> tuple[n.Node | None, ...]:
    if isinstance(codes, n.Operator) and codes.op == "ToList":
        return codes.operands
    return codes.elements if isinstance(codes, n.ListSelector) else (codes,)


def _by_text(node: n.Retrieve, texts: n.Node) -> n.Query:
    text = n.Property(f"{node.code_property}.value", None, _FOUND, locator=node.locator)
    if isinstance(texts, n.Operator) and texts.op == "ToList":
        asked = n.Operator("Equal", (text, *texts.operands), locator=node.locator)
    else:
        asked = n.Operator("In", (text, texts), locator=node.locator)
    return _query(node, (), asked)


def _by_reference(node: n.Retrieve, element: str, target: str) -> n.Query:
    """Resources with one whose id ends their reference."""
    reference = n.Property(f"{element}.reference.value", None, _FOUND, locator=node.locator)
    parts = n.Operator("Split", (reference, n.Literal("System.String", "/")), locator=node.locator)
    last = n.Operator("Last", (parts,), locator=node.locator)
    identity = n.Property("id.value", None, _NAMED, locator=node.locator)
    same = n.Operator("Equal", (identity, last), locator=node.locator)
    path = model.primary_code_path(target)
    named = replace(node, data_type=f"FHIR.{target}", template=None, code_property=path, local_id="")
    return _query(node, (n.Relationship(False, _NAMED, named, same, locator=node.locator),), None)


def _query(node: n.Retrieve, related: tuple[n.Relationship, ...], where: n.Node | None) -> n.Query:
    """The resources of the type, less those that the relationships or the condition leave out."""
    bare = replace(node, code_property=None, comparator=None, codes=None, local_id="")
    source = n.Source(_FOUND, bare, locator=node.locator)
    return n.Query((source,), (), related, where, None, None, (), locator=node.locator, local_id=node.local_id)
