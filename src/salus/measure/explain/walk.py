"""A criterion followed to its ends for one patient: what every part of it was, on which records, and why.

Truth values (and, or, not, exists, and the definitions they name) are taken apart; a list of resources is taken apart
for one unit, as the conditions that the unit has to pass to be in it. Every truth is the oracle's.
Leaves to others: lists (`sieve`), sentences (`words`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from salus.elm import nodes as n
from salus.elm.clauses import conditions, hands_on, same_operator
from salus.elm.library import Library
from salus.elm.narrative import Narrative
from salus.engine.oracle.comparison import same
from salus.engine.oracle.elements import Element, is_resource
from salus.engine.oracle.errors import Refused
from salus.engine.oracle.scope import Scope
from salus.engine.oracle.values import Value
from salus.measure.explain.model import Finding, Kind, Truth
from salus.measure.explain.shown import MOST, record, shown
from salus.measure.explain.sieve import At, Dropped, Sieve, looks_up
from salus.measure.explain.words import Wording

_MOST_RECORDS = 20
_DEEPEST = 40  # levels of nesting after which a part is told as a whole


@dataclass(frozen=True)
class Walk:
    """Walks criteria for one patient. `known` are defines told before (criteria of earlier populations), as ends."""

    sieve: Sieve
    narrative: Narrative
    known: frozenset[tuple[str, str]] = frozenset()

    @property
    def wording(self) -> Wording:
        return Wording(self.sieve, self._text)

    def knowing(self, library: Library, defines: Iterable[str]) -> Walk:
        """The same, with defines of a library that are not to be told again."""
        return replace(self, known=frozenset((library.label, define) for define in defines))

    def _text(self, node: n.Node, at: At) -> str:
        return self.narrative.of(at.scope.library, at.scope.define, node)

    def criterion(self, library: Library, define: str, unit: Element | None) -> Finding:
        """A define: for the patient, or for one resource that it has to list."""
        body, at = library.expression(define).expression, At(Scope(library, define))
        found = self.truth(body, at) if unit is None else self.member(body, at, unit)
        return replace(found, named=(define, *found.named))

    # --- truth values ---

    def truth(self, node: n.Node, at: At, depth: int = 0) -> Finding:
        """What a truth value was, and its parts; a list holds when it has an element. A part that the oracle never came
        to, because another decided, and cannot evaluate is said to be so."""
        try:
            return self._truth(node, at, depth)
        except Refused as refused:
            return self._made("test", node, at, None, sentence=f"is not evaluated: {refused}")

    def _truth(self, node: n.Node, at: At, depth: int) -> Finding:
        followed = self.sieve.body(node, at) if depth < _DEEPEST else None
        if followed is not None and self._is_known(node, followed[1]):
            return self._again(node, at, None)
        if followed is not None and _tells_more(followed[0]):
            found = self.truth(*followed, depth + 1)
            return replace(found, named=(_name(node), *found.named)) if _name(node) else found
        value = self.sieve.value(node, at)
        if isinstance(value, list):
            return self._exists(node, node, at, any(item is not None for item in value), depth)
        truth = value if isinstance(value, bool) else None
        method = _BRANCHES.get(getattr(node, "op", "") or type(node).__name__) if depth < _DEEPEST else None
        return method(self, node, at, truth, depth) if method else self._test(node, at, truth, depth)

    def _is_known(self, node: n.Node, inside: At) -> bool:
        return isinstance(node, n.Ref) and (inside.scope.library.label, node.name) in self.known

    def _again(self, node: n.Node, at: At, unit: Element | None) -> Finding:
        """A criterion that was told before: whether it holds."""
        value = self.sieve.value(node, at)
        listed = isinstance(value, list)
        truth = any(unit is None or _is(each, unit) for each in value) if listed else value
        verb = {True: "holds", False: "does not hold", None: "cannot be told"}[truth]
        told = f'it is {"in" if truth else "not in"} "{_name(node)}"' if listed and unit else f'"{_name(node)}" {verb}'
        return self._made("test", node, at, truth, sentence=told)

    def _made(
        self, kind: Kind, node: n.Node, at: At, truth: Truth, parts: Iterable[Finding] = (), **more: Any
    ) -> Finding:
        scope = at.scope
        text = self._text(node, at)
        return Finding(kind, text, truth, scope.library.label, scope.define, node.locator, parts=tuple(parts), **more)

    def _all(self, node: n.Operator, at: At, truth: Truth, depth: int) -> Finding:
        parts = [self.truth(each, at, depth + 1) for each in same_operator(node, node.op)]
        return self._made("all" if node.op == "And" else "any", node, at, truth, parts)

    def _implies(self, node: n.Operator, at: At, truth: Truth, depth: int) -> Finding:
        left, right = node.operands
        refused = n.Operator("Not", (left,), locator=left.locator if left else "")
        return self._made(
            "any", node, at, truth, [self.truth(each, at, depth + 1) for each in (refused, right) if each]
        )

    def _not(self, node: n.Operator, at: At, truth: Truth, depth: int) -> Finding:
        return self._made("not", node, at, truth, [self.truth(node.operands[0], at, depth + 1)])  # type: ignore[arg-type]

    def _if(self, node: n.If, at: At, truth: Truth, depth: int) -> Finding:
        condition = self.truth(node.condition, at, depth + 1)
        chosen = node.then if condition.truth is True else node.otherwise
        return self._made("if", node, at, truth, [condition, self.truth(chosen, at, depth + 1)])

    def _exists_operator(self, node: n.Operator, at: At, truth: Truth, depth: int) -> Finding:
        return self._exists(node, node.operands[0], at, truth, depth)

    def _exists(self, node: n.Node, source: n.Node | None, at: At, truth: Truth, depth: int) -> Finding:
        if source is None:
            return self._made("test", node, at, truth)
        found = self.sieve.sift(source, at)
        records = _unique(each for row in found.rows for each in row.records)
        if truth is True:
            return self._made("exists", node, at, truth, sentence=_met(records), records=_told(records))
        nearest = sorted(found.dropped, key=self._distance)[:MOST]
        parts = [self._row(each, depth) for each in nearest]
        return self._made("exists", node, at, truth, parts, sentence=self.wording.nothing(found, source, at))

    def _distance(self, dropped: Dropped) -> tuple[int, int, str]:
        """How many conditions a row lacks, and how many cannot be told; of equals the latest record first."""
        values = [self.sieve.value(each, dropped.at) for each in dropped.conditions]
        lacking = sum(value is not True for value in values)
        when = record(dropped.row.records[0]).date if dropped.row.records else ""
        backwards = "".join(chr(0x10FFFF - ord(letter)) for letter in when)
        return lacking, sum(value is None for value in values), backwards

    def _row(self, dropped: Dropped, depth: int) -> Finding:
        """A row that came close: the conditions it does not meet."""
        at = dropped.at
        unmet = [each for each in dropped.conditions if self.sieve.value(each, at) is not True]
        parts = [self.truth(each, at, depth + 1) for each in unmet]
        text = shown(dropped.row.records[0]) if dropped.row.records else shown(dropped.row.value)
        told = _told(dropped.row.records)
        return Finding("row", text, False, at.scope.library.label, at.scope.define, records=told, parts=tuple(parts))

    def _is_null(self, node: n.Operator, at: At, truth: Truth, depth: int) -> Finding:
        """What is looked up among records is there or not as in an `exists`, turned about."""
        operand = node.operands[0]
        found = self.sieve.sift(operand, at) if operand is not None and looks_up(operand) else None
        if found is None or not found.sought:
            return self._test(node, at, truth, depth)
        there = self._exists(node, operand, at, not truth, depth)
        return replace(there, truth=truth)

    def _test(self, node: n.Node, at: At, truth: Truth, depth: int) -> Finding:
        lacking = self.wording.sought_in_vain(node, at) if truth is not True and depth < _DEEPEST else None
        if lacking is not None:
            return replace(self._exists(node, lacking, at, False, depth), truth=truth)
        behind = _told(self.sieve.evidence(node, at))
        return self._made("test", node, at, truth, sentence=self.wording.test(node, at, truth), records=behind)

    # --- lists of resources, for one of them ---

    def member(self, node: n.Node, at: At, unit: Element, depth: int = 0) -> Finding:
        """Whether a list has a resource: the conditions the resource has to pass to be in it."""
        followed = self.sieve.body(node, at) if depth < _DEEPEST else None
        if followed is not None and self._is_known(node, followed[1]):
            return self._again(node, at, unit)
        if followed is not None:
            found = self.member(*followed, unit, depth + 1)
            return replace(found, named=(_name(node), *found.named)) if _name(node) else found
        value = self.sieve.value(node, at)
        if isinstance(value, bool):
            return self.truth(node, at, depth + 1)
        truth = any(_is(item, unit) for item in value or ())
        method = _MEMBERS.get(getattr(node, "op", "") or type(node).__name__) if depth < _DEEPEST else None
        return method(self, node, at, unit, truth, depth) if method else self._listed(node, at, unit, truth)

    def _member_of(self, node: n.Operator, at: At, unit: Element, truth: Truth, depth: int) -> Finding:
        kind: Kind = "any" if node.op == "Union" else "all"
        parts = [self.member(each, at, unit, depth + 1) for each in same_operator(node, node.op)]
        return self._made(kind, node, at, truth, parts)

    def _member_except(self, node: n.Operator, at: At, unit: Element, truth: Truth, depth: int) -> Finding:
        kept, taken = (self.member(each, at, unit, depth + 1) for each in node.operands if each is not None)
        refused = replace(taken, kind="not", truth=not taken.truth, parts=(taken,), sentence="", named=())
        return self._made("all", node, at, truth, [kept, refused])

    def _member_query(self, node: n.Query, at: At, unit: Element, truth: Truth, depth: int) -> Finding:
        if not hands_on(node):
            return self._listed(node, at, unit, truth)
        source = node.sources[0]
        here = self.sieve.with_lets(node, at.bind(source.alias, unit, (unit,)))
        parts = [self.member(source.expression, at, unit, depth + 1)]
        parts += [self.truth(each, here, depth + 1) for each in conditions(node)]
        return self._made("all", node, at, truth, parts)

    def _listed(self, node: n.Node, at: At, unit: Element, truth: Truth) -> Finding:
        """A list that is not taken apart: whether the unit is in it, and if not where it stayed behind."""
        found = self.sieve.sift(node, at)
        dropped = [each for each in found.dropped if any(_is(record_, unit) for record_ in each.row.records)]
        parts = [] if truth else [self._row(each, 1) for each in sorted(dropped, key=self._distance)[:1]]
        sought = self.wording.sought(found)
        article = "an" if sought[0] in "AEIOU" else "a"
        sentence = f"it is {article if truth else 'no'} {sought}"
        return self._made("test", node, at, truth, parts, sentence=sentence, records=_told((unit,)))


def _tells_more(body: n.Node) -> bool:
    """Whether a definition is worth following: it is no plain value."""
    return not isinstance(body, (n.Literal, n.Null, n.Property))


def _name(node: n.Node) -> str:
    """What a reference to a definition calls it; lets and operands are not named."""
    named = isinstance(node, n.FunctionRef) or (isinstance(node, n.Ref) and node.kind == "ExpressionRef")
    return node.name if named else ""  # type: ignore[attr-defined]


def _is(value: Value, unit: Element) -> bool:
    return value is unit or (is_resource(value) and same(value, unit) is True)


def _unique(elements: Iterable[Element]) -> tuple[Element, ...]:
    return tuple({id(each): each for each in elements}.values())


def _told(elements: Sequence[Element]) -> tuple[Any, ...]:
    return tuple(record(each) for each in elements[:_MOST_RECORDS] if is_resource(each))


def _met(records: Sequence[Element]) -> str:
    if not records:
        return "found one"
    more = f" and {len(records) - MOST} more" if len(records) > MOST else ""
    return "found " + ", ".join(str(record(each)) for each in records[:MOST]) + more


_BRANCHES: dict[str, Callable[[Walk, Any, At, Truth, int], Finding]] = {
    "And": Walk._all,
    "Or": Walk._all,
    "Implies": Walk._implies,
    "Not": Walk._not,
    "If": Walk._if,
    "Exists": Walk._exists_operator,
    "IsNull": Walk._is_null,
}
_MEMBERS: dict[str, Callable[[Walk, Any, At, Element, Truth, int], Finding]] = {
    "Union": Walk._member_of,
    "Intersect": Walk._member_of,
    "Except": Walk._member_except,
    "Query": Walk._member_query,
}
