"""ELM to structured values: the dispatch over node kinds, definitions, functions and references.

A define is compiled once per run, whoever asks, into rows per patient or one row per patient; a function is evaluated
at its call with the values of its arguments. Nothing here knows a measure.
Leaves to others: operators (`operators`), queries (`queries`), retrieves, FHIR elements, and running the plan (`plan`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from salus.elm import nodes as n
from salus.elm.library import Includes, Library
from salus.elm.types import ANY, ChoiceOf, ListOf, Named, Type
from salus.errors import SalusError
from salus.logic import everyone
from salus.logic import frame as frames
from salus.logic.context import Context, memo
from salus.logic.conversions import HELPERS, convert
from salus.logic.data import Codes, Data
from salus.logic.expr import FALSE, TRUE, Col, Const, E, Op, and_, case, columns_of, eq, is_test, truth, written_size
from salus.logic.frame import Frame, Link, Rows
from salus.logic.literals import literal_list
from salus.logic.operators import OPERATORS
from salus.logic.operators.bounds import RANGED, extreme
from salus.logic.operators.intervals import select
from salus.logic.operators.sorting import order_key
from salus.logic.operators.types import calendar_unit, converted
from salus.logic.operators.validity import backwards, forward
from salus.logic.properties import get_path
from salus.logic.queries import only_if, query, scoped
from salus.logic.relation import Select, Table
from salus.logic.retrieve import retrieve
from salus.logic.values import (
    BOOLEAN,
    CODE,
    CONCEPT,
    DECIMAL,
    INTEGER,
    LONG,
    NOTHING,
    QUANTITY,
    RATIO,
    STRING,
    Choice,
    CodeFields,
    CodeLiterals,
    Element,
    Interval,
    ListLiteral,
    Mismatch,
    Nothing,
    Point,
    Quantity,
    Resource,
    Tuple,
    Value,
    ValueSetValue,
    boolean,
    combine,
    leaves_of,
    matches,
    narrow,
    present,
    remap,
    type_of,
)  # fmt: skip

_BIND = 24  # an expression of more nodes than this, coming out of a function, becomes a column of its own
_LARGE = 400  # likewise out of an operator: the next one may name it several times, and so on


class Defined(Struct, frozen=True, eq=False):
    """A compiled define: rows (`rows`), or one value per patient in `relation`; a constant has no relation. `everyone`:
    the one value of all patients."""

    value: Value
    relation: Select | None
    pid: E
    everyone: bool = False


class Check(Struct, frozen=True, eq=False):
    """A promise to verify after the run: no group of `relation` has a count above one."""

    relation: Select
    count: str
    where: str


class Origin(Struct, frozen=True):
    """A define: its library, its name, and where in the library's text it stands."""

    library: str
    define: str
    locator: str


class Compiler:
    """Compiles the defines of a run against one population."""

    def __init__(
        self,
        includes: Includes,
        data: Data,
        value_set: Callable[[str, str | None, str], Codes],
        parameters: Mapping[str, Value],
        now: datetime,
    ) -> None:
        self.includes, self.data, self.now = includes, data, now
        self.parameters = parameters
        self.undivided = False
        self.gaps: dict[str, None] = {}
        self.errors: dict[str, None] = {}
        self.checks: list[Check] = []
        self.origins: dict[int, Origin] = {}
        self._value_set = value_set
        self._defined: dict[tuple[str, str, str], Defined] = {}
        self._open: list[tuple[str, str, str]] = []
        self._memo: dict[int, dict[Any, Any]] = {}
        self._kept: list[object] = []

    def gap(self, message: str) -> None:
        """Note that the population has nothing for something a library looks for."""
        self.gaps[message] = None

    def memo(self, frame: Frame) -> dict[Any, Any]:
        """The values already computed for a frame; the frame is kept so that its identity stays its own."""
        if id(frame) not in self._memo:
            self._memo[id(frame)] = {}
            self._kept.append(frame)
        return self._memo[id(frame)]

    def value_set(self, value: ValueSetValue) -> Codes:
        return self._value_set(value.url, value.version, value.asked_by)

    def check_single(self, relation: Select, count: E, where: str) -> None:
        """Have the run verify that no group has more than one row, and say where if one does."""
        relation.materialised = relation.materialised or "single"
        self.checks.append(Check(relation, relation.export(count), where))

    # -- definitions ------------------------------------------------------------------------------------------------

    def define(self, library: Library, name: str, asked_by: str = "") -> Defined:
        """The define `name`, compiled once."""
        key = (library.name, library.version, name)
        if key not in self._defined:
            if key in self._open:
                raise SalusError(f'{library.label}: "{name}" is defined in terms of itself')
            self._open.append(key)
            self._defined[key] = self._compile(library, library.expression(name, asked_by))
            self._open.pop()
        return self._defined[key]

    def result(self, library: Library, name: str) -> tuple[Value, Context]:
        """The value of a define and the frame of patients it stands in."""
        defined = self.define(library, name)
        cx = Context(self, library, name, self.patients(None if defined.everyone else defined))
        return self.use(defined, cx), cx

    def apply(self, library: Library, name: str, operand: Value, cx: Context) -> Value:
        """The value of a function of one operand."""
        for function in library.functions(name):
            if len(function.operands) == 1 and function.expression is not None:
                inner = replace(cx, aliases={}, operands={function.operands[0][0]: operand})
                return self.value(function.expression, inner)
        raise SalusError(f'{library.label} has no function "{name}" of one argument')

    def _compile(self, library: Library, definition: n.ExpressionDef) -> Defined:
        body, alone = definition.expression, library.of_everyone(definition)
        if isinstance(body, n.Ref) and body.kind == "ExpressionRef" and not alone:
            return self.define(self.includes.included(library, body.library), body.name, library.label)
        frame = self.patients()
        if alone:
            frame.filter(eq(frame.pid, everyone.ONE))
            self.undivided = True
        cx = Context(self, library, definition.name, frame, context=definition.context, everyone=alone)
        value = self.value(body, cx)
        if isinstance(value, Rows):
            frames.anchor(value)
            rows = frames.settle(value, frame)
            rows.frame.select.materialised = rows.frame.select.materialised or definition.name
            self._made(rows.frame.select, library, definition)
            for e in (rows.link.inner, rows.frame.pid):
                rows.frame.reach(e)
            return Defined(rows, None, frame.pid, alone)
        if not _has_columns(value) or _is_subject(value, frame):
            return Defined(value, None, frame.pid, alone)
        remap_lists(value, frame.reach)
        frame.select.materialised = definition.name
        self._made(frame.select, library, definition)
        return Defined(value, frame.select, frame.pid, alone)

    def _made(self, select: Select, library: Library, definition: n.ExpressionDef) -> None:
        origin = Origin(library.label, definition.name, definition.locator or "")
        self.origins.setdefault(select.id, origin)

    def patients(self, within: Defined | None = None) -> Frame:
        """A frame of all patients, one row each: those of a define's own table, where it has one of them."""
        if within is not None and within.relation is not None:
            return frames.per_patient(self.data, within.relation, within.pid)
        table = Table("Patient")
        select_ = Select()
        select_.join("from", table)
        pid = table.col("pid")
        return Frame(self.data, select_, pid, None, None, pid, (pid,))

    # -- expressions ------------------------------------------------------------------------------------------------

    def value(self, node: n.Node, cx: Context) -> Value:
        """The structured value of any expression node."""
        handler = NODES.get(type(node))
        if handler is None:
            cx.fail(node, f"{type(node).__name__} is not supported")
        try:
            return handler(self, node, cx)
        except Mismatch as error:
            cx.fail(node, str(error))

    def _literal(self, node: n.Literal, cx: Context) -> Value:
        match node.type:
            case "System.Boolean":
                return boolean(TRUE if node.value.lower() == "true" else FALSE)
            case "System.Integer":
                return Point(INTEGER, Const(int(node.value)))
            case "System.Long":
                return Point(LONG, Const(int(node.value.removesuffix("L"))))
            case "System.Decimal":
                return Point(DECIMAL, Const(Decimal(node.value)))
            case "System.String":
                return Point(STRING, Const(node.value))
            case "System.Date" | "System.DateTime" | "System.Time":
                return converted(cx, node, Point(STRING, Const(node.value)), node.type.removeprefix("System."))
        cx.fail(node, f"a literal of type {node.type} is not supported")

    def _quantity(self, node: n.QuantityLiteral, cx: Context) -> Value:
        unit = calendar_unit(node.unit or "1")
        return Quantity(Const(Decimal(node.value)), Const(unit), frozenset({unit}))

    def _ratio(self, node: n.RatioLiteral, cx: Context) -> Value:
        parts = {"numerator": node.numerator, "denominator": node.denominator}
        return Tuple({name: self._quantity(part, cx) for name, part in parts.items()}, TRUE, RATIO)

    def _ref(self, node: n.Ref, cx: Context) -> Value:
        return REFS[node.kind](self, node, cx)

    def _expression_ref(self, node: n.Ref, cx: Context) -> Value:
        library = self.includes.included(cx.library, node.library)
        defined = self.define(library, node.name, cx.library.label)
        return self.use(defined, cx)

    def use(self, defined: Defined, cx: Context) -> Value:
        """A define's value inside a frame."""
        value, relation = defined.value, defined.relation
        if cx.everyone and not defined.everyone:
            return self._of_each(defined, cx)
        if isinstance(value, Rows):
            used = _use_rows(value, cx.frame)
            return everyone.for_each(used, cx.frame) if defined.everyone and not cx.everyone else used
        if relation is None:
            return replace(value, rid=cx.frame.pid) if isinstance(value, Resource) else value

        def move(e: E) -> E:
            if not columns_of(e):
                return e
            if is_test(e) and not defined.everyone and not cx.frame.has_joined(relation):
                return cx.frame.holds_for(relation, defined.pid, e)
            of = everyone.ONE if defined.everyone else None
            return Col(cx.frame.join_per_patient(relation, defined.pid, of).id, relation.export(e))

        def make() -> Value:
            return remap_lists(value, move)

        return memo(cx, "define", (defined,), make)

    def _of_each(self, defined: Defined, cx: Context) -> Value:
        """All patients' values of a define, as a list; of lists, their elements."""
        if isinstance(defined.value, Rows):
            rows = _use_rows(defined.value, cx.frame)
        else:
            frame = self.patients(defined)
            frame.parent, frame.link = cx.frame, Link(frame.pid)
            rows = Rows(frame, self.use(defined, Context(self, cx.library, cx.define, frame)))
        everyone.pool(rows.frame)
        return rows

    def _parameter_ref(self, node: n.Ref, cx: Context) -> Value:
        if node.name in self.parameters:
            return self.parameters[node.name]
        library = self.includes.included(cx.library, node.library)
        declared = library.parameters.get(node.name)
        if declared is None:
            cx.fail(node, f'{library.label} declares no parameter "{node.name}"')
        if declared.default is None:
            cx.error(node, f'parameter "{node.name}" has no value and counts as null')
            return NOTHING
        return self.value(declared.default, cx)

    def _operand_ref(self, node: n.Ref, cx: Context) -> Value:
        if node.name not in cx.operands:
            cx.fail(node, f"there is no operand {node.name} here")
        value = cx.operands[node.name]
        return frames.instance(value, cx.frame) if isinstance(value, Rows) else value

    def _alias_ref(self, node: n.Ref, cx: Context) -> Value:
        if node.name not in cx.aliases:
            cx.fail(node, f"there is no alias {node.name} here")
        value = cx.aliases[node.name]
        found = value() if callable(value) else value
        return frames.instance(found, cx.frame) if isinstance(found, Rows) else found

    def _identifier_ref(self, node: n.Ref, cx: Context) -> Value:
        if node.name in cx.aliases:
            return self._alias_ref(node, cx)
        this = cx.aliases.get("$this")
        if this is None or callable(this):
            cx.fail(node, f"{node.name} is not known here")
        return get_path(cx, node, this, node.name)

    def _code_ref(self, node: n.Ref, cx: Context) -> Value:
        library = self.includes.included(cx.library, node.library)
        if node.name not in library.codes:
            cx.fail(node, f'{library.label} declares no code "{node.name}"')
        return self._declared_code(library, library.codes[node.name], cx, node)

    def _declared_code(self, library: Library, code: Mapping[str, Any], cx: Context, node: n.Node) -> CodeFields:
        named = code["codeSystem"]
        owner = self.includes.included(library, named.get("libraryName"))
        if named["name"] not in owner.code_systems:
            cx.fail(node, f'{owner.label} declares no code system "{named["name"]}"')
        uri = owner.code_systems[named["name"]]["id"]
        return CodeFields(CODE, Const(code["id"]), Const(uri), display=Const(code.get("display")))

    def _concept_ref(self, node: n.Ref, cx: Context) -> Value:
        library = self.includes.included(cx.library, node.library)
        if node.name not in library.concepts:
            cx.fail(node, f'{library.label} declares no concept "{node.name}"')
        codes = []
        for part in library.concepts[node.name].get("code", ()):
            owner = self.includes.included(library, part.get("libraryName"))
            codes.append(self._declared_code(owner, owner.codes[part["name"]], cx, node))
        return _concept(codes)

    def _value_set_ref(self, node: n.Ref, cx: Context) -> Value:
        library = self.includes.included(cx.library, node.library)
        if node.name not in library.value_sets:
            cx.fail(node, f'{library.label} declares no value set "{node.name}"')
        declared = library.value_sets[node.name]
        return ValueSetValue(declared["id"], declared.get("version"), f'{library.label} ("{node.name}")')

    def _code_selector(self, node: n.CodeSelector, cx: Context) -> CodeFields:
        owner = self.includes.included(cx.library, node.system.library)
        uri = owner.code_systems[node.system.name]["id"]
        return CodeFields(CODE, Const(node.code), Const(uri), display=Const(node.display))

    def _concept_selector(self, node: n.ConceptSelector, cx: Context) -> Value:
        return _concept([self._code_selector(code, cx) for code in node.codes])

    def _property(self, node: n.Property, cx: Context) -> Value:
        if node.source is not None:
            source = self.value(node.source, cx)
        else:
            source = self._alias_ref(n.Ref("AliasRef", node.scope or "", locator=node.locator), cx)
        if isinstance(source, Rows):
            cx.fail(node, f"the element {node.path} of a list is not supported")
        return get_path(cx, node, source, node.path)

    def _operator(self, node: n.Operator, cx: Context) -> Value:
        if node.op == "SingletonFrom" and _is_context(node.operands[0], cx):
            return Resource(Named(f"FHIR.{cx.context}"), cx.frame.pid)
        if node.op == "Message":
            return self._message(node, cx)
        handler = OPERATORS.get(node.op)
        if handler is None:
            cx.fail(node, f"{node.op} is not supported")
        values = [NOTHING if operand is None else self.value(operand, cx) for operand in node.operands]
        return bound(cx.frame, handler(cx, node, *values), _LARGE)

    def _message(self, node: n.Operator, cx: Context) -> Value:
        """Message hands on its source; one of severity Error that always applies has no value."""
        source, condition, _, severity, _ = (
            NOTHING if operand is None else self.value(operand, cx) for operand in node.operands
        )
        is_error = isinstance(severity, Point) and severity.low == Const("Error")
        if not is_error:
            return source
        held = condition.low if isinstance(condition, Point) else TRUE
        if held == TRUE:
            cx.error(node, "Error: the message always applies")
        return only_if(cx, node, Op("not_true", (truth(held),)) if not isinstance(held, Const) else _off(held), source)

    def _type_operator(self, node: n.TypeOperator, cx: Context) -> Value:
        if node.op in ("MinValue", "MaxValue"):
            if str(node.type) not in RANGED:
                cx.ill_typed(node, f"{node.op} of {node.type} is not defined")
            return _extreme(node.type, top=node.op == "MaxValue")
        assert node.operand is not None
        value = self.value(node.operand, cx)
        if node.op == "As":
            return value if isinstance(value, Rows) else narrow(value, node.type)
        if node.op == "Is":
            return boolean(_is(value, node.type))
        made = converted(cx, node, value, str(node.type).removeprefix("System."))
        if node.op == "Convert":
            return made
        return boolean(case([(present(value), present(made))]))

    def _if(self, node: n.If, cx: Context) -> Value:
        return self._choose([(node.condition, node.then)], node.otherwise, node, cx)

    def _case(self, node: n.Case, cx: Context) -> Value:
        if node.comparand is None:
            return self._choose(node.items, node.otherwise, node, cx)
        compared = tuple(
            (n.Operator("Equal", (node.comparand, when), locator=node.locator), then) for when, then in node.items
        )
        return self._choose(compared, node.otherwise, node, cx)

    def _choose(self, items: Any, otherwise: n.Node, node: n.Node, cx: Context) -> Value:
        conditions: list[E] = []
        values: list[Value] = []
        for when, then in items:
            condition = self.value(when, cx)
            held = truth(condition.low) if isinstance(condition, Point) else FALSE
            if held == FALSE:
                continue
            conditions.append(held)
            values.append(self.value(then, cx))
            if held == TRUE:
                break
        else:
            conditions.append(TRUE)
            values.append(self.value(otherwise, cx))
        return _chosen(cx, node, conditions, values)

    def _interval(self, node: n.IntervalSelector, cx: Context) -> Value:
        bounds = [NOTHING if b is None else self.value(b, cx) for b in (node.low, node.high)]
        if all(isinstance(b, Nothing) for b in bounds):
            bounds = _whole_range(node) or bounds
        flags = [self._flag(f, cx) for f in (node.low_closed, node.high_closed)]
        made = select(bounds[0], bounds[1], flags[0], flags[1])
        if backwards(made):
            cx.error(node, "an interval ends before it starts")
            return NOTHING
        return forward(made)

    def _flag(self, flag: n.Node | bool, cx: Context) -> E:
        if isinstance(flag, bool):
            return Const(flag)
        value = self.value(flag, cx)
        return value.low if isinstance(value, Point) else FALSE

    def _list(self, node: n.ListSelector, cx: Context) -> Value:
        return ListLiteral(tuple(self.value(e, cx) for e in node.elements))

    def _tuple(self, node: n.TupleSelector, cx: Context) -> Value:
        fields = ((name, self.value(e, cx)) for name, e in node.elements)
        return Tuple({name: _as_rows(cx, value) for name, value in fields}, TRUE)

    def _instance(self, node: n.Instance, cx: Context) -> Value:
        fields = {name: self.value(e, cx) for name, e in node.elements}
        if node.class_type == "System.Quantity":
            return _quantity_of(fields)
        if node.class_type == "System.Code":
            texts = {name: v.low for name, v in fields.items() if isinstance(v, Point)}
            return CodeFields(CODE, *(texts.get(k, Const(None)) for k in ("code", "system", "version", "display")))
        return Tuple(fields, TRUE, Named(node.class_type))

    def _sort(self, node: n.Sort, cx: Context) -> Value:
        value = _as_rows(cx, self.value(node.source, cx))
        if not isinstance(value, Rows):
            return value
        inner = cx.within(value.frame, **{"$this": value.element})
        keys = []
        for key in node.by:
            by = value.element if key.path is None else get_path(inner, key, value.element, key.path)
            by = self.value(key.expression, inner) if key.expression else by
            keys.append((key.descending, order_key(inner, key, by)))
        return Rows(value.frame, value.element, value.distinct, tuple(keys), value.element_type)

    def _query(self, node: n.Query, cx: Context) -> Value:
        return query(cx, node)

    def _retrieve(self, node: n.Retrieve, cx: Context) -> Value:
        return retrieve(cx, node)

    # -- functions --------------------------------------------------------------------------------------------------

    def _function_ref(self, node: n.FunctionRef, cx: Context) -> Value:
        library = self.includes.included(cx.library, node.library)
        values = tuple(self.value(operand, cx) for operand in node.operands)
        if library.name == "FHIRHelpers" and node.name in HELPERS and len(values) == 1:
            return convert(cx, node, node.name, values[0])
        function = self._overload(library, node, values, cx)
        if function.expression is None:
            cx.fail(node, f'{library.label}: function "{node.name}" is external')
        operands = dict(zip((name for name, _ in function.operands), values, strict=True))
        inner = Context(self, library, f"{cx.define}/{node.name}", cx.frame, {}, operands, cx.context, cx.everyone)
        body = function.expression
        if any(isinstance(v, Rows) for v in values):
            return self.value(body, inner)
        return memo(cx, function, values, lambda: bound(cx.frame, self.value(body, inner)))

    def _overload(self, library: Library, node: n.FunctionRef, values: tuple[Value, ...], cx: Context) -> n.FunctionDef:
        found = library.functions(node.name, len(values))
        if not found:
            cx.fail(node, f'{library.label} has no function "{node.name}" of {len(values)} arguments')
        for function in found:
            types = tuple(type_ for _, type_ in function.operands)
            if node.signature and types == node.signature:
                return function
        fitting = [f for f in found if all(_accepts(t, v) for (_, t), v in zip(f.operands, values, strict=True))]
        return (fitting or found)[0]


def _whole_range(node: n.IntervalSelector) -> list[Value] | None:
    """Neither bound is known: the ends of the point type, where the author states it and both ends are closed."""
    types = [b.type for b in (node.low, node.high) if isinstance(b, n.TypeOperator) and b.written]
    if len(types) < 2 or str(types[0]) not in RANGED or not (node.low_closed is True and node.high_closed is True):
        return None
    return [_extreme(types[0], top=top) for top in (False, True)]


def _extreme(type_: Type, *, top: bool) -> Value:
    """The least or greatest value of a type; of quantities that of a plain number."""
    assert isinstance(type_, Named)
    if type_ == QUANTITY:
        return Quantity(extreme(DECIMAL, top=top).low, Const("1"), frozenset({"1"}))
    return extreme(type_, top=top)


def _as_rows(cx: Context, value: Value) -> Value:
    """A list written out, as rows: an element of a tuple may meet other lists later."""
    return literal_list(cx, value) if isinstance(value, ListLiteral) and value.items else value


def _concept(codes: Sequence[CodeFields]) -> Value:
    """A literal concept: of one code by its fields, which can stand beside codes of the data."""
    if len(codes) == 1:
        return replace(codes[0], type=CONCEPT)
    return CodeLiterals(CONCEPT, tuple(codes))


def _off(held: Const) -> E:
    return FALSE if held.value is True else TRUE


def _use_rows(rows: Rows, frame: Frame) -> Rows:
    """A define's list inside a frame: rows of the materialised define, linked by patient."""
    relation = rows.frame.select
    used = frames.over(relation, rows, frame)
    used.frame.parent = frame
    used.frame.link = Link(Col(used.frame.select.joins[0].source.id, relation.export(rows.frame.pid)))
    return used


def _is_context(node: n.Node | None, cx: Context) -> bool:
    """`singleton from [Patient]`, which is what the context's own name stands for."""
    return isinstance(node, n.Retrieve) and node.data_type == f"FHIR.{cx.context}" and node.codes is None


def _is(value: Value, type_: Type) -> E:
    found = narrow(value, type_)
    return FALSE if isinstance(found, Nothing) else present(found)


def _chosen(cx: Context, node: n.Node, conditions: list[E], values: list[Value]) -> Value:
    if conditions[0] == TRUE:
        return values[0]
    if _are_lists(values):
        values = [_as_rows(cx, v) for v in values]
    if any(isinstance(v, Rows) for v in values):
        kept = [only_if(cx, node, e, v) for e, v in zip(_exclusive(conditions), values, strict=True)]
        lists = [v for v in kept if isinstance(v, Rows)]
        return lists[0] if len(lists) == 1 else frames.union(lists, cx.frame, distinct=False)
    return combine(values, lambda parts: case(list(zip(conditions, parts, strict=True))))


def _are_lists(values: Sequence[Value]) -> bool:
    """Whether values are lists that cannot be combined element by element."""
    lengths = {len(v.items) if isinstance(v, ListLiteral) else None for v in values}
    return len(lengths) > 1 and any(isinstance(v, ListLiteral) for v in values)


def _exclusive(conditions: Sequence[E]) -> list[E]:
    """Each condition where none before it holds."""
    return [and_(*(Op("not_true", (c,)) for c in conditions[:i]), held) for i, held in enumerate(conditions)]


def _quantity_of(fields: Mapping[str, Value]) -> Value:
    number, unit = fields.get("value", NOTHING), fields.get("unit", NOTHING)
    if not isinstance(number, Point):
        return NOTHING
    text = unit.low if isinstance(unit, Point) else Const("1")
    if isinstance(text, Const):
        text = Const(calendar_unit(str(text.value)))
    return Quantity(number.low, text, _possible(text))


def _possible(e: E) -> frozenset[str] | None:
    """The texts an expression can have, when it says."""
    match e:
        case Const(value=str(text)):
            return frozenset({text})
        case Const():
            return frozenset()
        case Op(op="coalesce", args=args):
            parts = [_possible(a) for a in args]
        case Op(op="case", args=args):
            parts = [_possible(a) for a in (*args[1::2], args[-1])]
        case _:
            return None
    return None if None in parts else frozenset().union(*(p for p in parts if p is not None))


def _accepts(type_: Type | None, value: Value) -> bool:
    """Whether an argument fits an operand's type; lists by their elements."""
    if type_ is None or type_ == ANY or isinstance(value, Nothing):
        return True
    if isinstance(value, Choice):
        return any(matches(type_, option) for option in value.options)
    actual = type_of(value)
    if isinstance(type_, ListOf) and isinstance(actual, ListOf):
        wanted = type_.element.types if isinstance(type_.element, ChoiceOf) else (type_.element,)
        return actual.element in wanted or ANY in wanted
    return matches(type_, value)


def _is_subject(value: Value, frame: Frame) -> bool:
    """Whether a value is the patient that each row of the frame is about: then it needs no table of its own."""
    return isinstance(value, Resource) and value.rid == frame.pid


def _has_columns(value: Value) -> bool:
    """Whether a value depends on the row; the columns of an element are not known before they are asked for."""
    match value:
        case Resource() | Element():
            return True
        case Choice(options=parts) | ListLiteral(items=parts):
            return any(map(_has_columns, parts))
        case Tuple(fields=fields, present=there):
            return bool(columns_of(there)) or any(map(_has_columns, fields.values()))
    return any(bool(columns_of(e)) for e in leaves_of(value))


def remap_lists(value: Value, fn: Callable[[E], E]) -> Value:
    """`remap`, also through lists whose elements are known one by one."""
    if isinstance(value, ListLiteral):
        return ListLiteral(tuple(remap_lists(item, fn) for item in value.items))
    if isinstance(value, (ValueSetValue, CodeLiterals, Rows)):
        return value
    return remap(value, fn)


def bound(frame: Frame, value: Value, limit: int = _BIND) -> Value:
    """A result with its larger leaves computed once per row."""
    made: dict[int, tuple[E, E]] = {}

    def leaf(e: E) -> E:
        if written_size(e) <= limit or not frame.select.covers(columns_of(e)):
            return e
        if id(e) not in made:
            made[id(e)] = (e, frame.bind(e))
        return made[id(e)][1]

    if not isinstance(value, (Point, Interval, Quantity)) or (isinstance(value, Point) and value.type == BOOLEAN):
        return value
    return remap(value, leaf)


REFS: dict[str, Callable[[Compiler, n.Ref, Context], Value]] = {
    "ExpressionRef": Compiler._expression_ref,
    "ParameterRef": Compiler._parameter_ref,
    "OperandRef": Compiler._operand_ref,
    "AliasRef": Compiler._alias_ref,
    "QueryLetRef": Compiler._alias_ref,
    "IdentifierRef": Compiler._identifier_ref,
    "CodeRef": Compiler._code_ref,
    "ConceptRef": Compiler._concept_ref,
    "ValueSetRef": Compiler._value_set_ref,
}
NODES: dict[type, Callable[[Compiler, Any, Context], Value]] = {
    n.Literal: Compiler._literal,
    n.Null: lambda compiler, node, cx: NOTHING,
    n.QuantityLiteral: Compiler._quantity,
    n.RatioLiteral: Compiler._ratio,
    n.Ref: Compiler._ref,
    n.Property: Compiler._property,
    n.Operator: Compiler._operator,
    n.TypeOperator: Compiler._type_operator,
    n.If: Compiler._if,
    n.Case: Compiler._case,
    n.IntervalSelector: Compiler._interval,
    n.ListSelector: Compiler._list,
    n.TupleSelector: Compiler._tuple,
    n.Instance: Compiler._instance,
    n.CodeSelector: Compiler._code_selector,
    n.ConceptSelector: Compiler._concept_selector,
    n.Retrieve: Compiler._retrieve,
    n.Query: Compiler._query,
    n.Sort: Compiler._sort,
    n.ScopedOperator: lambda compiler, node, cx: scoped(cx, node),
    n.FunctionRef: Compiler._function_ref,
}
