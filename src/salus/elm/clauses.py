"""A criterion taken apart into clauses: what must hold for it to hold, as ELM that can be evaluated clause by clause.

Truth values are taken apart through and, or, not, implies and the defines they name; an `exists` into the steps by
which its list is narrowed (each the existence of what is left so far); a list of resources, for the resource that has
to be in it, into the conditions it has to pass. Nothing is evaluated here: an engine is asked for what is at the ends.
Leaves to others: evaluation (`logic.clauses`, `measure.explain.walk`), counting (`measure.clauses`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from salus.elm import nodes as n
from salus.elm.library import Includes, Library
from salus.elm.narrative import Narrative

Kind = Literal["all", "any", "not", "steps", "test"]
Binding = tuple[str, tuple[tuple[str, n.Node], ...]]
"""An alias that stands for the unit, and the lets beside it."""

_LOGIC = {"And", "Or", "Not", "Implies", "Exists"}


class Clause(Struct, frozen=True, eq=False):
    """One part of a criterion. `all`, `any`, `not` and `steps` have parts; a `test` is evaluated: `node` in the define
    of `library`, with `binding` for the unit; with `member`, whether the list `node` has the unit. The parts of `steps`
    hold for ever fewer: each is what is left after one condition more. `named` are the defines the text stands for.
    """

    kind: Kind
    library: Library
    define: str
    node: n.Node
    text: str
    named: tuple[str, ...] = ()
    parts: tuple[Clause, ...] = ()
    binding: Binding | None = None
    member: bool = False

    def tests(self) -> Iterator[Clause]:
        """The clauses to be evaluated, in order."""
        if self.kind == "test":
            yield self
        for part in self.parts:
            yield from part.tests()


def conditions(node: n.Query) -> tuple[n.Node, ...]:
    """What a row of a query has to pass: each with and without as an `exists`, and the parts of its where."""
    where = conjuncts(node.where) if node.where is not None else ()
    return (*map(relation, node.relationships), *where)


def relation(node: n.Relationship) -> n.Node:
    """A with as `exists`, a without as `not exists` (ELM §10, With, Without)."""
    source = n.Source(node.alias, node.expression, locator=node.locator)
    query = n.Query((source,), (), (), node.such_that, None, None, (), locator=node.locator)
    found = n.Operator("Exists", (query,), locator=node.locator)
    return n.Operator("Not", (found,), locator=node.locator) if node.negated else found


def conjuncts(node: n.Node) -> Iterator[n.Node]:
    """The parts of an `and`, through nested ones; the node itself when it is none."""
    yield from same_operator(node, "And")


def same_operator(node: n.Node | None, op: str) -> Iterator[n.Node]:
    """The operands of nested operators of one kind; the node itself when it is of another."""
    if isinstance(node, n.Operator) and node.op == op:
        for operand in node.operands:
            yield from same_operator(operand, op)
    elif node is not None:
        yield node


def is_search(node: n.Query) -> bool:
    """Whether a query is one that a translator wrote for a retrieve: requests of a medication that another resource
    names, searched by that resource's code. Its source stands where the whole query stands."""
    source = node.sources[0] if len(node.sources) == 1 else None
    bare = source is not None and isinstance(source.expression, n.Retrieve) and source.expression.codes is None
    return bare and source is not None and source.locator != "" and source.locator == node.locator


def hands_on(node: n.Query) -> bool:
    """Whether a query puts out the very elements of its only source."""
    if len(node.sources) != 1 or node.aggregate is not None:
        return False
    body = node.returns.expression if node.returns else None
    return body is None or (isinstance(body, n.Ref) and body.name == node.sources[0].alias)


class Clauses(Struct, frozen=True):
    """Takes criteria apart. `known` are defines (library label, name) that are not taken apart again; `whole` leaves
    the criteria themselves in one piece."""

    includes: Includes
    narrative: Narrative
    known: frozenset[tuple[str, str]] = frozenset()
    whole: bool = False

    def of_truth(self, library: Library, define: str) -> Clause:
        """The clauses of a define that is true or false for a patient."""
        body = library.expression(define).expression
        found = self._test(library, define, body, None) if self.whole else self._truth(library, define, body, None)
        return replace(found, named=(define, *found.named))

    def of_member(self, library: Library, define: str) -> Clause:
        """The clauses of a define that lists resources, for one of them."""
        body = library.expression(define).expression
        whole = replace(self._test(library, define, body, None), member=True) if self.whole else None
        found = whole or self._member(library, define, body)
        return replace(found, named=(define, *found.named))

    def candidates(self, library: Library, define: str) -> tuple[Library, str, n.Node]:
        """The list that a define of resources narrows: what every condition is asked of."""
        node = library.expression(define).expression
        while True:
            if isinstance(node, n.Ref) and node.kind == "ExpressionRef":
                library, define = self.includes.included(library, node.library), node.name
                node = library.expression(define).expression
            elif isinstance(node, n.Query) and hands_on(node) and not is_search(node):
                node = node.sources[0].expression
            else:
                return library, define, node

    def _test(self, library: Library, define: str, node: n.Node, binding: Binding | None, text: str = "") -> Clause:
        return Clause("test", library, define, node, text or self._text(library, define, node), binding=binding)

    def _text(self, library: Library, define: str, node: n.Node) -> str:
        return self.narrative.of(library, define, node)

    def _made(self, kind: Kind, library: Library, define: str, node: n.Node, parts: Sequence[Clause]) -> Clause:
        return Clause(kind, library, define, node, self._text(library, define, node), parts=tuple(parts))

    def _followed(self, library: Library, node: n.Node) -> tuple[Library, str, n.Node] | None:
        """The body of the define a reference names, unless it is known already."""
        if not (isinstance(node, n.Ref) and node.kind == "ExpressionRef"):
            return None
        owner = self.includes.included(library, node.library)
        known = (owner.label, node.name) in self.known
        return None if known else (owner, node.name, owner.expression(node.name).expression)

    # --- truth values ---

    def _truth(self, library: Library, define: str, node: n.Node, binding: Binding | None) -> Clause:
        followed = self._followed(library, node)
        if followed is not None and _is_logic(followed[2]):
            found = self._truth(*followed, None)
            return replace(found, named=(followed[1], *found.named))
        if not isinstance(node, n.Operator) or node.op not in _LOGIC:
            return self._test(library, define, node, binding)
        if node.op == "Exists":
            return self._exists(library, define, node, binding)
        if node.op == "Implies":
            left, right = node.operands
            node = n.Operator("Or", (n.Operator("Not", (left,)), right), locator=node.locator, local_id=node.local_id)
        parts = [self._truth(library, define, each, binding) for each in _operands(node)]
        kind: Kind = "all" if node.op == "And" else "any" if node.op == "Or" else "not"
        return self._made(kind, library, define, node, parts)

    def _exists(self, library: Library, define: str, node: n.Operator, binding: Binding | None) -> Clause:
        [operand] = [each for each in node.operands if each is not None]
        steps = list(self._steps(library, define, operand, binding))
        whole = self._test(library, define, node, binding)
        if len(steps) < 2:
            return whole
        return replace(whole, kind="steps", parts=(*steps[:-1], replace(whole, text=steps[-1].text)))

    def _steps(self, library: Library, define: str, node: n.Node, binding: Binding | None) -> Iterator[Clause]:
        """The existence of what a list is narrowed from, condition by condition; last, that of the list itself."""
        followed = self._followed(library, node)
        if followed is not None:
            yield from self._steps(*followed, None)
        elif isinstance(node, n.Query) and len(node.sources) == 1 and node.aggregate is None and not is_search(node):
            yield from self._steps(library, define, node.sources[0].expression, binding)
            for narrowed, text in _narrowed(node):
                found = n.Operator("Exists", (narrowed,), locator=node.locator)
                yield self._test(library, define, found, binding, self._text(library, define, text))
        else:
            found = n.Operator("Exists", (node,), locator=node.locator)
            yield self._test(library, define, found, binding, f"exists {self._text(library, define, node)}")

    # --- lists of resources, for one of them ---

    def _member(self, library: Library, define: str, node: n.Node) -> Clause:
        followed = self._followed(library, node)
        if followed is not None:
            found = self._member(*followed)
            return replace(found, named=(followed[1], *found.named))
        if isinstance(node, n.Operator) and node.op in ("Union", "Intersect", "Except"):
            return self._combined(library, define, node)
        if not isinstance(node, n.Query) or not hands_on(node) or is_search(node):
            return replace(self._test(library, define, node, None), member=True)
        binding = node.sources[0].alias, node.lets
        parts = [self._member(library, define, node.sources[0].expression)]
        parts += [self._truth(library, define, each, binding) for each in conditions(node)]
        return self._made("all", library, define, node, parts) if len(parts) > 1 else parts[0]

    def _combined(self, library: Library, define: str, node: n.Operator) -> Clause:
        parts = [self._member(library, define, each) for each in _operands(node)]
        if node.op == "Except":
            parts[1:] = [replace(each, kind="not", parts=(each,), member=False) for each in parts[1:]]
        return self._made("any" if node.op == "Union" else "all", library, define, node, parts)


def _operands(node: n.Operator) -> list[n.Node]:
    """Operands, through nested operators where those may stand in any order."""
    if node.op in ("And", "Or", "Union", "Intersect"):
        return list(same_operator(node, node.op))
    return [operand for operand in node.operands if operand is not None]


def _is_logic(node: n.Node) -> bool:
    """Whether a define's body is a truth value to take apart, or leads to one."""
    if isinstance(node, n.Ref):
        return node.kind == "ExpressionRef"
    return isinstance(node, n.Operator) and node.op in _LOGIC


def _narrowed(node: n.Query) -> Iterator[tuple[n.Query, n.Node]]:
    """The query with one condition after another, and the condition."""
    for count, each in enumerate(node.relationships, 1):
        yield replace(node, relationships=node.relationships[:count], where=None, returns=None, sort=()), relation(each)
    where: n.Node | None = None
    for each_ in conjuncts(node.where) if node.where is not None else ():
        where = each_ if where is None else n.Operator("And", (where, each_), locator=each_.locator)
        yield replace(node, where=where, returns=None, sort=()), each_
