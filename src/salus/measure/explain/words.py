"""Tests in plain sentences: "age 53 is within 18 to 75", "status 'cancelled' is none of 'finished'", "no Observation
with a code of "HbA1c" (2026-01-01 to 2026-12-31)".

Made from the structure of the expression and the oracle's values; nothing here knows a measure.
Leaves to others: the parts a criterion is made of (`walk`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from salus.elm import nodes as n
from salus.elm.clauses import conjuncts
from salus.elm.narrative import children
from salus.engine.oracle.elements import is_resource
from salus.engine.oracle.values import Interval, Value
from salus.measure.explain.model import Truth
from salus.measure.explain.shown import MOST, shown, words
from salus.measure.explain.sieve import At, Row, Sieve, Sifted, looks_up

Text = Callable[[n.Node, At], str]

_VERBS = {
    "Equal": ("is", "is not"),
    "Equivalent": ("is", "is not"),
    "NotEqual": ("is not", "is"),
    "Greater": ("is above", "is not above"),
    "GreaterOrEqual": ("is at least", "is below"),
    "Less": ("is below", "is not below"),
    "LessOrEqual": ("is at most", "is above"),
    "In": ("is within", "is outside"),
    "ProperIn": ("is within", "is outside"),
    "IncludedIn": ("is within", "is outside"),
    "ProperIncludedIn": ("is within", "is outside"),
    "Includes": ("includes", "does not include"),
    "Contains": ("contains", "does not contain"),
    "Overlaps": ("overlaps", "does not overlap"),
    "OverlapsBefore": ("overlaps and starts before", "does not overlap and start before"),
    "OverlapsAfter": ("overlaps and ends after", "does not overlap and end after"),
    "Before": ("is before", "is not before"),
    "After": ("is after", "is not after"),
    "SameOrBefore": ("is on or before", "is after"),
    "SameOrAfter": ("is on or after", "is before"),
    "SameAs": ("is the same as", "is not the same as"),
    "Starts": ("starts", "does not start"),
    "Ends": ("ends", "does not end"),
    "Meets": ("meets", "does not meet"),
    "InValueSet": ("is in", "is not in"),
    "AnyInValueSet": ("is in", "is not in"),
}
"""How a test between two values is worded when it holds and when it does not."""

_TIMES = {"In", "IncludedIn", "ProperIn", "ProperIncludedIn", "Overlaps"}
_SAME = {"DateFrom", "ToDate", "ToDateTime", "ToDecimal", "ToQuantity", "ToConcept", "ToString", "ToList", "Coalesce"}
_OF = {
    "Start": "start of",
    "End": "end of",
    "Count": "the number of",
    "First": "first",
    "Last": "last",
    "Max": "highest",
    "Min": "lowest",
    "DifferenceBetween": "the time between",
    "DurationBetween": "the time between",
}


class Wording:
    """Words for one patient's values; `text` gives the source of a node."""

    def __init__(self, sieve: Sieve, text: Text) -> None:
        self.sieve, self.text = sieve, text

    # --- one test ---

    def test(self, node: n.Node, at: At, truth: Truth) -> str:
        """What a test found."""
        if isinstance(node, n.Operator) and node.op == "IsNull" and node.operands[0] is not None:
            return f"{self.label(node.operands[0], at)} is {'not ' if truth else ''}recorded"
        if isinstance(node, n.Operator) and node.op in _VERBS and len(node.operands) >= 2:
            return self._compared(node, at, truth)
        return {True: "holds", False: "does not hold", None: "cannot be told"}[truth]

    def _compared(self, node: n.Operator, at: At, truth: Truth) -> str:
        left, right = node.operands[0], node.operands[1] or next(filter(None, node.operands[2:]), None)
        if left is None or right is None:
            return "cannot be told"
        values = [self.sieve.value(left, at), self.sieve.value(right, at)]
        for operand, value in zip((left, right), values, strict=True):
            if value is None or value == []:
                return f"{self.label(operand, at)} is not recorded"
        named = f"{self.label(left, at)} {shown(values[0])}".strip()
        if truth is None:
            return f"cannot be told: {named} against {self._right(right, values[1], at)}"
        verb = _VERBS[node.op][not truth]
        if node.op == "In" and isinstance(values[1], list):
            verb = "is one of" if truth else "is none of"
        return f"{named} {verb} {self._right(right, values[1], at)}"

    def sought_in_vain(self, node: n.Node, at: At) -> n.Node | None:
        """Of a test the search behind a value that is null, where that search found nothing."""
        operands = node.operands if isinstance(node, n.Operator) else ()
        for operand in operands:
            base = _base(operand)
            if operand is not None and base is not None and looks_up(base) and self.sieve.value(operand, at) is None:
                found = self.sieve.sift(base, at)
                if found.sought and not found.rows:
                    return base
        return None

    def _right(self, node: n.Node, value: Value, at: At) -> str:
        """The other side: its value, with its name where that is no constant of the measure."""
        if isinstance(value, list):
            return ", ".join(shown(each) for each in value) or "nothing"
        depends = any(isinstance(each, n.Ref) and each.kind == "AliasRef" for each in _all(node))
        scoped = any(isinstance(each, n.Property) and each.scope for each in _all(node))
        return f"{self.label(node, at)} {shown(value)}" if depends or scoped else shown(value)

    # --- names of values ---

    def label(self, node: n.Node, at: At) -> str:
        """What a value is called: the element, definition or age it is."""
        match node:
            case n.Operator(op="CalculateAgeAt" | "CalculateAge"):
                return "age"
            case n.Property():
                return self._element(node, at)
            case n.Ref(name=name):
                return self._named(node, name, at)
            case n.TypeOperator(operand=n.Node() as operand):
                return self.label(operand, at)
            case n.Query(sources=(first, *_)):
                return self.label(first.expression, at)
            case n.FunctionRef(name=name, operands=operands):
                plain = node.library == "FHIRHelpers" or words(name).startswith("to ")
                return self.label(operands[0], at) if operands and plain else words(name)
            case n.Operator(op=op, operands=(n.Node() as first, *_)) if op in _SAME:
                return self.label(first, at)
            case n.Operator(op=op, operands=(n.Node() as first, *_)) if op in _OF:
                return f"{_OF[op]} {self.label(first, at)}"
        return self.text(node, at)

    def _element(self, node: n.Property, at: At) -> str:
        """The last two steps of a path, without the `value` of primitives: "class code", "period start"."""
        steps, source = node.path.split("."), node.source
        while isinstance(source, n.Property) and source.scope is None and source.source is not None:
            steps, source = [*source.path.split("."), *steps], source.source
        if isinstance(source, n.Property):
            steps = [*source.path.split("."), *steps]
        kept = [step for step in steps if step != "value"] or ["value"]
        owner = self.label(source, at) if isinstance(source, n.Ref) and source.kind == "ExpressionRef" else ""
        return " ".join(part for part in (owner, *map(words, kept[-2:])) if part)

    def _named(self, node: n.Ref, name: str, at: At) -> str:
        followed = self.sieve.body(node, at) if node.kind in ("OperandRef", "IdentifierRef") else None
        if followed is not None and followed[0] is not node:
            return self.label(*followed)
        return f'"{name}"' if node.kind in ("ExpressionRef", "ValueSetRef", "CodeRef", "ConceptRef") else words(name)

    # --- lists that are empty ---

    def nothing(self, found: Sifted, node: n.Node, at: At) -> str:
        """Why the list that `node` is has nothing: what was sought and not there, or that nothing there passed."""
        if not found.sought and not found.dropped:
            return f"no {self.label(node, at)}"
        seen = _counted([each.row for each in found.dropped])
        wanted = self.sought(found) if found.sought else self.label(node, at)
        if seen:
            return f"{wanted}: {seen} found, {'none of which passes' if seen > 1 else 'which does not pass'}"
        return f"no {wanted}{self._when(found)}"

    def sought(self, found: Sifted) -> str:
        """What the retrieves looked for, in words."""
        types = list(dict.fromkeys(each.name for each in found.sought))
        codes = list(dict.fromkeys(self._codes(each.codes, each.at) for each in found.sought if each.codes is not None))
        kinds = " or ".join(types[:MOST]) or "such element"
        more = f" or {len(codes) - MOST} more" if len(codes) > MOST else ""
        return f"{kinds} with a code of {' or '.join(codes[:MOST])}{more}" if codes else kinds

    def _codes(self, node: n.Node, at: At) -> str:
        names = [f'"{each.name}"' for each in _all(node) if isinstance(each, n.Ref) and each.kind in _TERMS]
        return names[0] if names else self.text(node, at)

    def _when(self, found: Sifted) -> str:
        """The fixed periods that the records would have to be in."""
        periods = dict.fromkeys(shown(each) for each in self._periods(found.asked))
        return "".join(f" ({each})" for each in periods)

    def _periods(self, asked: Sequence[tuple[n.Node, At]]) -> Iterator[Interval]:
        for condition, at in asked:
            for node in conjuncts(condition):
                if isinstance(node, n.Operator) and node.op in _TIMES and len(node.operands) == 2:
                    value = self._constant(node.operands[1], at)
                    if isinstance(value, Interval):
                        yield value

    def _constant(self, node: n.Node | None, at: At) -> Value:
        """The value of what does not depend on a row; null of anything else."""
        if node is None or any(_is_bound(each) for each in _all(node)):
            return None
        return self.sieve.value(node, at)


def _counted(rows: Sequence[Row]) -> int:
    """How many there were: of resources each once, of parts of resources each part."""
    values = [row.value for row in rows]
    return len({id(value) for value in values}) if all(map(is_resource, values)) else len(values)


def _base(node: n.Node | None) -> n.Node | None:
    """What a value is an element of."""
    while isinstance(node, n.Property) and node.source is not None:
        node = node.source
    return node


_TERMS = ("ValueSetRef", "CodeRef", "ConceptRef", "CodeSystemRef")
_BOUND = ("AliasRef", "QueryLetRef", "OperandRef", "IdentifierRef")


def _is_bound(node: n.Node) -> bool:
    return (isinstance(node, n.Ref) and node.kind in _BOUND) or (isinstance(node, n.Property) and bool(node.scope))


def _all(node: n.Node) -> Iterator[n.Node]:
    yield node
    for each in children(node):
        yield from _all(each)
