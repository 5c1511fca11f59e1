"""Lists, and how they came to be: what went in, what came out, and at which condition the rest stayed behind.

Follows the list-valued part of an expression (retrieves, queries, unions, defines and functions of lists) beside the
oracle, whose values are the only truth: a row is kept when the oracle's condition is true.
Leaves to others: what a condition was and why (`walk`), words (`words`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from salus.elm import nodes as n
from salus.elm.clauses import conditions, is_search
from salus.elm.library import Library
from salus.elm.narrative import children
from salus.engine.oracle import Interpreter, Setting, Trace
from salus.engine.oracle.comparison import same
from salus.engine.oracle.elements import Element, is_resource
from salus.engine.oracle.functions import overload
from salus.engine.oracle.records import Records
from salus.engine.oracle.scope import Later, Scope
from salus.engine.oracle.values import Value
from salus.fhir import model
from salus.measure.explain.shown import words

Elements = tuple[Element, ...]
Origin = tuple[n.Node, "At"]
_CHOOSE = {"First", "Last", "Indexer", "SingletonFrom", "Distinct", "Slice"}
_THROUGH = {"ToList", "Flatten", "Coalesce"}


@dataclass(frozen=True, eq=False)
class At:
    """Where an expression is evaluated: its scope, and of the names in it where they come from and on which records."""

    scope: Scope
    origins: Mapping[str, Origin] = field(default_factory=dict)
    behind: Mapping[str, Elements] = field(default_factory=dict)

    def bind(self, name: str, value: Value | Later, behind: Elements = (), origin: Origin | None = None) -> At:
        origins = {key: each for key, each in self.origins.items() if key != name}
        return At(
            self.scope.bind(name, value),
            {**origins, name: origin} if origin else origins,
            {**self.behind, name: behind},
        )


@dataclass(frozen=True, eq=False)
class Row:
    """An element of a list and the records it came from."""

    value: Value
    records: Elements


@dataclass(frozen=True, eq=False)
class Dropped:
    """A row that did not pass the conditions of a query, and where they were asked."""

    row: Row
    conditions: tuple[n.Node, ...]
    at: At


@dataclass(frozen=True, eq=False)
class Sought:
    """What a retrieve looked for: a resource type, with the profile where that stands for a code; and the codes."""

    name: str
    codes: n.Node | None
    at: At


@dataclass
class Sifted:
    """A list as it came to be. `asked` are the conditions of its queries with the place of the query."""

    rows: list[Row] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    sought: list[Sought] = field(default_factory=list)
    asked: list[Origin] = field(default_factory=list)

    def add(self, other: Sifted, *, rows: bool = True) -> None:
        self.rows += other.rows if rows else ()
        self.dropped += other.dropped
        self.sought += other.sought
        self.asked += other.asked


class Remembering(Interpreter):
    """The oracle, answering once for each node and scope: what a criterion was is asked of it and of all its parts."""

    def __init__(self, setting: Setting, records: Records, trace: Trace) -> None:
        super().__init__(setting, records, trace)
        self._answers: dict[tuple[int, int], tuple[Value, n.Node, Scope]] = {}

    def evaluate(self, node: n.Node, scope: Scope) -> Value:
        key = id(node), id(scope)  # both are kept with the answer, so that their ids stay theirs
        if key not in self._answers:
            self._answers[key] = super().evaluate(node, scope), node, scope
        return self._answers[key][0]


class Sieve:
    """Sifts lists for one patient."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._defines: dict[tuple[int, str], Sifted] = {}
        self._evidence: dict[tuple[int, str], Elements] = {}

    def value(self, node: n.Node, at: At) -> Value:
        """The oracle's value."""
        return self.interpreter.evaluate(node, at.scope)

    # --- where names lead ---

    def body(self, node: n.Node, at: At) -> Origin | None:
        """What a reference stands for: the body of a define, of a function with its operands bound, or what a let or
        operand was given; None for anything else, and for the conversions of FHIRHelpers."""
        if isinstance(node, n.Ref) and node.kind == "ExpressionRef":
            library = self._library(at, node.library)
            return library.expression(node.name).expression, At(Scope(library, node.name))
        if isinstance(node, n.Ref):
            return at.origins.get(node.name) if node.kind in ("OperandRef", "QueryLetRef", "IdentifierRef") else None
        return self._applied(node, at) if isinstance(node, n.FunctionRef) else None

    def _library(self, at: At, alias: str | None) -> Library:
        return self.interpreter.setting.includes.included(at.scope.library, alias)

    def _applied(self, node: n.FunctionRef, at: At) -> Origin | None:
        library = self._library(at, node.library)
        if library.name == "FHIRHelpers":
            return None
        values = [self.value(operand, at) for operand in node.operands]
        found = overload(library.functions(node.name), node, values)
        if found is None or found.expression is None:
            return None
        inner = At(Scope(library, node.name))
        for (name, _), operand, value in zip(found.operands, node.operands, values, strict=True):
            inner = inner.bind(name, value, self.evidence(operand, at), (operand, at))
        return found.expression, inner

    # --- lists ---

    def sift(self, node: n.Node, at: At) -> Sifted:
        """The list a node is, and how it came to be; a single value is a list of one, null an empty one."""
        if isinstance(node, n.Ref) and node.kind == "ExpressionRef":
            library = self._library(at, node.library)
            key = id(library), node.name
            if key not in self._defines:
                self._defines[key] = self._sift(node, at)
            return self._defines[key]
        return self._sift(node, at)

    def _sift(self, node: n.Node, at: At) -> Sifted:
        followed = self.body(node, at)
        if followed is not None:
            return self.sift(*followed)
        method = _SIFTERS.get(type(node))
        return method(self, node, at) if method else self._plain(node, at)

    def _plain(self, node: n.Node, at: At) -> Sifted:
        behind = () if isinstance(node, n.Retrieve) else self._inside(node, at)
        return Sifted([Row(each, _own(each) or behind) for each in _listed(self.value(node, at))])

    def _retrieve(self, node: n.Retrieve, at: At) -> Sifted:
        made = self._plain(node, at)
        made.sought.append(Sought(_sought(node), node.codes, at))
        return made

    def _property(self, node: n.Property, at: At) -> Sifted:
        """Elements of what a search found; of one that found nothing, the search."""
        made = self._plain(node, at)
        if not made.rows and node.source is not None and looks_up(node.source):
            made.add(self.sift(node.source, at), rows=False)
        return made

    def _operator(self, node: n.Operator, at: At) -> Sifted:
        operands = [operand for operand in node.operands if operand is not None]
        if node.op == "Union":
            return self._union(operands, at)
        if node.op in ("Intersect", "Except", *_CHOOSE, *_THROUGH):
            return self._chosen(node, operands, at)
        return self._plain(node, at)

    def _union(self, operands: Sequence[n.Node], at: At) -> Sifted:
        made = Sifted()
        for operand in operands:
            made.add(self.sift(operand, at))
        made.rows = _distinct(made.rows)
        return made

    def _chosen(self, node: n.Node, operands: Sequence[n.Node], at: At) -> Sifted:
        """Some of the elements of the first operand, by the oracle's value of the whole."""
        made = Sifted()
        for operand in operands if getattr(node, "op", "") in ("Flatten", "Coalesce") else operands[:1]:
            made.add(self.sift(operand, at))
        wanted = _listed(self.value(node, at))
        kept = [row for row in _distinct(made.rows) if any(row.value is each for each in wanted)]
        kept = kept or [row for row in made.rows if any(same(row.value, each) for each in wanted)]
        behind = self.evidence(operands[0], at) if wanted and not kept else ()
        made.rows = kept or [Row(each, _own(each) or behind) for each in wanted]
        return made

    def _typed(self, node: n.TypeOperator, at: At) -> Sifted:
        return self._chosen(node, [node.operand], at) if node.operand is not None else self._plain(node, at)

    def _sorted(self, node: n.Sort, at: At) -> Sifted:
        return self._chosen(node, [node.source], at)

    def _if(self, node: n.If, at: At) -> Sifted:
        return self.sift(node.then if self.value(node.condition, at) is True else node.otherwise, at)

    def _query(self, node: n.Query, at: At) -> Sifted:
        if node.aggregate is not None or not node.sources:
            return self._plain(node, at)
        if is_search(node):
            return self._searched(node, at)
        asked = conditions(node)
        made = Sifted(asked=[(each, at) for each in asked])
        sources = [self.sift(source.expression, at) for source in node.sources]
        for each in sources:
            made.add(each, rows=False)
        for rows in product(*(each.rows for each in sources)):
            place = self._bound(node, rows, at)
            row = Row(rows[0].value, unique(record for each in rows for record in each.records))
            if all(self.value(each, place) is True for each in asked):
                made.rows.append(self._returned(node, row, place))
            else:
                made.dropped.append(Dropped(row, asked, place))
        return made

    def _searched(self, node: n.Query, at: At) -> Sifted:
        """A query that stands for a retrieve: what it finds is found, what it does not was never a candidate."""
        made = self._plain(node, at)
        retrieve = node.sources[0].expression
        codes = next((relation_.such_that for relation_ in node.relationships), None)
        made.sought += [Sought(each.name, each.codes or codes, at) for each in self._retrieve(retrieve, at).sought]  # type: ignore[arg-type]
        return made

    def _bound(self, node: n.Query, rows: Sequence[Row], at: At) -> At:
        """One combination of the sources' elements, and the lets."""
        for source, row in zip(node.sources, rows, strict=True):
            at = at.bind(source.alias, row.value, row.records)
        return self.with_lets(node, at)

    def with_lets(self, node: n.Query, at: At) -> At:
        for name, expression in node.lets:
            at = at.bind(name, self._later(expression, at), origin=(expression, at))
        return at

    def _later(self, expression: n.Node, at: At) -> Later:
        return Later(lambda: self.value(expression, at))

    def _returned(self, node: n.Query, row: Row, at: At) -> Row:
        if node.returns is None:
            return row if len(node.sources) == 1 else Row(None, row.records)
        return Row(self.value(node.returns.expression, at), row.records)

    # --- evidence ---

    def evidence(self, node: n.Node, at: At) -> Elements:
        """The records that a value came from."""
        if isinstance(node, n.Ref) and node.kind == "ExpressionRef":
            library = self._library(at, node.library)
            key = id(library), node.name
            if key not in self._evidence:
                self._evidence[key] = self._looked_through(node, at)
            return self._evidence[key]
        if isinstance(node, (n.Retrieve, n.Query)) or (isinstance(node, n.Operator) and node.op in _CHOOSE):
            return self._looked_through(node, at)
        return self._inside(node, at)

    def _inside(self, node: n.Node, at: At) -> Elements:
        """The records behind the parts of a node; of a name, those behind it."""
        name = node.scope if isinstance(node, n.Property) else node.name if isinstance(node, n.Ref) else None
        named = at.behind.get(name or "", ())
        return unique((*named, *(each for part in _same_scope(node) for each in self.evidence(part, at))))

    def _looked_through(self, node: n.Node, at: At) -> Elements:
        followed = self.body(node, at)
        if followed is not None:
            return self.evidence(*followed)
        return unique(each for row in self.sift(node, at).rows for each in row.records)


_SIFTERS: dict[type[n.Node], Callable[[Sieve, Any, At], Sifted]] = {
    n.Retrieve: Sieve._retrieve,
    n.Property: Sieve._property,
    n.Operator: Sieve._operator,
    n.TypeOperator: Sieve._typed,
    n.Sort: Sieve._sorted,
    n.If: Sieve._if,
    n.Query: Sieve._query,
}


def looks_up(node: n.Node) -> bool:
    """Whether a value may come from a search of records: a query, a retrieve, a choice from a list, or a definition."""
    if isinstance(node, n.Operator):
        return node.op in ("First", "Last", "SingletonFrom", "Indexer")
    return isinstance(node, (n.Query, n.Retrieve)) or (isinstance(node, n.Ref) and node.kind == "ExpressionRef")


def _sought(node: n.Retrieve) -> str:
    name = words(node.data_type.rpartition(".")[2]).capitalize()
    profile = model.PROFILES.get(node.template or "")
    called = (node.template or "").rpartition("/")[2].replace("-", " ")
    return f"{name} ({called})" if profile is not None and profile.codes else name


def _same_scope(node: n.Node) -> Iterable[n.Node]:
    """The nodes inside a node that see no more names than it does itself."""
    if isinstance(node, n.Query):
        return [source.expression for source in node.sources]
    if isinstance(node, (n.Sort, n.ScopedOperator)):
        return [node.source]
    return children(node)


def unique(elements: Iterable[Element]) -> Elements:
    """Each record once, in order."""
    return tuple({id(each): each for each in elements}.values())


def _own(value: Value) -> Elements:
    return (value,) if is_resource(value) else ()


def _listed(value: Value) -> list[Value]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Rows of the same element once (that is what a union does to resources)."""
    return list({id(row.value): row for row in reversed(rows)}.values())[::-1]
