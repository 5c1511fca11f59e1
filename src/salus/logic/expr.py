"""Scalar expressions over columns: what one row's value is, in three-valued logic, before any SQL.

Nodes are small and immutable; constructors fold constants and drop what cannot matter, so that a plan names only what a
run needs. Null mode is explicit: a `Tri` holds when a comparison is certainly true and when it is certainly false;
`truth` and `falsity` keep just the arm that a filter needs, and only a value asked for as such pays for both.
Leaves to others: where columns come from (`relation`), and how an operator is spelled (`salus.engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from salus.logic.shared import Shared, remembered

if TYPE_CHECKING:
    from salus.logic.relation import Source

Scalar = bool | int | Decimal | str | datetime | date | None


@dataclass(frozen=True, slots=True, eq=False)
class Col(Shared):
    """A column of a source (a table, a select), by the source's number."""

    source: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Const(Shared):
    """A constant; None is null. Constants are the same when type and value are: True is not 1, nor 1.0 1.00."""

    value: Scalar

    @staticmethod
    def identity(*parts: Any) -> tuple[Any, ...]:
        value = parts[0]
        return type(value), value.as_tuple() if isinstance(value, Decimal) else value


@dataclass(frozen=True, slots=True, eq=False)
class Op(Shared):
    """An operator applied to expressions. The engine knows how each `op` is spelled."""

    op: str
    args: tuple[E, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tri(Shared):
    """True when `yes` is true, false when `no` is true, null otherwise. Both arms may themselves be null."""

    yes: E
    no: E


@dataclass(frozen=True, slots=True, eq=False)
class InRel(Shared):
    """Whether the keys' values are a row of `columns` of a relation (never null: keys are compared where known)."""

    keys: tuple[E, ...]
    relation: Source
    columns: tuple[str, ...]


E = Col | Const | Op | Tri | InRel

NULL = Const(None)
TRUE = Const(True)
FALSE = Const(False)


def op(name: str, *args: E) -> E:
    """An operator application; null if any argument is the constant null (for null-propagating operators)."""
    return NULL if any(a == NULL for a in args) else Op(name, args)


def and_(*args: E) -> E:
    return _connected("and", "or", args, neutral=TRUE, absorbing=FALSE)


def or_(*args: E) -> E:
    return _connected("or", "and", args, neutral=FALSE, absorbing=TRUE)


def _connected(name: str, dual: str, args: Iterable[E], neutral: Const, absorbing: Const) -> E:
    kept = dict.fromkeys(_flatten(name, args, neutral))
    while told := _told(kept, name, dual):
        kept = dict.fromkeys(_flatten(name, (told.get(a, a) for a in kept), neutral))
    if absorbing in kept or any(_contradicted(a, kept) for a in kept):
        return absorbing
    parts = [a for a in kept if not (isinstance(a, Op) and a.op == dual and _subsumed(a, kept, dual))]
    if not parts:
        return neutral
    return parts[0] if len(parts) == 1 else Op(name, tuple(parts))


def _told(kept: Collection[E], name: str, dual: str) -> dict[E, E]:
    """What the tests that stand by themselves say of the others: where b is true, (not b or c) is c and (c or (b and
    d)) is (c or d); likewise with and and or exchanged."""
    others = [a for a in kept if isinstance(a, Op) and a.op == dual]
    held = {a for a in kept if is_test(a)}.difference(others) if others else ()
    if not held:
        return {}
    gone = set(map(_off, held))
    same, other = (and_, or_) if name == "and" else (or_, and_)

    def left(part: E) -> E | None:
        """A part of one of the others, as far as it is still to be decided; None where it is known to fail."""
        inner = part.args if isinstance(part, Op) and part.op == name else (part,)
        if not gone.isdisjoint(inner):
            return None
        return part if part in held or held.isdisjoint(inner) else same(*(e for e in inner if e not in held))

    found: dict[E, E] = {}
    for each in others:
        parts = [left(part) for part in each.args]
        if any(a is not b for a, b in zip(parts, each.args, strict=True)):
            found[each] = other(*(part for part in parts if part is not None))
    return found


def _contradicted(a: E, kept: Mapping[E, None]) -> bool:
    """Whether a test stands beside its own negation; asked of the negation, as every pair has one."""
    match a:
        case Op(op="is_null", args=args):
            return Op("not_null", args) in kept
        case Op(op="not", args=(inner,)):
            return inner in kept and is_test(inner)
    return False


def _subsumed(a: Op, kept: Iterable[E], dual: str) -> bool:
    """Absorption: b and (b or c) is b; (b or c) and (b or c or d) is (b or c); likewise with and and or exchanged."""
    parts = set(a.args)
    return any(
        b is not a and (b in parts or (isinstance(b, Op) and b.op == dual and parts > set(b.args))) for b in kept
    )


def _flatten(name: str, args: Iterable[E], neutral: Const) -> Iterable[E]:
    for arg in args:
        if isinstance(arg, Op) and arg.op == name:
            yield from arg.args
        elif arg != neutral:
            yield arg


@remembered
def is_test(e: E) -> bool:
    """Whether `e` is a condition that is never null."""
    match e:
        case Const(value=bool()) | InRel():
            return True
        case Op(op="is_null" | "not_null" | "is_true" | "not_true"):
            return True
        case Op(op="and" | "or" | "not", args=args):
            return all(is_test(a) for a in args)
    return False


@remembered
def not_(e: E) -> E:
    match e:
        case Const(value=None):
            return NULL
        case Const(value=value):
            return Const(not value)
        case Tri(yes=yes, no=no):
            return Tri(no, yes)
        case Op(op="not", args=(inner,)):
            return inner
        case Op(op="is_null", args=(inner,)):
            return Op("not_null", (inner,))
        case Op(op="not_null", args=(inner,)):
            return Op("is_null", (inner,))
    return Op("not", (e,))


def is_null(e: E) -> E:
    return not_(not_null(e))


@remembered
def not_null(e: E) -> E:
    """Whether `e` has a value; never null itself."""
    match e:
        case Const(value=value):
            return Const(value is not None)
        case Op(op="coalesce", args=args):
            return or_(*(not_null(a) for a in args))
        case Op(op="case", args=args):
            return _tested_case(args, not_null)
        case Op(op="add_time" | "floor" | "part", args=(inner, *_)):
            return not_null(inner) if all(isinstance(a, Const) for a in e.args[1:]) else Op("not_null", (e,))
    return TRUE if is_test(e) or (isinstance(e, Op) and e.op == "count") else Op("not_null", (e,))


@remembered
def is_true(e: E) -> E:
    """`e is true`: null counts as false; never null itself."""
    match e:
        case Const(value=value):
            return Const(value is True)
        case Op(op="case", args=args):
            return _tested_case(args, is_true)
        case Op(op="and", args=args):
            return and_(*map(is_true, args))
        case Op(op="or", args=args):
            return or_(*map(is_true, args))
    return e if is_test(e) else Op("is_true", (e,))


def _tested_case(args: tuple[E, ...], test: Callable[[E], E]) -> E:
    """A test of a case, as tests of its branches: (c and v) or (not c and the rest)."""
    result = test(args[-1])
    for condition, value in reversed(list(zip(args[:-1:2], args[1:-1:2], strict=True))):
        held, found = is_true(condition), test(value)
        if found == TRUE:
            result = or_(held, result)
        elif found == FALSE:
            result = and_(_off(held), result)
        else:
            result = or_(and_(held, found), and_(_off(held), result))
    return result


@remembered
def _off(test: E) -> E:
    """The negation of a test that is never null."""
    match test:
        case Op(op="and", args=args):
            return or_(*map(_off, args))
        case Op(op="or", args=args):
            return and_(*map(_off, args))
        case Op(op="is_true", args=args):
            return Op("not_true", args)
        case Op(op="not_true", args=args):
            return Op("is_true", args)
    return not_(test)


@remembered
def truth(e: E) -> E:
    """What must hold for `e` to be true, where null and false need not be told apart (a filter)."""
    match e:
        case Tri(yes=yes):
            return truth(yes)
        case Op(op="and", args=args):
            return and_(*map(truth, args))
        case Op(op="or", args=args):
            return or_(*map(truth, args))
        case Op(op="not", args=(inner,)):
            return falsity(inner)
        case Op(op="is_true", args=(inner,)):
            return truth(inner)
        case Op(op="case", args=args):
            return _tested_case(args, truth)
        case Const(value=value):
            return Const(value is True)
    return e


@remembered
def falsity(e: E) -> E:
    """What must hold for `e` to be false, where null and true need not be told apart."""
    match e:
        case Tri(no=no):
            return truth(no)
        case Op(op="and", args=args):
            return or_(*map(falsity, args))
        case Op(op="or", args=args):
            return and_(*map(falsity, args))
        case Op(op="not", args=(inner,)):
            return truth(inner)
        case Op(op="is_true", args=(inner,)):
            return Op("not_true", (truth(inner),))
        case Op(op="not_true", args=(inner,)):
            return truth(inner)
        case Op(op="case", args=args):
            return _tested_case(args, falsity)
        case Const(value=value):
            return Const(value is False)
    return not_(e)


_FOLD: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def compare(name: str, a: E, b: E) -> E:
    """eq, ne, lt, le, gt or ge of two scalars; null when either is null."""
    if a == NULL or b == NULL:
        return NULL
    if isinstance(a, Const) and isinstance(b, Const):
        return Const(_FOLD[name](a.value, b.value))
    if a is b and name != "eq":  # neither before nor after itself, where it is there
        return case([(not_null(a), Const(name in ("le", "ge")))])
    if _splits(a, b):
        return _map_case(a, lambda v: compare(name, v, b))  # type: ignore[arg-type]
    if _splits(b, a):
        return _map_case(b, lambda v: compare(name, a, v))  # type: ignore[arg-type]
    return Op(name, (a, b))


def _splits(e: E, other: E) -> bool:
    """Whether comparing each branch of a case with a constant decides some of them at once."""
    if not (isinstance(e, Op) and e.op == "case" and isinstance(other, Const)):
        return False
    return any(isinstance(v, Const) and v.value is not None for v in (*e.args[1::2], e.args[-1]))


def _map_case(e: Op, fn: Callable[[E], E]) -> E:
    branches = [(c, fn(v)) for c, v in zip(e.args[:-1:2], e.args[1:-1:2], strict=True)]
    return case(branches, fn(e.args[-1]))


def eq(a: E, b: E) -> E:
    return compare("eq", a, b)


def coalesce(*args: E) -> E:
    kept: list[E] = []
    for arg in args:
        if arg == NULL or any(not_null(arg) == not_null(earlier) for earlier in kept):
            continue  # null, or null whenever an earlier one is
        kept.append(arg)
        if isinstance(arg, Const) or not_null(arg) == TRUE:
            break
    if not kept:
        return NULL
    return kept[0] if len(kept) == 1 else Op("coalesce", tuple(kept))


def case(branches: Sequence[tuple[E, E]], otherwise: E = NULL) -> E:
    """The value of the first branch whose condition is true, else `otherwise`."""
    return _decided(tuple(branches), otherwise)


@lru_cache(maxsize=1 << 15)
def _decided(branches: tuple[tuple[E, E], ...], otherwise: E) -> E:
    """A case by what its conditions say of each other. The same choices are asked for again and again, as a value is
    chosen part by part and rebuilt as more is known of it."""
    kept: list[tuple[E, E]] = []
    known: dict[E, bool] = {}
    for condition, value in branches:
        held = given(truth(condition), known)
        if held == FALSE:
            continue
        if held == TRUE:
            otherwise = value
            break
        kept.append((held, given(value, known | _facts(held))))
        known |= _denied(held)
    otherwise = given(otherwise, known)
    return _simplest(kept, otherwise)


def forget() -> None:
    """Let go of the cases that are remembered, and with them of the plans that they stand in."""
    _decided.cache_clear()


def _simplest(kept: list[tuple[E, E]], otherwise: E) -> E:
    while kept and kept[-1][1] == otherwise:
        kept.pop()
    if not kept:
        return otherwise
    condition, value = kept[-1]
    if _blank_without(condition, value) and len(kept) == 1:  # null anyway where the condition fails
        return (
            value
            if otherwise == NULL
            else coalesce(value, otherwise)
            if condition == not_null(value)
            else _case(kept, otherwise)
        )
    if condition == not_null(value) and not isinstance(value, Const):
        return _simplest(kept[:-1], coalesce(value, otherwise))
    if otherwise == NULL and _blank_without(condition, value):
        return _simplest(kept[:-1], value)
    if all(is_test(v) for _, v in (*kept, (TRUE, otherwise))):
        return _tested_case(_case(kept, otherwise).args, lambda v: v)
    return _case(kept, otherwise)


def _case(kept: Sequence[tuple[E, E]], otherwise: E) -> Op:
    return Op("case", (*(part for branch in kept for part in branch), otherwise))


def _blank_without(condition: E, value: E) -> bool:
    """Whether `value` is null wherever `condition` is not true: `case when x is not null or .. then x end`."""
    if isinstance(value, Const):
        return value == NULL
    there = not_null(value)
    if condition == there:
        return True
    if isinstance(condition, Op) and condition.op == "or":
        parts = there.args if isinstance(there, Op) and there.op == "or" else (there,)
        return all(part in condition.args for part in parts)
    return False


def _facts(held: E) -> dict[E, bool]:
    """What is known where a condition is true."""
    parts = held.args if isinstance(held, Op) and held.op == "and" else (held,)
    known: dict[E, bool] = {}
    for part in parts:
        known[part] = True
        if is_test(part):
            known[not_(part)] = False
    return known


def _denied(held: E) -> dict[E, bool]:
    """What is known where a condition is not true: each part of an `or` of tests fails."""
    parts = held.args if isinstance(held, Op) and held.op == "or" else (held,)
    known: dict[E, bool] = {}
    for part in parts:
        if is_test(part):
            known |= {part: False, not_(part): True}
    return known


def given(e: E, known: Mapping[E, bool]) -> E:
    """`e` where some tests are known to hold or to fail."""
    if not known or isinstance(e, Const):
        return e
    told = {col for test in known for col in columns_of(test)}
    seen: dict[E, E] = {}

    def visit(node: E) -> E:
        if node in known:
            return Const(known[node])
        if isinstance(node, (Const, Col, InRel)):
            return node
        if node not in seen:
            seen[node] = _restated(node, visit) if _touches(node, told) else node
        return seen[node]

    return visit(e)


def _touches(e: E, columns: Set[Col]) -> bool:
    """Whether anything known of these columns can matter to `e`."""
    own = columns_of(e)
    return not own or not columns or not columns.isdisjoint(own)


def _restated(node: E, visit: Callable[[E], E]) -> E:
    """A node rebuilt through its constructor, so that what has become constant folds."""
    match node:
        case Tri(yes=yes, no=no):
            return Tri(visit(yes), visit(no))
        case Op(op=name, args=args):
            changed = tuple(visit(a) for a in args)
            if all(a is b or a == b for a, b in zip(args, changed, strict=True)):
                return node
            return _construct(name, changed)
    return node


def _construct(name: str, args: tuple[E, ...]) -> E:
    if name in _FOLD:
        return compare(name, *args)
    if name in _SIMPLE:
        return _SIMPLE[name](*args)
    if name == "is_null":
        return not_(not_null(*args))
    if name == "not_true":
        return _off(is_true(*args))
    if name == "case":
        return case(list(zip(args[:-1:2], args[1:-1:2], strict=True)), args[-1])
    return Op(name, args) if name in _WITH_NULLS else op(name, *args)


_SIMPLE: dict[str, Callable[..., E]] = {
    "and": and_,
    "or": or_,
    "not": not_,
    "coalesce": coalesce,
    "is_true": is_true,
    "not_null": not_null,
}
_WITH_NULLS = frozenset({"row", "struct", "list", "collect", "count", "only", "arg_min", "arg_max", "row_number"})
"""What a constant null among the arguments does not make null."""


def in_list(e: E, items: Sequence[E]) -> E:
    """`e in (items)`: null when e is null, or when it is not there and an item is null."""
    if e == NULL or not items:
        return FALSE if e != NULL else NULL
    if len(items) == 1:
        return eq(e, items[0])
    if isinstance(e, Const) and all(isinstance(i, Const) and i.value is not None for i in items):
        return Const(any(type(i.value) is type(e.value) and i.value == e.value for i in items))  # type: ignore[union-attr]
    return Op("in", (e, *items))


def map_columns(e: E, change: Callable[[Col], E]) -> E:
    """`e` with every column replaced; shared parts stay shared."""
    seen: dict[int, E] = {}

    def visit(node: E) -> E:
        if isinstance(node, Const):
            return node
        if isinstance(node, Col):
            return change(node)
        if id(node) not in seen:
            seen[id(node)] = rebuilt(node, visit)
        return seen[id(node)]

    return visit(e)


def rebuilt(node: E, visit: Callable[[E], E]) -> E:
    """The node with `visit` of each of its parts."""
    match node:
        case Op(op=name, args=args):
            changed = tuple(visit(a) for a in args)
            return node if all(a is b for a, b in zip(args, changed, strict=True)) else Op(name, changed)
        case Tri(yes=yes, no=no):
            return Tri(visit(yes), visit(no))
        case InRel(keys=keys, relation=relation, columns=columns):
            return InRel(tuple(visit(k) for k in keys), relation, columns)
    return node


@remembered
def columns_of(e: E) -> Collection[Col]:
    """Every column that `e` reads (not those inside the relations it tests against)."""
    if isinstance(e, Col):
        return (e,)
    return tuple(dict.fromkeys(col for part in parts_of(e) for col in columns_of(part)))


def parts_of(e: E) -> Sequence[E]:
    """The expressions a node is made of."""
    match e:
        case Op(args=args):
            return args
        case Tri(yes=yes, no=no):
            return (yes, no)
        case InRel(keys=keys):
            return keys
    return ()


@remembered
def written_size(e: E) -> int:
    """How many nodes `e` has when written out."""
    return 1 + sum(map(written_size, parts_of(e)))
