"""Strategies for well-typed ELM: an expression of any type, over the records of `populations`, its constants alike.

`libraries()` draws a library of many defines, later ones in terms of earlier ones. Every list, query and operator is
drawn by type, so that what is drawn is what a translator could have written. Leaves to others: the types of operators
(`signatures`), running and comparing (`agreement`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import elm_text as elm
from hypothesis import strategies as st

from generated.populations import CODES, SYSTEMS
from generated.signatures import (
    BOOLEAN,
    BY_RESULT,
    CODE,
    COMPONENT,
    CONCEPT,
    CONDITION,
    DATE,
    DATETIME,
    DECIMAL,
    ELEMENTS,
    ENCOUNTER,
    INTEGER,
    INTERVALS,
    LISTS,
    LOCATION,
    LONG,
    OBSERVATION,
    OPEN_ENDS_DIFFER,
    ORDERED,
    PAIR,
    QUANTITY,
    ROWS,
    SCALARS,
    SPELL,
    STRING,
    Signature,
)  # fmt: skip
from salus.elm.types import ChoiceOf, IntervalOf, ListOf, Named, TupleOf, Type

Json = dict[str, Any]
Draw = st.DrawFn
VALUE_SET = "http://example/vs"
TYPES = (BOOLEAN, *SCALARS, *INTERVALS, *LISTS, PAIR, SPELL)
"""What a define may be; Booleans twice, for they show the most."""

_DAYS = ((2025,), (2025, 12), (2025, 12, 31), (2026,), (2026, 1), (2026, 1, 1), (2026, 1, 31), (2024, 2, 29))
_INSTANTS = (*_DAYS, (2025, 12, 31, 23, 59, 59, 999), (2026, 1, 1, 0, 0, 0, 0), (2026, 1, 1, 12, 30), (2026, 1, 1, 0))
_LITERALS: dict[Type, Sequence[str]] = {
    BOOLEAN: ("true", "false"),
    INTEGER: ("0", "1", "2", "-1"),
    LONG: ("0", "1", "2", "-1"),
    DECIMAL: ("0.0", "1.0", "1.5", "-2.25", "0.00000001"),
    STRING: ("", "a", "A", "b", "a b", "final", "1"),
}
_SPANS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")


def specifier(type_: Type) -> Json:
    """A type as an ELM type specifier."""
    match type_:
        case ListOf(element=element):
            return {"type": "ListTypeSpecifier", "elementType": specifier(element)}
        case IntervalOf(point=point):
            return {"type": "IntervalTypeSpecifier", "pointType": specifier(point)}
        case TupleOf(elements=elements):
            fields = [{"name": n, "elementType": specifier(t)} for n, t in elements]
            return {"type": "TupleTypeSpecifier", "element": fields}
        case ChoiceOf():
            raise AssertionError("no choice is drawn as a type")
    model, _, name = type_.name.partition(".")
    return {"type": "NamedTypeSpecifier", "name": (elm.SYSTEM if model == "System" else elm.FHIR) + name}


def null(type_: Type) -> Json:
    return {"type": "As", "operand": elm.NULL, "asTypeSpecifier": specifier(type_)}


# --- what records hold ---------------------------------------------------------------------------------------------


def _cast(node: Json, name: str) -> Json:
    return {"type": "As", "operand": node, "asType": elm.FHIR + name}


def _at(path: str) -> Callable[[Json], Json]:
    return lambda row: elm.prop(path, row)


def _of(path: str, name: str) -> Callable[[Json], Json]:
    """The value of a choice element where it is of one type."""
    return lambda row: elm.prop("value", _cast(elm.prop(path, row), name))


def _helped(helper: str, path: str, name: str | None = None) -> Callable[[Json], Json]:
    def made(row: Json) -> Json:
        found = elm.prop(path, row)
        return elm.helper(helper, _cast(found, name) if name else found)

    return made


def _is(path: str, name: str) -> Callable[[Json], Json]:
    return lambda row: {"type": "Is", "operand": elm.prop(path, row), "isType": elm.FHIR + name}


def _each(path: str, helper: str | None = None) -> Callable[[Json], Json]:
    """A repeating element, its items converted."""

    def made(row: Json) -> Json:
        found = elm.prop(path, row)
        if helper is None:
            return found
        return elm.query(found, "Z", **{"return": elm.returning(elm.helper(helper, elm.alias("Z")), distinct=False)})

    return made


FIELDS: dict[Type, list[tuple[Type, Callable[[Json], Json]]]] = {
    OBSERVATION: [
        (STRING, _at("status.value")), (STRING, _at("id.value")), (STRING, _of("value", "string")),
        (INTEGER, _of("value", "integer")), (BOOLEAN, _of("value", "boolean")), (DATETIME, _of("value", "dateTime")),
        (QUANTITY, _helped("ToQuantity", "value", "Quantity")), (CONCEPT, _helped("ToConcept", "code")),
        (CONCEPT, _helped("ToConcept", "value", "CodeableConcept")), (DATETIME, _of("effective", "dateTime")),
        (IntervalOf(DATETIME), _helped("ToInterval", "effective", "Period")), (BOOLEAN, _is("value", "Quantity")),
        (IntervalOf(DATETIME), _helped("ToInterval", "value", "Period")), (BOOLEAN, _is("effective", "Period")),
        (DATETIME, _at("issued.value")), (ListOf(COMPONENT), _each("component")),
        (ListOf(CONCEPT), _each("category", "ToConcept")),
    ],
    COMPONENT: [
        (INTEGER, _of("value", "integer")), (STRING, _of("value", "string")), (CONCEPT, _helped("ToConcept", "code")),
        (QUANTITY, _helped("ToQuantity", "value", "Quantity")), (BOOLEAN, _is("value", "string")),
    ],
    ENCOUNTER: [
        (STRING, _at("status.value")), (STRING, _at("id.value")), (ListOf(LOCATION), _each("location")),
        (IntervalOf(DATETIME), _helped("ToInterval", "period")), (DATETIME, _at("period.start.value")),
        (DATETIME, _at("period.end.value")), (ListOf(CONCEPT), _each("type", "ToConcept")),
    ],
    LOCATION: [(STRING, _at("status.value")), (IntervalOf(DATETIME), _helped("ToInterval", "period"))],
    CONDITION: [
        (CONCEPT, _helped("ToConcept", "code")), (DATETIME, _at("recordedDate.value")), (STRING, _at("id.value")),
        (DATETIME, _of("onset", "dateTime")), (IntervalOf(DATETIME), _helped("ToInterval", "onset", "Period")),
        (STRING, _of("onset", "string")), (DATETIME, _of("abatement", "dateTime")), (BOOLEAN, _is("onset", "Period")),
    ],
    Named("FHIR.Patient"): [
        (BOOLEAN, _at("active.value")), (DATE, _at("birthDate.value")), (STRING, _at("gender.value")),
        (BOOLEAN, _of("deceased", "boolean")), (DATETIME, _of("deceased", "dateTime")),
    ],
}  # fmt: skip
PATIENT = elm.ref("Patient")


# --- constants -----------------------------------------------------------------------------------------------------


def _moment(kind: str, parts: tuple[int, ...], offset: str | None = None) -> Json:
    made = {**elm.when(*parts), "type": kind}
    zone = {"type": "Literal", "valueType": f"{elm.SYSTEM}Decimal", "value": offset}
    return made if offset is None or len(parts) < 4 else made | {"timezoneOffset": zone}


def _code(draw: Draw) -> Json:
    system = {"name": draw(st.sampled_from(("One", "Two")))}
    return {"type": "Code", "system": system, "code": draw(st.sampled_from(CODES))}


def constant(draw: Draw, type_: Type) -> Json:
    """A constant of a type that is no list and no record."""
    if type_ in _LITERALS:
        return {
            "type": "Literal",
            "valueType": specifier(type_)["name"],
            "value": draw(st.sampled_from(_LITERALS[type_])),
        }
    if type_ == DATE:
        return _moment("Date", draw(st.sampled_from(_DAYS)))
    if type_ == DATETIME:
        return _moment("DateTime", draw(st.sampled_from(_INSTANTS)), draw(st.sampled_from((None, "0.0", "2.0"))))
    if type_ == QUANTITY:
        return elm.quantity(draw(st.sampled_from((1, 1.5, 1000))), draw(st.sampled_from(("mg", "g", "1", "cm"))))
    if type_ == CODE:
        return _code(draw)
    assert type_ == CONCEPT, type_
    return {"type": "Concept", "code": [_code(draw) for _ in range(draw(st.integers(1, 2)))]}


# --- expressions ---------------------------------------------------------------------------------------------------


@dataclass
class Writer:
    """Draws expressions. `names` are what an expression may refer to; `closed` ones hold no records at all."""

    draw: Draw
    names: tuple[tuple[Json, Type], ...] = ()
    records: bool = True
    functions: list[tuple[str, tuple[Type, ...], Type]] = field(default_factory=list)
    counter: list[int] = field(default_factory=lambda: [0])

    def one(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def knowing(self, *names: tuple[Json, Type]) -> Writer:
        return replace(self, names=(*self.names, *names))

    def fresh(self, letter: str) -> str:
        self.counter[0] += 1
        return f"{letter}{self.counter[0]}"

    def expression(self, type_: Type, depth: int) -> Json:
        """An expression of a type, at most `depth` operators deep."""
        if depth <= 0:
            return self.leaf(type_)
        return self.one(self._ways(type_))(type_, depth - 1)

    def _ways(self, type_: Type) -> list[Callable[[Type, int], Json]]:
        ways: list[Callable[[Type, int], Json]] = [lambda t, d: self.leaf(t), *[self.conditional] * 2]
        if type_ in BY_RESULT:
            ways += [self.operator] * 8
        if type_ in INTERVALS:
            ways += [self.interval] * 4
        if isinstance(type_, ListOf):
            ways += [self.query] * 8 + [self.listed] * 2
        if isinstance(type_, TupleOf):
            ways += [self.tuple] * 6
        if any(result == type_ for _, _, result in self.functions):
            ways += [self.call] * 2
        ways += self._special.get(type_, ())
        if type_ in SCALARS:
            ways.append(self.of_one)
        return ways

    @property
    def _special(self) -> dict[Type, list[Callable[[Type, int], Json]]]:
        moved = [self.moved] * 4
        return {
            BOOLEAN: [self.in_value_set] * 2,
            DATE: moved,
            DATETIME: moved,
            INTEGER: [self.field_of_tuple, self.aggregate],
            STRING: [self.field_of_tuple],
            ListOf(STRING): [self.split],
            DECIMAL: [self.of_quantity],
        }

    # leaves

    def leaf(self, type_: Type) -> Json:
        """A name, an element of a record, or a constant."""
        options = [node for node, known in self.names if known == type_]
        rows = [(node, known) for node, known in self.names if known in FIELDS]
        if self.records:
            rows.append((PATIENT, Named("FHIR.Patient")))
        options += [read(node) for node, known in rows for result, read in FIELDS[known] if result == type_]
        if options and self.draw(st.integers(0, 3)):
            return self.one(options)
        return null(type_) if not self.draw(st.integers(0, 5)) else self._constant(type_)

    def _constant(self, type_: Type) -> Json:
        if isinstance(type_, ListOf):
            if type_.element in FIELDS:
                return self.retrieve(type_.element)
            return self.listed(type_, 0)
        if type_ in INTERVALS:
            return self.interval(type_, 0)
        if isinstance(type_, TupleOf):
            return self.tuple(type_, 0)
        if type_ in FIELDS:
            return {"type": "First", "source": self.retrieve(type_)}
        return constant(self.draw, type_)

    def retrieve(self, type_: Type) -> Json:
        """All records of a type, or those with some code; the parts of records by a query over their wholes."""
        parts = {COMPONENT: (OBSERVATION, "component"), LOCATION: (ENCOUNTER, "location")}
        if type_ in parts:
            whole, path = parts[type_]  # type: ignore[index]
            name = self.fresh("W")
            every = elm.returning(elm.prop(path, elm.alias(name)), distinct=False)
            return elm.op("Flatten", elm.query(self.retrieve(whole), name, **{"return": every}))
        assert isinstance(type_, Named)
        name = type_.name.removeprefix("FHIR.")
        coded = [elm.ref("VS", "ValueSetRef"), elm.op("ToList", _code(self.draw))]
        codes = self.one([None, None, *coded]) if type_ != ENCOUNTER else None
        return elm.retrieve(name, codes)

    # structure

    def operator(self, type_: Type, depth: int) -> Json:
        """An operator that gives the type."""
        named = BY_RESULT[type_]
        signature: Signature = self.one(named[self.one(sorted(named))])
        values = [self.expression(operand, depth) for operand in signature.operands]
        unit = self.one(signature.units if signature.needs_unit else (None, None, *signature.units))
        made: Json = {"type": signature.op, **({"precision": unit} if unit else {})}
        if signature.field == "round":
            return made | {"operand": values[0], **({"precision": values[1]} if len(values) > 1 else {})}
        if signature.field != "operand":
            return made | dict(zip(signature.field.split(), values, strict=True))
        return made | {"operand": values[0] if len(values) == 1 else values}

    def conditional(self, type_: Type, depth: int) -> Json:
        """If, Case by conditions, Case by a comparand."""
        first, second = (self.expression(type_, depth) for _ in range(2))
        kind = self.one(("If", "Case", "Comparand"))
        if kind == "If":
            return {"type": "If", "condition": self.expression(BOOLEAN, depth), "then": first, "else": second}
        against = BOOLEAN if kind == "Case" else self.one((INTEGER, STRING))
        items = [{"when": self.expression(against, depth), "then": first}]
        if self.draw(st.booleans()):
            items.append({"when": self.expression(against, depth), "then": self.expression(type_, depth)})
        made: Json = {"type": "Case", "caseItem": items, "else": second}
        return made if kind == "Case" else made | {"comparand": self.expression(against, depth)}

    def interval(self, type_: Type, depth: int) -> Json:
        assert isinstance(type_, IntervalOf)
        low, high = (self.expression(type_.point, depth) for _ in range(2))
        if type_.point in OPEN_ENDS_DIFFER:
            return elm.interval(low, high)
        return elm.interval(low, high, closed=(self.draw(st.booleans()), self.draw(st.booleans())))

    def listed(self, type_: Type, depth: int) -> Json:
        assert isinstance(type_, ListOf)
        items = [self.expression(type_.element, depth) for _ in range(self.draw(st.integers(0, 3)))]
        return {"type": "List", "typeSpecifier": specifier(type_), "element": items}

    def tuple(self, type_: Type, depth: int) -> Json:
        assert isinstance(type_, TupleOf)
        return {
            "type": "Tuple",
            "element": [{"name": n, "value": self.expression(t, depth)} for n, t in type_.elements],
        }

    def field_of_tuple(self, type_: Type, depth: int) -> Json:
        name = "n" if type_ == INTEGER else "s"
        return {"type": "Property", "path": name, "source": self.expression(PAIR, depth)}

    def of_quantity(self, type_: Type, depth: int) -> Json:
        return {"type": "Property", "path": "value", "source": self.expression(QUANTITY, depth)}

    def moved(self, type_: Type, depth: int) -> Json:
        """A date plus or minus a span of time."""
        unit = self.one(_SPANS[:4] if type_ == DATE else _SPANS)
        by = elm.quantity(self.one((1, 2, 13, 24)), unit + self.one(("", "s")))
        return elm.op(self.one(("Add", "Subtract")), self.expression(type_, depth), by)

    def split(self, type_: Type, depth: int) -> Json:
        separator = elm.literal(self.one((" ", "a", "nowhere")))
        return {"type": "Split", "stringToSplit": self.expression(STRING, depth), "separator": separator}

    def in_value_set(self, type_: Type, depth: int) -> Json:
        kind = self.one((CODE, CONCEPT, ListOf(CODE), ListOf(CONCEPT)))
        value = self.expression(kind, depth)
        name, part = ("AnyInValueSet", "codes") if isinstance(kind, ListOf) else ("InValueSet", "code")
        return {"type": name, part: value, "valueset": {"name": "VS"}}

    def call(self, type_: Type, depth: int) -> Json:
        name, operands, _ = self.one([f for f in self.functions if f[2] == type_])
        return {"type": "FunctionRef", "name": name, "operand": [self.expression(t, depth) for t in operands]}

    # queries

    def source(self, depth: int, *, single: bool = False) -> tuple[str, Json, Type]:
        """Something to go through: an alias, its expression, the type of its elements."""
        element = self.one((*ROWS, *ROWS, *ELEMENTS) if self.records else [e for e in ELEMENTS if e not in ROWS])
        return self.fresh("X"), self.expression(element if single else ListOf(element), depth), element

    def query(self, type_: Type, depth: int) -> Json:
        """A query whose rows, or what they return, are of the type."""
        assert isinstance(type_, ListOf)
        returns = self.draw(st.booleans()) or (not self.records and type_.element in ROWS)
        if returns and self.draw(st.booleans()):
            sources = [self.source(depth) for _ in range(self.draw(st.integers(1, 2)))]
        else:
            sources = [(self.fresh("X"), self.expression(type_, depth), type_.element)]
        inner, made = self._clauses(sources, depth)
        if returns:
            made["return"] = elm.returning(inner.expression(type_.element, depth), distinct=self.draw(st.booleans()))
        key = self.sort_key(type_.element) if self.draw(st.booleans()) else None
        return made | ({"sort": key} if key else {})

    def _clauses(self, sources: Sequence[tuple[str, Json, Type]], depth: int) -> tuple[Writer, Json]:
        """A query's sources, let, with, without and where; and a writer that knows their names."""
        made: Json = {
            "type": "Query",
            "source": [{"alias": alias, "expression": node} for alias, node, _ in sources],
            "relationship": [],
        }
        inner = self.knowing(*((elm.alias(alias), element) for alias, _, element in sources))
        if not self.draw(st.integers(0, 3)):
            name, type_ = self.fresh("v"), self.one((INTEGER, DATETIME, CONCEPT, QUANTITY, BOOLEAN))
            made["let"] = [{"identifier": name, "expression": inner.expression(type_, depth)}]
            inner = inner.knowing((elm.ref(name, "QueryLetRef"), type_))
        for _ in range(self.one((0, 0, 0, 1, 1, 2))):
            alias, node, element = inner.source(depth)
            such_that = inner.knowing((elm.alias(alias), element)).expression(BOOLEAN, depth)
            made["relationship"].append(elm.related(self.one(("With", "Without")), node, alias, such_that))
        if self.draw(st.booleans()):
            made["where"] = inner.expression(BOOLEAN, depth)
        return inner, made

    def of_one(self, type_: Type, depth: int) -> Json:
        """A query over one value."""
        alias, node, element = self.source(depth, single=True)
        inner, made = self._clauses([(alias, node, element)], depth)
        return made | {"return": elm.returning(inner.expression(type_, depth))}

    def aggregate(self, type_: Type, depth: int) -> Json:
        """A query with an aggregate clause."""
        alias, node, element = self.source(depth)
        inner, made = self._clauses([(alias, node, element)], depth)
        total = self.fresh("t")
        body = inner.knowing((elm.ref(total, "QueryLetRef"), type_)).expression(type_, depth)
        clause = {"identifier": total, "expression": body, "starting": constant(self.draw, type_)}
        return made | {"aggregate": clause | {"distinct": self.draw(st.booleans())}}

    def sort_key(self, element: Type) -> Json | None:
        """What to sort elements by; None when nothing about them has an order."""
        direction = self.one(("asc", "desc"))
        if element in ORDERED:
            return {"by": [{"type": "ByDirection", "direction": direction}]}
        if isinstance(element, TupleOf):
            names = [n for n, t in element.elements if t in ORDERED]
            return {"by": [{"type": "ByColumn", "direction": direction, "path": self.one(names)}]}
        this = elm.ref("$this", "IdentifierRef")
        reads = [read(this) for result, read in FIELDS.get(element, ()) if result in ORDERED and result != QUANTITY]
        return (
            {"by": [{"type": "ByExpression", "direction": direction, "expression": self.one(reads)}]} if reads else None
        )


# --- libraries -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A drawn library: its ELM, and the defines in order with their types."""

    elm: Json
    defines: tuple[tuple[str, Type], ...]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """A failing test says what differs; the whole library would drown it."""
        printer.text(f"a library of {len(self.defines)} defines")


def sections() -> Json:
    """The terminology that expressions refer to."""
    systems = [{"name": name, "id": url} for name, url in zip(("One", "Two"), SYSTEMS, strict=True)]
    return {"codeSystems": systems, "valueSets": [{"name": "VS", "id": VALUE_SET}]}


VALUE_SETS = {VALUE_SET: [(SYSTEMS[0], "a"), (SYSTEMS[1], "b"), (SYSTEMS[1], "nowhere")]}


def _function(writer: Writer, name: str, depth: int) -> Json:
    operands = {f"o{i}": writer.one((*SCALARS, *INTERVALS, ListOf(INTEGER), *ROWS)) for i in range(2)}
    result = writer.one(SCALARS)
    known = [(elm.ref(n, "OperandRef"), t) for n, t in operands.items()]
    body = replace(writer, names=tuple(known), records=False, functions=[]).expression(result, depth)
    writer.functions.append((name, tuple(operands.values()), result))
    declared = [{"name": n, "operandTypeSpecifier": specifier(t)} for n, t in operands.items()]
    return {"type": "FunctionDef", "name": name, "context": "Patient", "operand": declared, "expression": body}


@st.composite
def libraries(draw: Draw, *, defines: int = 10, depth: int = 3, least: int = 1, records: bool = True) -> Drawn:
    """A library of some defines; without `records` of constants only."""
    writer = Writer(draw, records=records)
    functions = [_function(writer, f"f{i}", depth - 1) for i in range(draw(st.integers(0, 2)))] if records else []
    made: dict[str, Json] = {}
    types: list[tuple[str, Type]] = []
    allowed = [t for t in TYPES if records or not (isinstance(t, ListOf) and t.element in ROWS)]
    for number in range(draw(st.integers(least, defines))):
        name, type_ = f"D{number}", draw(st.sampled_from(allowed))
        made[name] = writer.expression(type_, depth)
        writer.names = (*writer.names, (elm.ref(name), type_))
        types.append((name, type_))
    return Drawn({"defines": made, "functions": functions}, tuple(types))
