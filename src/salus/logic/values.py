"""Structured values at compile time: what an expression is made of, with columns at the leaves.

A DateTime is its first and last possible instant, an interval its bounds, flags and presence, a choice the list of its
alternatives, a resource the key of its row. Type tests, conversions and selections then happen here, once, while
compiling, and only leaves become SQL. `combine` rebuilds values leaf by leaf: it is how a CASE, a union of lists, an
aggregate or a temporary table carries a structured value.
Leaves to others: operators (`salus.logic.ops`), rows and joins (`frame`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, TupleOf, Type
from salus.errors import SalusError
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, case, coalesce, is_true, not_null, or_

if TYPE_CHECKING:
    from salus.logic.frame import Rows


class Row(Protocol):
    """A row of a stored table as seen from the current expression."""

    @property
    def table(self) -> str: ...
    @property
    def key(self) -> E: ...
    def col(self, name: str) -> E: ...


class Nothing(Struct, frozen=True, eq=False):
    """The null literal: of every type."""


class Empty(Nothing, frozen=True, eq=False):
    """A list that holds nothing, whoever the patient is: the records have nothing of what it looks for."""


class Point(Struct, frozen=True, eq=False):
    """A Boolean, number, string, date or time. With uncertainty, any value from `low` to `high`; else high is None.

    `precision` is the column of a date's stated precision (1 year .. 7 millisecond), or None where it is full.
    `offset` is in minutes east of UTC, where a DateTime states one: it matters only for showing it and for its parts.
    """

    type: Named
    low: E
    high: E | None = None
    precision: E | None = None
    offset: E | None = None

    @property
    def top(self) -> E:
        """The last possible value."""
        return self.low if self.high is None else self.high


class Quantity(Struct, frozen=True, eq=False):
    """A value with a UCUM or calendar unit; `units` are all the unit texts the unit can have, when known."""

    value: E
    unit: E
    units: frozenset[str] | None
    type: Named = Named("System.Quantity")


class Coded(Struct, frozen=True, eq=False):
    """A Code or Concept of the data, by its id in the population's dictionary."""

    type: Named
    id: E


class CodeFields(Struct, frozen=True, eq=False):
    """A single code spelled out: a literal, or one coding of a concept."""

    type: Named
    code: E
    system: E
    version: E = NULL
    display: E = NULL


class CodeLiterals(Struct, frozen=True, eq=False):
    """A literal Concept of several codes."""

    type: Named
    fields: tuple[CodeFields, ...]

    @property
    def codes(self) -> frozenset[tuple[str, str]]:
        """(system, code) pairs."""
        return frozenset((_constant(each.system), _constant(each.code)) for each in self.fields)


def _constant(e: E) -> str:
    assert isinstance(e, Const)
    return str(e.value)


class Interval(Struct, frozen=True, eq=False):
    """An interval of points or quantities. `present` is whether it is not null (never null itself)."""

    low: Value
    high: Value
    low_closed: E
    high_closed: E
    present: E
    type: IntervalOf


class Tuple(Struct, frozen=True, eq=False):
    """Named elements; an instance of a class keeps the class as its type."""

    fields: Mapping[str, Value]
    present: E
    type: Type = ANY


class Element(Struct, frozen=True, eq=False):
    """A complex FHIR element inside a row: Period, Reference, a backbone; `path` is '' for a child's own row."""

    type: Named
    row: Row
    path: str


class Resource(Struct, frozen=True, eq=False):
    """A resource by its row key; `row` when its table is at hand, else it is joined when an element is asked for."""

    type: Named
    rid: E
    row: Row | None = None


class Choice(Struct, frozen=True, eq=False):
    """One of several values of different types: at most one of them is not null."""

    options: tuple[Value, ...]


class ListLiteral(Struct, frozen=True, eq=False):
    """A list whose elements are known one by one."""

    items: tuple[Value, ...]


class Texts(Struct, frozen=True, eq=False):
    """The parts of a text, split by a separator (`split`) or by a pattern (`split_on_matches`)."""

    text: E
    separator: E
    split: str = "split"

    @property
    def type(self) -> Type:
        return ListOf(STRING)


class ValueSetValue(Struct, frozen=True, eq=False):
    """A value set by canonical url, with who refers to it."""

    url: str
    version: str | None
    asked_by: str


Value: TypeAlias = (
    "Nothing | Point | Quantity | Coded | CodeFields | CodeLiterals | Interval | Tuple | Element | Resource | Choice"
    " | ListLiteral | Texts | ValueSetValue | Rows"
)

NOTHING = Nothing()
EMPTY = Empty()
BOOLEAN, INTEGER, LONG = Named("System.Boolean"), Named("System.Integer"), Named("System.Long")
DECIMAL, STRING = Named("System.Decimal"), Named("System.String")
DATE, DATETIME, TIME = Named("System.Date"), Named("System.DateTime"), Named("System.Time")
RATIO = Named("System.Ratio")
QUANTITY, CODE, CONCEPT = Named("System.Quantity"), Named("System.Code"), Named("System.Concept")


def boolean(e: E) -> Point:
    return Point(BOOLEAN, e)


def type_of(value: Value) -> Type:
    """The type of a structured value; System.Any for null."""
    match value:
        case Choice(options=options):
            return ChoiceOf(tuple(type_of(option) for option in options))
        case ListLiteral(items=items):
            return ListOf(type_of(items[0]) if items else ANY)
        case Nothing():
            return ANY
        case ValueSetValue():
            return Named("System.ValueSet")
    found: Type = getattr(value, "type", ANY)
    return found


def present(value: Value) -> E:
    """Whether the value is not null (never null itself)."""
    match value:
        case Empty():
            return TRUE
        case Nothing():
            return FALSE
        case Point(low=low):
            return not_null(low)
        case Quantity(value=number):
            return not_null(number)
        case Coded(id=id_):
            return not_null(id_)
        case CodeFields(code=code):
            return not_null(code)
        case Interval(present=there) | Tuple(present=there):
            return there
        case Element(row=row, path=path):
            return not_null(row.col(path)) if path else not_null(row.key)
        case Resource(rid=rid):
            return not_null(rid)
        case Choice(options=options):
            return or_(*(present(option) for option in options))
        case Texts(text=text):
            return not_null(text)
    return TRUE


class Mismatch(SalusError):
    """Two values of kinds that cannot stand in one place."""


Combine = Callable[[Sequence[E]], E]


class CombinedRow:
    """The rows of several values seen as one: each column is combined when asked for."""

    def __init__(self, rows: Sequence[Row | None], fn: Combine) -> None:
        self._rows, self._fn = rows, fn
        self._made: dict[str, E] = {}
        self.table = next(row.table for row in rows if row is not None)

    @property
    def key(self) -> E:
        return self._get("\0key", lambda row: row.key)

    def col(self, name: str) -> E:
        return self._get(name, lambda row: row.col(name))

    def _get(self, name: str, read: Callable[[Row], E]) -> E:
        if name not in self._made:
            parts = [NULL if row is None else read(row) for row in self._rows]
            self._made[name] = NULL if all(p == NULL for p in parts) else self._fn(parts)
        return self._made[name]


def combine(values: Sequence[Value], fn: Combine) -> Value:
    """One value whose leaves are `fn` of the values' leaves, null for a null; different kinds make a Choice."""
    known = [v for v in values if not isinstance(v, Nothing)]
    if not known:
        return NOTHING
    kinds = {_kind(v) for v in known}
    if len(kinds) > 1 or isinstance(known[0], Choice):
        return _combine_options(values, fn)
    head = known[0]
    for kind, handler in _COMBINERS:
        if isinstance(head, kind):
            combined: Value = handler(values, head, fn)
            return combined
    raise Mismatch(f"a value of type {type_of(head)} cannot be chosen between or kept in a list")


def remap(value: Value, fn: Callable[[E], E]) -> Value:
    """The same value with every leaf replaced."""
    return combine([value], lambda parts: fn(parts[0]))


def leaves_of(value: Value) -> list[E]:
    """Every leaf of a value, lists written out included; none of a value that has no leaves of its own."""
    found: list[E] = []

    def note(parts: Sequence[E]) -> E:
        found.append(parts[0])
        return parts[0]

    if isinstance(value, ListLiteral):
        return [e for item in value.items for e in leaves_of(item)]
    if not isinstance(value, (ValueSetValue, CodeLiterals)):
        combine([value], note)
    return found


def _kind(value: Value) -> object:
    """Values of one kind combine leaf by leaf."""
    match value:
        case Point(type=type_):
            return ("point", type_)
        case Element(type=type_, row=row, path=path):
            return ("element", type_, row.table, path)
        case Resource(type=type_):
            return ("resource", type_)
        case Interval(low=low, high=high):
            inner = low if isinstance(high, Nothing) else high
            return ("interval", _kind(inner))
        case Coded() | CodeFields() | Quantity():
            return (type(value).__name__, value.type)
    return type(value).__name__


def _leaf(values: Sequence[Value], fn: Combine, get: Callable[[Any], E], absent: E = NULL) -> E:
    parts = [absent if isinstance(v, Nothing) else get(v) for v in values]
    return parts[0] if all(p == parts[0] and isinstance(p, Const) for p in parts) and parts[0] == NULL else fn(parts)


def _points(values: Sequence[Value], head: Point, fn: Combine) -> Point:
    ranged = any(isinstance(v, Point) and v.high is not None for v in values)
    stated = any(isinstance(v, Point) and v.precision is not None for v in values)
    away = any(isinstance(v, Point) and v.offset is not None for v in values)
    return Point(
        head.type,
        _leaf(values, fn, lambda v: v.low),
        _leaf(values, fn, lambda v: v.top) if ranged else None,
        _shared(values, fn, lambda v: v.precision or _full_precision(v.type)) if stated else None,
        _shared(values, fn, lambda v: v.offset or Const(0)) if away else None,
    )


def _shared(values: Sequence[Value], fn: Combine, get: Callable[[Any], E]) -> E:
    """A leaf that says something of another: a constant where all that are there have the same."""
    parts = {get(v) for v in values if not isinstance(v, Nothing)}
    only = next(iter(parts))
    return only if len(parts) == 1 and isinstance(only, Const) else _leaf(values, fn, get)


def _full_precision(type_: Named) -> E:
    return Const(3 if type_.name.lower().endswith(".date") else 7)


def _quantities(values: Sequence[Value], head: Quantity, fn: Combine) -> Quantity:
    known: list[frozenset[str] | None] = [v.units for v in values if isinstance(v, Quantity)]
    units = None if None in known else frozenset().union(*(u for u in known if u is not None))
    return Quantity(_leaf(values, fn, lambda v: v.value), _leaf(values, fn, lambda v: v.unit), units, head.type)


def _coded(values: Sequence[Value], head: Coded, fn: Combine) -> Coded:
    return Coded(head.type, _leaf(values, fn, lambda v: v.id))


def _code_fields(values: Sequence[Value], head: CodeFields, fn: Combine) -> CodeFields:
    names = ("code", "system", "version", "display")
    return CodeFields(head.type, *(_leaf(values, fn, attrgetter(name)) for name in names))


def _intervals(values: Sequence[Value], head: Interval, fn: Combine) -> Interval:
    bounds = [
        combine([v if isinstance(v, Nothing) else getattr(v, side) for v in values], fn) for side in ("low", "high")
    ]
    flags = [is_true(_leaf(values, fn, attrgetter(side))) for side in ("low_closed", "high_closed")]
    return Interval(bounds[0], bounds[1], flags[0], flags[1], _presence(values, fn), head.type)


def _presence(values: Sequence[Value], fn: Combine) -> E:
    """A presence flag: rows that a combination leaves out (an outer join) count as absent."""
    return is_true(_leaf(values, fn, lambda v: v.present, FALSE))


def _tuples(values: Sequence[Value], head: Tuple, fn: Combine) -> Tuple:
    names = dict.fromkeys(name for v in values if isinstance(v, Tuple) for name in v.fields)
    fields = {
        name: combine([v.fields.get(name, NOTHING) if isinstance(v, Tuple) else NOTHING for v in values], fn)
        for name in names
    }
    return Tuple(fields, _presence(values, fn), head.type)


def _elements(values: Sequence[Value], head: Element, fn: Combine) -> Element:
    rows = [v.row if isinstance(v, Element) else None for v in values]
    return Element(head.type, CombinedRow(rows, fn), head.path)


def _resources(values: Sequence[Value], head: Resource, fn: Combine) -> Resource:
    rows = [v.row if isinstance(v, Resource) else None for v in values]
    known = [row for row, v in zip(rows, values, strict=True) if isinstance(v, Resource)]
    row = CombinedRow(rows, fn) if all(known) else None
    return Resource(head.type, _leaf(values, fn, lambda v: v.rid), row)


def _texts(values: Sequence[Value], head: Texts, fn: Combine) -> Texts:
    return Texts(_leaf(values, fn, attrgetter("text")), _leaf(values, fn, attrgetter("separator")), head.split)


def _lists(values: Sequence[Value], head: ListLiteral, fn: Combine) -> ListLiteral:
    """Lists written out, element by element; one that is null has null elements."""
    lists = [v.items if isinstance(v, ListLiteral) else (NOTHING,) * len(head.items) for v in values]
    if len({len(items) for items in lists}) > 1:
        raise Mismatch("choosing between lists of different lengths is not supported")
    return ListLiteral(tuple(combine(items, fn) for items in zip(*lists, strict=True)))


def _combine_options(values: Sequence[Value], fn: Combine) -> Value:
    spread = [v.options if isinstance(v, Choice) else (v,) for v in values]
    kinds = dict.fromkeys(_kind(o) for options in spread for o in options if not isinstance(o, Nothing))
    made = tuple(combine([_of_kind(options, kind) for options in spread], fn) for kind in kinds)
    return made[0] if len(made) == 1 else Choice(made)


def _of_kind(options: Iterable[Value], kind: object) -> Value:
    return next((o for o in options if not isinstance(o, Nothing) and _kind(o) == kind), NOTHING)


_COMBINERS: list[tuple[type, Callable[..., Value]]] = [
    (Point, _points),
    (Quantity, _quantities),
    (Coded, _coded),
    (CodeFields, _code_fields),
    (Interval, _intervals),
    (Tuple, _tuples),
    (Element, _elements),
    (Resource, _resources),
    (ListLiteral, _lists),
    (Texts, _texts),
]


def register(kind: type, combiner: Callable[..., Value]) -> None:
    """Let values of a class defined elsewhere be combined: `combiner(values, head, fn)`."""
    _COMBINERS.append((kind, combiner))


def first_present(values: Sequence[Value]) -> Value:
    """The first value that is not null, leaf by leaf where the leaves are null together."""
    if all(isinstance(v, (Point, Nothing)) for v in values):
        return combine(values, lambda parts: coalesce(*parts))
    flags = [present(v) for v in values]
    return combine(values, lambda parts: case(list(zip(flags, parts, strict=True))))


def matches(type_: Type, value: Value) -> bool:
    """Whether a (non-null) value is of `type_`, as Is and As ask."""
    if isinstance(type_, ChoiceOf):
        return any(matches(option, value) for option in type_.types)
    if type_ == ANY:
        return True
    actual = type_of(value)
    if isinstance(type_, TupleOf):
        return isinstance(value, Tuple)
    if isinstance(type_, ListOf):
        return _is_list_of(type_.element, value)
    if isinstance(type_, IntervalOf) and isinstance(actual, IntervalOf):
        return actual.point in (type_.point, ANY) or type_.point == ANY
    return actual == type_ or str(actual) in _DERIVED.get(str(type_), ())


_DERIVED = {"System.Vocabulary": ("System.ValueSet", "System.CodeSystem")}


def _is_list_of(element: Type, value: Value) -> bool:
    if isinstance(value, ListLiteral):
        return all(isinstance(item, Nothing) or matches(element, item) for item in value.items)
    actual = type_of(value)
    return isinstance(actual, ListOf) and element in (ANY, actual.element)


def narrow(value: Value, type_: Type) -> Value:
    """The part of `value` that is of `type_`; null where it is of another type."""
    if isinstance(value, Choice):
        kept = tuple(option for option in value.options if matches(type_, option))
        if not kept:
            return NOTHING
        return kept[0] if len(kept) == 1 else Choice(kept)
    return value if isinstance(value, Nothing) or matches(type_, value) else NOTHING


def retyped(value: Value, type_: Named) -> Value:
    """A point, quantity or code under another type name."""
    return replace(value, type=type_)
