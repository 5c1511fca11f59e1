"""Timing phrases: `starts 3 days or less before end of`, `during day of`, and what operators they stand for.

Source: CQL 1.5, Author's Guide, Timing and Interval Operators; Developer's Guide, Timing Phrases
(https://cql.hl7.org/02-authorsguide.html#timing-and-interval-operators).
"""

from __future__ import annotations

from collections.abc import Callable

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.translate.core import Translator, Typed, handles, precise
from salus.cql.translate.literals import amount
from salus.cql.translate.operators import contained, containing, is_interval
from salus.elm.types import ANY, ChoiceOf, IntervalOf, Type


@handles(ast.Timing)
def timing(tr: Translator, node: ast.Timing) -> Typed:
    left, right = tr.all_known(node.left, node.right)
    return _PHRASES[type(node.phrase)](tr, node, node.phrase, left, right)


def _boundary(tr: Translator, word: str, value: Typed, start: int, end: int) -> Typed:
    """`start` or `end` of an interval, placed at the word that says so."""
    node = ast.Node(start, end)
    found = tr.operator("Start" if word.startswith("start") else "End", node, value)
    return Typed(tr.placed(found.elm, start, end), found.type)


def _left(tr: Translator, phrase: ast.Phrase, value: Typed) -> Typed:
    """`starts` and `ends` at the head of a phrase mean the boundary; `occurs` means nothing."""
    word: str | None = getattr(phrase, "left", None)
    if word in (None, "occurs"):
        return value
    assert word is not None
    return _boundary(tr, word, value, phrase.start, phrase.start + len(word))


def _right(tr: Translator, phrase: ast.Phrase, value: Typed) -> Typed:
    """`start` or `end` as the last word of a phrase, or `start of`."""
    word: str | None = getattr(phrase, "right", None)
    if word is None:
        return value
    end = phrase.end
    start = tr.source.text.rfind(word, phrase.start, end)
    return _boundary(tr, word, value, start, start + len(word))


def _same(tr: Translator, node: ast.Timing, phrase: ast.Same, left: Typed, right: Typed) -> Typed:
    operator = {"as": "SameAs", "or before": "SameOrBefore", "or after": "SameOrAfter"}[phrase.relation]
    sides = _left(tr, phrase, left), _right(tr, phrase, right)
    if phrase.relation != "as":
        sides = _alike(tr, *sides)
    return tr.operator(operator, node, *sides, **precise(phrase.precision))


def _includes(tr: Translator, node: ast.Timing, phrase: ast.Includes, left: Typed, right: Typed) -> Typed:
    other = _right(tr, phrase, right)
    return containing(tr, node, left, other, phrase.properly, phrase.precision)


def _during(tr: Translator, node: ast.Timing, phrase: ast.During, left: Typed, right: Typed) -> Typed:
    return contained(tr, node, _left(tr, phrase, left), right, phrase.properly, phrase.precision)


def _before_or_after(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed) -> Typed:
    left, right = _left(tr, phrase, left), _right(tr, phrase, right)
    attributes = precise(phrase.precision)
    if phrase.offset is None:
        strict = {"before": "Before", "after": "After"}[phrase.order]
        inclusive = {"before": "SameOrBefore", "after": "SameOrAfter"}[phrase.order]
        operator = inclusive if phrase.inclusive else strict
        return tr.operator(operator, node, *_alike(tr, left, right), **attributes)
    left, right = _facing(tr, node, phrase, left, right)
    return _OFFSETS[phrase.offset.qualifier](tr, node, phrase, left, right)


def _facing(
    tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed
) -> tuple[Typed, Typed]:
    """With an offset, intervals are compared by the boundaries that face each other."""
    sides = ("End", "Start") if phrase.order == "before" else ("Start", "End")
    if is_interval(tr, left.type):
        left = _at(tr, tr.operator(sides[0], node.left, left), _last_part(node.left))
    if is_interval(tr, right.type):
        right = _at(tr, tr.operator(sides[1], node.right, right), _last_part(node.right))
    return left, right


def _last_part(node: ast.Expression) -> ast.Node:
    """What stands after the last dot: the place of what a phrase implies about a path."""
    if isinstance(node, ast.Member) or (isinstance(node, ast.Call) and node.source is not None):
        return ast.Node(node.name.start, node.end)
    return node


def _alike(tr: Translator, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """A point that is compared with an interval is the interval from it to it."""
    if is_interval(tr, left.type) == is_interval(tr, right.type):
        return left, right
    if is_interval(tr, left.type):
        return left, _promoted(tr, right, left.type)
    return _promoted(tr, left, right.type), right


def _promoted(tr: Translator, point: Typed, beside: Type) -> Typed:
    """Interval promotion, to the kind of interval beside it: null when the point is null."""
    if point.type == ANY or isinstance(point.type, ChoiceOf):
        return point
    wanted = next(each.point for each in (beside, *tr.conversions.targets(beside)) if isinstance(each, IntervalOf))
    if conversion := tr.conversions.find(point.type, wanted):
        point = Typed(conversion.wrap(point.elm), wanted)
    sides = {"lowClosed": True, "highClosed": True, "low": point.elm, "high": point.elm}
    interval = {"type": "Interval", **sides}
    null: Json = {"type": "IsNull", "operand": point.elm}
    elm = {"type": "If", "condition": null, "then": {"type": "Null"}, "else": interval}
    return Typed(elm, IntervalOf(point.type))


def _at(tr: Translator, value: Typed, node: ast.Node) -> Typed:
    return Typed(tr.place(value.elm, node), value.type)


def _away(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, right: Typed) -> Typed:
    """The moment on the right moved by the offset."""
    assert phrase.offset is not None
    offset = phrase.offset.quantity
    quantity = Typed(tr.place(amount(offset), offset), t.QUANTITY)
    moved = tr.operator("Subtract" if phrase.order == "before" else "Add", node, right, quantity)
    if phrase.right:
        return Typed({**moved.elm, "locator": right.elm["locator"]}, moved.type)
    return _at(tr, moved, _last_part(node.right))


def _exactly(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed) -> Typed:
    return tr.operator("SameAs", node, left, _away(tr, node, phrase, right), **precise(phrase.precision))


def _or_more(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed) -> Typed:
    operator = "SameOrBefore" if phrase.order == "before" else "SameOrAfter"
    return tr.operator(operator, node, left, _away(tr, node, phrase, right), **precise(phrase.precision))


def _more_than(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed) -> Typed:
    operator = "Before" if phrase.order == "before" else "After"
    return tr.operator(operator, node, left, _away(tr, node, phrase, right), **precise(phrase.precision))


def _or_less(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed) -> Typed:
    """At most that far: in the interval from the shifted moment to the moment, which must be known."""
    assert phrase.offset is not None
    inside = _between(tr, node, phrase, left, right, far_closed=True)
    tr.place(inside.elm, phrase.offset)
    return _if_known(tr, node, phrase.offset, inside, right)


def _less_than(tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed) -> Typed:
    return _between(tr, node, phrase, left, right, far_closed=False)


def _between(
    tr: Translator, node: ast.Timing, phrase: ast.BeforeOrAfter, left: Typed, right: Typed, *, far_closed: bool
) -> Typed:
    assert phrase.offset is not None
    far = _away(tr, node, phrase, right)
    low, high = (far, right) if phrase.order == "before" else (right, far)
    closed = (far_closed, phrase.inclusive) if phrase.order == "before" else (phrase.inclusive, far_closed)
    window = _interval(tr, phrase.offset, low, high, closed)
    return tr.operator("In", node, left, window, **precise(phrase.precision))


def _interval(tr: Translator, at: ast.Node, low: Typed, high: Typed, closed: tuple[bool, bool]) -> Typed:
    point, (first, last) = tr.unify([low, high], [at, at])
    sides = {"lowClosed": closed[0], "highClosed": closed[1]}
    elm = {"type": "Interval", **sides, "low": first, "high": last}
    return Typed(tr.place(elm, at), IntervalOf(point))


def _if_known(tr: Translator, node: ast.Timing, at: ast.Node, inside: Typed, moment: Typed) -> Typed:
    """A closed boundary that is null would be the end of all time, so the moment has to be known."""
    null: Json = tr.place({"type": "IsNull", "operand": moment.elm}, at)
    known = Typed(tr.place({"type": "Not", "operand": null}, at), t.BOOLEAN)
    return tr.operator("And", node, inside, known)


def _within(tr: Translator, node: ast.Timing, phrase: ast.Within, left: Typed, right: Typed) -> Typed:
    left, right = _left(tr, phrase, left), _right(tr, phrase, right)
    ends = _interval_around(tr, node, phrase, right)
    closed = not phrase.properly
    window = _interval(tr, phrase.quantity, *ends, (closed, closed))
    if isinstance(left.type, IntervalOf):
        inside = tr.operator("ProperIncludedIn" if phrase.properly else "IncludedIn", node, left, window)
    else:
        inside = tr.operator("In", node, left, window)
    return inside if phrase.properly else _if_known(tr, node, phrase.quantity, inside, right)


def _interval_around(tr: Translator, node: ast.Timing, phrase: ast.Within, right: Typed) -> tuple[Typed, Typed]:
    """From so much before to so much after a moment, or an interval widened on both sides."""
    start, end = right, right
    if is_interval(tr, right.type):
        start, end = (_at(tr, tr.operator(side, node.right, right), node.right) for side in ("Start", "End"))
    quantity = Typed(tr.place(amount(phrase.quantity), phrase.quantity), t.QUANTITY)
    low, high = tr.operator("Subtract", node, start, quantity), tr.operator("Add", node, end, quantity)
    return _at(tr, low, phrase.quantity), _at(tr, high, phrase.quantity)


def _meets(tr: Translator, node: ast.Timing, phrase: ast.Meets, left: Typed, right: Typed) -> Typed:
    operator = {None: "Meets", "before": "MeetsBefore", "after": "MeetsAfter"}[phrase.order]
    return tr.operator(operator, node, left, right, **precise(phrase.precision))


def _overlaps(tr: Translator, node: ast.Timing, phrase: ast.Overlaps, left: Typed, right: Typed) -> Typed:
    operator = {None: "Overlaps", "before": "OverlapsBefore", "after": "OverlapsAfter"}[phrase.order]
    return tr.operator(operator, node, left, right, **precise(phrase.precision))


def _starts(tr: Translator, node: ast.Timing, phrase: ast.Starts, left: Typed, right: Typed) -> Typed:
    return tr.operator("Starts", node, left, right, **precise(phrase.precision))


def _ends(tr: Translator, node: ast.Timing, phrase: ast.Ends, left: Typed, right: Typed) -> Typed:
    return tr.operator("Ends", node, left, right, **precise(phrase.precision))


Phrasing = Callable[..., Typed]
_OFFSETS: dict[ast.OffsetQualifier | None, Phrasing] = {
    None: _exactly,
    "or more": _or_more,
    "or less": _or_less,
    "more than": _more_than,
    "less than": _less_than,
}
_PHRASES: dict[type[ast.Node], Phrasing] = {
    ast.Same: _same,
    ast.Includes: _includes,
    ast.During: _during,
    ast.BeforeOrAfter: _before_or_after,
    ast.Within: _within,
    ast.Meets: _meets,
    ast.Overlaps: _overlaps,
    ast.Starts: _starts,
    ast.Ends: _ends,
}
