"""Intervals put together and lists of them (CQL Reference, Appendix B, section 9): union, intersect, except, collapse.

Collapsing is one pass over each row's intervals sorted by start: one that starts after all before it have ended begins
a new one. Leaves to others: relations between intervals (`intervals`), cutting them up (`expansion`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from salus.elm.nodes import Operator
from salus.elm.types import IntervalOf
from salus.logic.calendar import unit_name
from salus.logic.context import Context
from salus.logic.expr import (
    NULL,
    TRUE,
    Const,
    E,
    Op,
    and_,
    case,
    coalesce,
    compare,
    eq,
    falsity,
    is_null,
    is_true,
    or_,
    truth,
)
from salus.logic.frame import Frame, Link, Rows
from salus.logic.operators import points
from salus.logic.operators.arithmetic import computed
from salus.logic.operators.bounds import end, extreme, neighbour, start, step
from salus.logic.operators.intervals import meets_before, ordered, overlaps
from salus.logic.operators.lists import as_rows, intersect_lists, union_lists
from salus.logic.operators.points import add_time
from salus.logic.operators.registry import operator
from salus.logic.operators.units import as_point, common_unit
from salus.logic.relation import Select
from salus.logic.values import (
    EMPTY,
    NOTHING,
    Interval,
    Nothing,
    Point,
    Quantity,
    Value,
    combine,
    present,
    type_of,
)  # fmt: skip


@operator("Union", "Intersect", "Except")
def set_operator(cx: Context, node: Operator, *values: Value) -> Value:
    """B.9, B.11 Union, Intersect and Except, of intervals or of lists."""
    if any(isinstance(v, Interval) for v in values):
        a, b = values
        if not (isinstance(a, Interval) and isinstance(b, Interval)):
            return NOTHING
        return _OF_INTERVALS[node.op](a, b)
    if node.op == "Union":
        return union_lists(cx, node, values)
    return intersect_lists(cx, node, *values)


def _unite(a: Interval, b: Interval) -> Value:
    """B.9 Union: from the earlier start to the later end; null unless they overlap or meet."""
    joined = or_(overlaps(a, b), meets_before(a, b), meets_before(b, a))
    low, high = _pick(start(a), start(b)), _pick(end(b), end(a), "ge")
    return _between(low, high, truth(joined), a.type)


def _intersect(a: Interval, b: Interval) -> Value:
    """B.9 Intersect: from the later start to the earlier end; null where they do not overlap."""
    low, high = _pick(start(b), start(a), "ge"), _pick(end(a), end(b))
    return _between(low, high, truth(overlaps(a, b)), a.type)


def _except(a: Interval, b: Interval) -> Value:
    """B.9 Except: what is left on one side; null when nothing is, or two pieces."""
    met = overlaps(a, b)
    first, final = ordered("lt", start(a), start(b)), ordered("lt", end(b), end(a))
    left = Interval(a.low, neighbour(start(b), -1), a.low_closed, TRUE, TRUE, a.type)
    right = Interval(neighbour(end(b), 1), a.high, TRUE, a.high_closed, TRUE, a.type)
    kept = [falsity(met), and_(truth(first), falsity(final)), and_(truth(final), falsity(first))]
    return combine([a, left, right], lambda parts: case(list(zip(kept, parts, strict=True))))


_OF_INTERVALS: dict[str, Callable[[Interval, Interval], Value]] = {
    "Union": _unite,
    "Intersect": _intersect,
    "Except": _except,
}
Bound = tuple[Value, E]


def _pick(x: Value, y: Value, relation: str = "le") -> Bound:
    """x where it is the lower (`ge`: the higher), else y; and whether that can be told. If not, the bound is open."""
    first = ordered("le", x, y) if relation == "le" else ordered("le", y, x)
    yes, no = truth(first), falsity(first)
    return combine([x, y], lambda parts: case([(yes, parts[0]), (no, parts[1])])), or_(yes, no)


def _between(low: Bound, high: Bound, there: E, type_: IntervalOf) -> Value:
    return Interval(low[0], high[0], is_true(low[1]), is_true(high[1]), is_true(there), type_)


@operator("Collapse")
def collapse(cx: Context, node: Operator, value: Value, per: Value = NOTHING) -> Value:
    """B.9 Collapse: overlapping and adjacent intervals made one, with `per` also those no further apart; no nulls."""
    if isinstance(value, Nothing):
        return value
    rows = as_rows(cx, node, value)
    if rows is None or isinstance(rows.element, Nothing):
        return EMPTY
    low, high, rebuilt = _ends(cx, node, rows.element)
    rows.frame.filter(present(rows.element))
    made = _Islands.of(rows, low, high, partial(_reach, cx, node, per=per))
    return _merged(rows, made, low, high, cx.frame, rebuilt)


class _End(NamedTuple):
    """The first or the last point of intervals, and whether it is `known`: where the bound is open and null it is not,
    and may be any of those between `point.low` and `point.top`."""

    point: Point
    known: E

    def certain(self, point: E, otherwise: E) -> E:
        """`point` where the end is known, else what it is at the utmost."""
        return point if self.known == TRUE else case([(self.known, point)], otherwise)


def _ends(cx: Context, node: Operator, interval: Value) -> tuple[_End, _End, Callable[[Point], Value]]:
    """First and last point of an interval, of quantities as numbers of one unit; and how a point is made one again."""
    if isinstance(interval, Interval):
        low, high = start(interval), end(interval)
        low_known = or_(present(interval.low), interval.low_closed)
        high_known = or_(present(interval.high), interval.high_closed)
        if isinstance(low, Point) and isinstance(high, Point):
            low, high = _as_stated(low, interval.low), _as_stated(high, interval.high)
            return _End(low, low_known), _End(high, high_known), lambda point: point
        if isinstance(low, Quantity) and isinstance(high, Quantity):
            unit = common_unit((low, high))
            units = frozenset({unit})
            first, last = as_point(low, unit), as_point(high, unit)
            return _End(first, TRUE), _End(last, TRUE), lambda point: Quantity(point.low, Const(unit), units)
    cx.fail(node, f"{node.op} of a list of {type_of(interval)} is not supported")


def _as_stated(point: Point, bound: Value) -> Point:
    """An end with the precision of the bound it comes from, where that is the same for all."""
    if isinstance(bound, Point) and isinstance(bound.precision, Const):
        return replace(point, precision=bound.precision)
    return point


def _reach(cx: Context, node: Operator, high: Point, *, per: Value) -> E:
    """The last point at which another interval still joins one that ends at `high`."""
    if isinstance(per, Nothing):
        return coalesce(step(high, 1).top, high.top)
    if not isinstance(per, Quantity):
        cx.fail(node, f"{node.op} per {type_of(per)} is not supported")
    if high.type.name not in points.DATES:
        return computed("add", high.top, per.value, high.type.name)
    unit = unit_name(str(per.unit.value)) if isinstance(per.unit, Const) else None
    if unit is None or not isinstance(per.value, Const):
        cx.fail(node, f"{node.op}: `per` must be a constant duration")
    return points.end_of_unit(add_time(high.top, Const(int(per.value.value or 0)), unit), unit)  # type: ignore[arg-type]


class _Islands(NamedTuple):
    """Intervals put together: `merged` has a row for each island of those in `bounds`, whose first and last points are
    `begins` and `ends`."""

    bounds: Select
    merged: Select
    begins: E
    ends: E

    @classmethod
    def of(cls, rows: Rows, first: _End, last: _End, reach: Callable[[Point], E]) -> _Islands:
        """`reach` gives the last point that still touches an interval that ends at a point. What is not known joins
        nothing by itself: an interval begins at its latest, and reaches as far as it does at the least."""
        frame, low, high = rows.frame, first.point, last.point
        touching = last.certain(reach(high), reach(Point(high.type, high.low)))
        latest = first.certain(low.low, low.top)
        for e in (rows.link.inner, frame.pid, low.low, high.top, touching, latest, first.known, last.known):
            frame.reach(e)
        bounds, key, pid = frame.select, frame.select.col(rows.link.inner), frame.select.col(frame.pid)
        columns = [low.low, high.top, touching, latest, high.low, high.precision, low.precision]
        begins, ends, touches, begun, *_ = (bounds.col(e) for e in columns if e is not None)
        seen = Select()
        seen.join("from", bounds)
        reached = seen.col(Op("greatest_before", (touches, key, begins, ends)))
        islands = Select()
        islands.join("from", seen)
        fresh = or_(is_null(reached), compare("gt", begun, reached))
        island = islands.col(Op("count_so_far", (fresh, key, begins, ends)))
        merged = Select()
        merged.join("from", islands)
        merged.group += [merged.resolve(e) for e in (key, pid, island)]
        return cls(bounds, merged, begins, ends)

    def furthest(self, of: _End, *, top: bool) -> tuple[Point, E]:
        """Where an island begins, or ends (`top`), and whether that is known: all ends are, or one that is could not be
        further out."""
        name, by = ("max", self.ends) if top else ("min", self.begins)
        found = self._picked(of.point, name, by)
        if of.known == TRUE:
            return found, TRUE
        known = self.bounds.col(of.known)
        utmost = self.merged.col(Op(name, (case([(known, by)]),)))
        all_are = Op("every", (known,))
        return found, is_true(or_(self.merged.col(all_are), eq(utmost, extreme(of.point.type, top=top).low)))

    def _picked(self, point: Point, name: str, by: E) -> Point:
        if point.high is not None and not isinstance(point.precision, Const):  # of various precision: by the instant
            return Point(point.type, self.merged.col(Op(name, (by,))))

        def chosen(e: E | None) -> E | None:
            if e is None or isinstance(e, Const):
                return e
            return self.merged.col(Op(f"arg_{name}", (self.bounds.col(e), by)))

        return replace(point, low=chosen(point.low) or NULL, high=chosen(point.high), precision=chosen(point.precision))


def _merged(
    rows: Rows, made: _Islands, first: _End, last: _End, parent: Frame, rebuilt: Callable[[Point], Value]
) -> Rows:
    """An interval for each island; null where neither of its ends is known."""
    (begin, begin_known), (finish, finish_known) = made.furthest(first, top=False), made.furthest(last, top=True)
    merged, whole = made.merged, Select()
    order = merged.col(Op("min", (made.begins,))), merged.col(Op("min", (made.ends,)))
    owner = merged.col(rows.frame.select.col(rows.link.inner))
    patient = merged.col(rows.frame.select.col(rows.frame.pid))
    whole.join("from", merged)
    ends = _where(begin_known, rebuilt(begin)), _where(finish_known, rebuilt(finish))
    there = or_(begin_known, finish_known)
    element = Interval(*ends, begin_known, finish_known, there, IntervalOf(first.point.type))
    return Rows(Frame(rows.frame.data, whole, patient, parent, Link(owner, rows.link.outer), None, order), element)


def _where(known: E, value: Value) -> Value:
    return value if known == TRUE else combine([value], lambda parts: case([(known, parts[0])]))
