"""Retrieves: a resource type's rows, by code and value set.

A retrieve selects by type and code, not by `meta.profile`, which real records do not carry; a profile that stands for
a code (blood pressure, BMI) selects by that code. `~` with a value set, which is how retrieves of what was not done are
translated, finds what names the whole set as not done. Codes become dictionary ids here; a retrieve whose codes no
record has is the empty list, at compile time.
Source: CQL 1.5, "Retrieve"; Using CQL with FHIR, "Retrieves and profiles".
"""

from __future__ import annotations

from collections.abc import Callable

from salus.elm import nodes as n
from salus.elm.types import Named
from salus.fhir import model
from salus.fhir.profiles import NOT_DONE, State
from salus.logic import everyone
from salus.logic.context import Context
from salus.logic.expr import FALSE, Const, E, and_, eq, in_list, is_true, not_, not_null, or_
from salus.logic.frame import Frame, Link, Rows, TableRow, child_rows, exists, table_rows
from salus.logic.operators.codes import ids_in, literal_codes
from salus.logic.relation import Select, Table
from salus.logic.values import (
    EMPTY,
    STRING,
    CodeFields,
    CodeLiterals,
    ListLiteral,
    Point,
    Resource,
    Row,
    Value,
    ValueSetValue,
)

Codes = frozenset[tuple[str, str]]


def retrieve(cx: Context, node: n.Retrieve) -> Value:
    """The resources of a retrieve, as rows linked by patient."""
    name = node.data_type.removeprefix("FHIR.")
    if name not in model.RESOURCES:
        cx.fail(node, f"{node.data_type} is not a FHIR R4 resource type")
    if node.date_range is not None:
        cx.fail(node, "a retrieve with a date range is not supported")
    if not cx.data.has_table(name):
        cx.compiler.gap(f"the population has no {name} resources")
        return EMPTY
    frame, row = _rows_of(cx, name)
    conditions = _conditions(cx, node, name, frame, row)
    if FALSE in conditions:
        cx.compiler.gap(f"no {name} has {_looked_for(node)} ({cx.library.name})")
        return EMPTY
    for condition in conditions:
        frame.select.filter(condition)
    key = row.key
    if cx.everyone:
        everyone.pool(frame)
    return Rows(frame, Resource(Named(f"FHIR.{name}"), key, row), element_type=Named(f"FHIR.{name}"))


def _looked_for(node: n.Retrieve) -> str:
    """What a retrieve looks for, in words."""
    if isinstance(node.codes, n.Ref):
        return f'a code of the value set "{node.codes.name}"'
    named = node.codes.operands[0] if isinstance(node.codes, n.Operator) and node.codes.operands else None
    return f'the code "{named.name}"' if isinstance(named, n.Ref) else f"the code of {node.template or 'its codes'}"


def _rows_of(cx: Context, name: str) -> tuple[Frame, Row]:
    if cx.everyone:
        return table_rows(cx.data, name, cx.frame)
    if name != "Patient" and not model.owner_paths(name):
        return _visible_rows(cx, name)
    frame, row = table_rows(cx.data, name, cx.frame)
    if cx.data.has_ownerless(name):  # `not in` would find every patient among those of nobody
        frame.select.filter(not_null(frame.pid))
    return frame, row


def _visible_rows(cx: Context, name: str) -> tuple[Frame, Row]:
    """Resources that belong to no patient (medications, locations): those that the patient's own refer to."""
    visible, source = Table("visible"), Table(name)
    select = Select()
    select.join("from", visible)
    select.join("inner", source, eq(source.col("rid"), visible.col("rid")))
    select.filter(eq(visible.col("type"), Const(name)))
    pid = visible.col("pid")
    frame = Frame(cx.data, select, pid, cx.frame, Link(pid), None, (source.col("rid"),))
    return frame, TableRow(cx.data, source, "rid")


def _conditions(cx: Context, node: n.Retrieve, name: str, frame: Frame, row: Row) -> list[E]:
    conditions = []
    profile = model.PROFILES.get(node.template or "")
    if profile is not None and profile.codes:
        conditions.append(
            _coded(cx, node, name, row, model.primary_code_path(name) or "code", frozenset(profile.codes))
        )
    conditions += [_in_state(cx, frame, row, state) for state in (profile.states if profile is not None else ())]
    if node.codes is not None:
        path = node.code_property or model.primary_code_path(name)
        if path is None:
            cx.fail(node, f"{name} has no element that a retrieve filters by code")
        conditions.append(_coded(cx, node, name, row, path, _wanted(cx, node, cx.value(node.codes))))
    return conditions


def _wanted(cx: Context, node: n.Retrieve, value: Value) -> Codes:
    if node.comparator == "~" and isinstance(value, ValueSetValue):
        return frozenset({(NOT_DONE, value.url)})
    return codes_of(cx, node, value)


def _in_state(cx: Context, frame: Frame, row: Row, state: State) -> E:
    """Whether a resource is in the state a profile stands for: by the profile it names, else by its flag or status."""
    held = (
        _modified(cx, frame, row, state) if state.modifiers else is_true(eq(row.col(state.element), Const(state.value)))
    )
    by_flag = not_(held) if state.negated else held
    said, denied = (_names(cx, frame, row, urls) for urls in (state.named_by, state.contradicted_by))
    return or_(said, and_(by_flag, not_(denied)))


def _names(cx: Context, frame: Frame, row: Row, urls: tuple[str, ...]) -> E:
    """Whether a resource names one of the profiles in its `meta.profile`."""
    if not urls:
        return FALSE
    return _has(cx, frame, row, "meta.profile", lambda child: in_list(child.col("value"), [Const(url) for url in urls]))


def _modified(cx: Context, frame: Frame, row: Row, state: State) -> E:
    """Whether a modifier extension that a state is told by has the state's value."""

    def says_so(child: Row) -> E:
        return and_(
            in_list(child.col("url"), [Const(url) for url in state.modifiers]),
            is_true(eq(child.col("valueBoolean"), Const(state.value))),
        )

    return _has(cx, frame, row, "modifierExtension", says_so)


def _has(cx: Context, frame: Frame, row: Row, path: str, test: Callable[[Row], E]) -> E:
    """Whether a resource has a row in one of its child tables that passes a test."""
    table = f"{row.table}.{path}"
    if not cx.data.has_table(table):
        return FALSE
    rows, child = child_rows(cx.data, table, frame, row.key)
    rows.filter(test(child))
    return exists(Rows(rows, Point(STRING, rows.pid)), frame)


def codes_of(cx: Context, node: n.Node, value: Value) -> Codes:
    """The (system, code) pairs of a value set, a code, a concept or a list of these."""
    match value:
        case ValueSetValue():
            return cx.compiler.value_set(value)
        case CodeFields() | CodeLiterals():
            found = literal_codes(value)
            if found is not None:
                return found
        case ListLiteral(items=items):
            return frozenset().union(*(codes_of(cx, node, item) for item in items))
    cx.fail(node, "a retrieve by codes that are not constant is not supported")


def _coded(cx: Context, node: n.Retrieve, name: str, row: Row, path: str, codes: Codes) -> E:
    """Whether the coded element at `path` has one of the codes."""
    found = model.element(name, path)
    if found is None:
        cx.fail(node, f"FHIR R4 {name} has no element {path}")
    if found.many:
        return ids_in(row.col(path), cx.data.concept_list_ids(codes))
    names = [model.choice_name(path, t) if found.choice else path for t in found.types if model.kind(t) == "concept"]
    if not names and model.kind(found.types[0]) != "primitive":
        cx.fail(node, f"FHIR R4 {name}.{path} holds no codes")
    if not names:
        return in_list(row.col(path), [Const(code) for _, code in sorted(codes)])
    return or_(*(ids_in(row.col(column), cx.data.concept_ids(codes)) for column in names))
