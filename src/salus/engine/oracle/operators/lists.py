"""List operators (ELM §20; CQL 1.5, Appendix B "List Operators"). Nulls are members; equality is that of `same`."""

from __future__ import annotations

from typing import Any

from salus.engine.oracle.comparison import Truth, all_of, any_of, distinct, equal, negated, same
from salus.engine.oracle.elements import is_resource
from salus.engine.oracle.kinds import is_nothing
from salus.engine.oracle.registry import Call, operator
from salus.engine.oracle.values import Tuple, Value

Items = list[Any]


def contains(items: Items, item: Value) -> Truth:
    """Whether a member equals the item; null equals null here."""
    if item is None:
        return any(member is None for member in items)
    return any_of(equal(member, item) for member in items if member is not None)


def properly_contains(items: Items, item: Value) -> Truth:
    """Contains the item, and something else."""
    others = any_of(member is not None if item is None else negated(equal(member, item)) for member in items)
    return all_of((contains(items, item), others))


def includes(outer: Items, inner: Items) -> Truth:
    return all_of(contains(outer, item) for item in inner)


def properly_includes(outer: Items, inner: Items) -> Truth:
    return all_of((includes(outer, inner), len(distinct(outer)) > len(distinct(inner))))


def union(a: Items | None, b: Items | None) -> Items:
    """§20 Union: each of either, once. Resources stay in the order of the records, whichever list they came from."""
    made = distinct([*(a or ()), *(b or ())])
    if all(is_resource(item) for item in made):
        made.sort(key=lambda item: int(item.position))
    return made


def intersect(a: Items, b: Items) -> Items:
    """§20 Intersect: each of both, once."""
    return [item for item in distinct(a) if any(same(item, other) for other in b)]


def except_(a: Items, b: Items | None) -> Items:
    """§20 Except: each of the first that the second has not, once."""
    return [item for item in distinct(a) if not any(same(item, other) for other in b or ())]


@operator("Exists")
def exists(call: Call, items: Value) -> Value:
    """§20 Exists: whether there is a member that is not null."""
    return not all(map(is_nothing, items or ()))


@operator("Distinct")
def distinct_operator(call: Call, items: Value) -> Value:
    """§20 Distinct."""
    return None if items is None else distinct(items)


@operator("Flatten")
def flatten(call: Call, lists: Value) -> Value:
    """§20 Flatten: one level; null lists add nothing."""
    return None if lists is None else [item for each in lists for item in each or ()]


@operator("First")
def first(call: Call, items: Value) -> Value:
    """§20 First."""
    return items[0] if items else None


@operator("Last")
def last(call: Call, items: Value) -> Value:
    """§20 Last."""
    return items[-1] if items else None


@operator("SingletonFrom")
def singleton_from(call: Call, items: Value) -> Value:
    """§20 SingletonFrom: more than one is an error, null with a warning here."""
    if items is not None and len(items) > 1:
        call.error("singleton from found more than one element")
        return None
    return items[0] if items else None


@operator("IndexOf")
def index_of(call: Call, items: Value, item: Value) -> Value:
    """§20 IndexOf: -1 when it is not there."""
    if items is None or item is None:
        return None
    return next((place for place, member in enumerate(items) if equal(member, item) is True), -1)


@operator("Slice")
def slice_(call: Call, items: Value, start: Value = None, end: Value = None) -> Value:
    """§20 Slice: from start up to end, counted from the back when negative."""
    return None if items is None else items[start:end]


@operator("Times")
def times(call: Call, a: Value, b: Value) -> Value:
    """§20 Times: every pair of two lists of tuples, put together."""
    if a is None or b is None:
        return None
    return [Tuple({**x.fields, **y.fields}) for x in a for y in b]
