"""Lists of intervals (CQL Reference, Appendix B, section 9): collapse, expand, and intersect of two intervals.

Collapsing is one pass over each row's intervals sorted by start: one that starts after all before it have ended begins
a new one. Source: B.9 Collapse, Expand, Intersect, Union, Except.
"""

from __future__ import annotations

from salus.elm.nodes import Operator
from salus.elm.types import IntervalOf
from salus.logic.context import Context
from salus.logic.expr import TRUE, Const, E, Op, and_, case, compare, is_null, or_, truth
from salus.logic.frame import Frame, Link, Rows
from salus.logic.operators import points
from salus.logic.operators.bounds import end, start, step
from salus.logic.operators.intervals import overlaps
from salus.logic.operators.lists import intersect_lists, literal_list
from salus.logic.operators.registry import operator
from salus.logic.relation import Select
from salus.logic.values import (
    EMPTY,
    INTEGER,
    NOTHING,
    Interval,
    ListLiteral,
    Nothing,
    Point,
    Value,
    combine,
    present,
    type_of,
)  # fmt: skip


@operator("Intersect", "Except")
def intersect_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.9, B.11 Intersect and Except, of lists; Intersect of two intervals."""
    if isinstance(a, Interval) and isinstance(b, Interval) and node.op == "Intersect":
        return intersect(cx, node, a, b)
    return intersect_lists(cx, node, a, b)


def intersect(cx: Context, node: Operator, a: Interval, b: Interval) -> Value:
    """The interval both share: from the later start to the earlier end; null where they do not overlap."""
    starts, ends = (start(a), start(b)), (end(a), end(b))
    low = _extreme(cx, node, starts, later=True)
    high = _extreme(cx, node, ends, later=False)
    there = truth(overlaps(a, b, None))
    return Interval(low, high, TRUE, TRUE, case([(there, TRUE)], Const(False)), a.type)


def _extreme(cx: Context, node: Operator, pair: tuple[Value, Value], *, later: bool) -> Value:
    x, y = pair
    if not (isinstance(x, Point) and isinstance(y, Point)):
        cx.fail(node, f"{node.op} of intervals of {type_of(x)} is not supported")
    first = points.less_or_equal(y, x) if later else points.less_or_equal(x, y)
    return combine([x, y], lambda p: case([(first, p[0])], p[1]))


def _as_list(cx: Context, node: Operator, value: Value) -> Rows | None:
    if isinstance(value, ListLiteral) and value.items:
        return literal_list(cx, value)
    if isinstance(value, (Nothing, ListLiteral)):
        return None
    if not isinstance(value, Rows):
        cx.fail(node, f"{node.op} of {type_of(value)} is not supported")
    return value


@operator("Collapse")
def collapse(cx: Context, node: Operator, value: Value, per: Value) -> Value:
    """B.9 Collapse: overlapping and adjacent intervals made one; nulls are left out."""
    rows = _as_list(cx, node, value)
    if rows is None:
        return EMPTY
    interval = rows.element
    low, high = (start(interval), end(interval)) if isinstance(interval, Interval) else (NOTHING, NOTHING)
    if not (isinstance(low, Point) and isinstance(high, Point)):
        cx.fail(node, f"Collapse of a list of {type_of(interval)} is not supported")
    rows.frame.filter(present(interval))
    return _merged(rows, low, high, step(high, 1).top, cx.frame)


def _merged(rows: Rows, low: Point, high: Point, after: E, parent: Frame) -> Rows:
    """Islands: `after` is the first point that no longer touches the interval."""
    frame = rows.frame
    for e in (rows.link.inner, frame.pid, low.low, high.top, after):
        frame.reach(e)
    bounds, key, pid = frame.select, frame.select.col(rows.link.inner), frame.select.col(frame.pid)
    begins, ends, touches = (bounds.col(e) for e in (low.low, high.top, after))
    seen = Select()
    seen.join("from", bounds)
    reached = seen.col(Op("greatest_before", (touches, key, begins, ends)))
    islands = Select()
    islands.join("from", seen)
    fresh = or_(is_null(reached), compare("gt", begins, reached))
    island = islands.col(Op("count_so_far", (fresh, key, begins, ends)))
    merged = Select()
    merged.join("from", islands)
    merged.group += [merged.resolve(e) for e in (key, pid, island)]
    first, last = (merged.col(Op(name, (e,))) for name, e in (("min", begins), ("max", ends)))
    owner, patient = merged.col(key), merged.col(pid)
    whole = Select()
    whole.join("from", merged)
    element = Interval(Point(low.type, first), Point(high.type, last), TRUE, TRUE, TRUE, IntervalOf(low.type))
    made = Frame(frame.data, whole, patient, parent, Link(owner, rows.link.outer), None, (first,))
    return Rows(made, element)


@operator("Expand")
def expand(cx: Context, node: Operator, value: Value, per: Value) -> Value:
    """B.9 Expand, of intervals of integers: an interval of one point for each point."""
    rows = _as_list(cx, node, value)
    if rows is None:
        return EMPTY
    interval = rows.element
    low, high = (start(interval), end(interval)) if isinstance(interval, Interval) else (NOTHING, NOTHING)
    if not (isinstance(low, Point) and isinstance(high, Point) and low.type == INTEGER):
        cx.fail(node, f"Expand of a list of {type_of(interval)} is not supported")
    rows.frame.filter(and_(present(interval), present(low), present(high)))
    number = rows.frame.spread(Op("range", (low.low, high.top)))
    point = Point(INTEGER, number)
    rows.frame.key, rows.frame.position = None, (*rows.frame.position, number)
    return Rows(rows.frame, Interval(point, point, TRUE, TRUE, TRUE, IntervalOf(INTEGER)), rows.distinct)
