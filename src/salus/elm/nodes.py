"""The nodes of an ELM expression: frozen, typed, each knowing where it came from.

Structural kinds (queries, references, selectors, conditionals) have a class of their own; the many plain operators of
the specification share `Operator`, which names the ELM element and holds its operands in the order of the schema.
Meaning is not here. Source: ELM r1 (https://cql.hl7.org/04-logicalspecification.html).
"""

from __future__ import annotations

from msgspec import Struct

from salus.elm.types import Type


class Node(Struct, frozen=True, eq=False, kw_only=True):
    """Where the node stands: `locator` is `line:column-line:column` in the CQL source."""

    locator: str = ""
    local_id: str = ""


class Literal(Node, frozen=True, eq=False):
    type: str
    value: str


class Null(Node, frozen=True, eq=False):
    pass


class QuantityLiteral(Node, frozen=True, eq=False):
    value: str
    unit: str


class RatioLiteral(Node, frozen=True, eq=False):
    numerator: QuantityLiteral
    denominator: QuantityLiteral


class Ref(Node, frozen=True, eq=False):
    """A reference by name. `kind` is the ELM element: ExpressionRef, ParameterRef, OperandRef, AliasRef, QueryLetRef,
    IdentifierRef, CodeRef, ConceptRef, CodeSystemRef or ValueSetRef."""

    kind: str
    name: str
    library: str | None = None


class FunctionRef(Node, frozen=True, eq=False):
    name: str
    library: str | None
    operands: tuple[Node, ...]
    signature: tuple[Type, ...]


class Property(Node, frozen=True, eq=False):
    """`source.path`, or `scope.path` where scope is a query alias."""

    path: str
    source: Node | None
    scope: str | None


class Operator(Node, frozen=True, eq=False):
    """Any operator without structure of its own: `op` is the ELM element's name; operands in schema order.

    An operand that the schema makes optional and the expression leaves out is None.
    """

    op: str
    operands: tuple[Node | None, ...]
    precision: str | None = None


class TypeOperator(Node, frozen=True, eq=False):
    """As, Is, Convert, CanConvert, MinValue, MaxValue: an operator that takes a type.

    `written` tells a cast of the author from a conversion that the translator put in: only the former says whether
    it is `strict`.
    """

    op: str
    operand: Node | None
    type: Type
    strict: bool = False
    written: bool = False


class If(Node, frozen=True, eq=False):
    condition: Node
    then: Node
    otherwise: Node


class Case(Node, frozen=True, eq=False):
    comparand: Node | None
    items: tuple[tuple[Node, Node], ...]
    otherwise: Node


class IntervalSelector(Node, frozen=True, eq=False):
    low: Node | None
    high: Node | None
    low_closed: Node | bool
    high_closed: Node | bool


class ListSelector(Node, frozen=True, eq=False):
    elements: tuple[Node, ...]
    element_type: Type | None


class TupleSelector(Node, frozen=True, eq=False):
    elements: tuple[tuple[str, Node], ...]


class Instance(Node, frozen=True, eq=False):
    class_type: str
    elements: tuple[tuple[str, Node], ...]


class CodeSelector(Node, frozen=True, eq=False):
    system: Ref
    code: str
    display: str | None


class ConceptSelector(Node, frozen=True, eq=False):
    codes: tuple[CodeSelector, ...]
    display: str | None


class Retrieve(Node, frozen=True, eq=False):
    """[type: code_property comparator codes] over the context's data."""

    data_type: str
    template: str | None
    code_property: str | None
    comparator: str | None
    codes: Node | None
    date_property: str | None = None
    date_range: Node | None = None
    context: Node | None = None


class Source(Node, frozen=True, eq=False):
    alias: str
    expression: Node


class Relationship(Node, frozen=True, eq=False):
    """`with` or `without` a related source."""

    negated: bool
    alias: str
    expression: Node
    such_that: Node


class SortKey(Node, frozen=True, eq=False):
    """One `sort by`: an expression, a column, or neither (the element itself)."""

    descending: bool
    path: str | None = None
    expression: Node | None = None


class Return(Node, frozen=True, eq=False):
    expression: Node
    distinct: bool


class Aggregate(Node, frozen=True, eq=False):
    """The `aggregate` clause of a query."""

    identifier: str
    expression: Node
    starting: Node
    distinct: bool


class Query(Node, frozen=True, eq=False):
    sources: tuple[Source, ...]
    lets: tuple[tuple[str, Node], ...]
    relationships: tuple[Relationship, ...]
    where: Node | None
    returns: Return | None
    aggregate: Aggregate | None
    sort: tuple[SortKey, ...]


class Sort(Node, frozen=True, eq=False):
    source: Node
    by: tuple[SortKey, ...]


class ScopedOperator(Node, frozen=True, eq=False):
    """Filter, ForEach, Repeat: a list operator with an expression over each element, named `scope`."""

    op: str
    source: Node
    element: Node
    scope: str


class ExpressionDef(Node, frozen=True, eq=False):
    name: str
    context: str
    expression: Node


class FunctionDef(Node, frozen=True, eq=False):
    name: str
    context: str
    operands: tuple[tuple[str, Type | None], ...]
    expression: Node | None
    external: bool = False


class ParameterDef(Node, frozen=True, eq=False):
    name: str
    type: Type | None
    default: Node | None
