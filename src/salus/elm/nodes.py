"""The nodes of an ELM expression: frozen, typed, each knowing where it came from.

Structural kinds (queries, references, selectors, conditionals) have a class of their own; the many plain operators of
the specification share `Operator`, which names the ELM element and holds its operands in the order of the schema.
Meaning is not here. Source: ELM r1 (https://cql.hl7.org/04-logicalspecification.html).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from salus.elm.types import Type


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Node:
    """Where the node stands: `locator` is `line:column-line:column` in the CQL source."""

    locator: str = ""
    local_id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    type: str
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Null(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class QuantityLiteral(Node):
    value: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class RatioLiteral(Node):
    numerator: QuantityLiteral
    denominator: QuantityLiteral


@dataclass(frozen=True, slots=True, eq=False)
class Ref(Node):
    """A reference by name. `kind` is the ELM element: ExpressionRef, ParameterRef, OperandRef, AliasRef, QueryLetRef,
    IdentifierRef, CodeRef, ConceptRef, CodeSystemRef or ValueSetRef."""

    kind: str
    name: str
    library: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FunctionRef(Node):
    name: str
    library: str | None
    operands: tuple[Node, ...]
    signature: tuple[Type, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Property(Node):
    """`source.path`, or `scope.path` where scope is a query alias."""

    path: str
    source: Node | None
    scope: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Operator(Node):
    """Any operator without structure of its own: `op` is the ELM element's name; operands in schema order.

    An operand that the schema makes optional and the expression leaves out is None.
    """

    op: str
    operands: tuple[Node | None, ...]
    precision: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TypeOperator(Node):
    """As, Is, Convert, CanConvert, MinValue, MaxValue: an operator that takes a type.

    `written` tells a cast of the author from a conversion that the translator put in: only the former says whether
    it is `strict`.
    """

    op: str
    operand: Node | None
    type: Type
    strict: bool = False
    written: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True, eq=False)
class Case(Node):
    comparand: Node | None
    items: tuple[tuple[Node, Node], ...]
    otherwise: Node


@dataclass(frozen=True, slots=True, eq=False)
class IntervalSelector(Node):
    low: Node | None
    high: Node | None
    low_closed: Node | bool
    high_closed: Node | bool


@dataclass(frozen=True, slots=True, eq=False)
class ListSelector(Node):
    elements: tuple[Node, ...]
    element_type: Type | None


@dataclass(frozen=True, slots=True, eq=False)
class TupleSelector(Node):
    elements: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Instance(Node):
    class_type: str
    elements: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CodeSelector(Node):
    system: Ref
    code: str
    display: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ConceptSelector(Node):
    codes: tuple[CodeSelector, ...]
    display: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Retrieve(Node):
    """[type: code_property comparator codes] over the context's data."""

    data_type: str
    template: str | None
    code_property: str | None
    comparator: str | None
    codes: Node | None
    date_property: str | None = None
    date_range: Node | None = None
    context: Node | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Source(Node):
    alias: str
    expression: Node


@dataclass(frozen=True, slots=True, eq=False)
class Relationship(Node):
    """`with` or `without` a related source."""

    negated: bool
    alias: str
    expression: Node
    such_that: Node


@dataclass(frozen=True, slots=True, eq=False)
class SortKey(Node):
    """One `sort by`: an expression, a column, or neither (the element itself)."""

    descending: bool
    path: str | None = None
    expression: Node | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Return(Node):
    expression: Node
    distinct: bool


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate(Node):
    """The `aggregate` clause of a query."""

    identifier: str
    expression: Node
    starting: Node
    distinct: bool


@dataclass(frozen=True, slots=True, eq=False)
class Query(Node):
    sources: tuple[Source, ...]
    lets: tuple[tuple[str, Node], ...]
    relationships: tuple[Relationship, ...]
    where: Node | None
    returns: Return | None
    aggregate: Aggregate | None
    sort: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sort(Node):
    source: Node
    by: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ScopedOperator(Node):
    """Filter, ForEach, Repeat: a list operator with an expression over each element, named `scope`."""

    op: str
    source: Node
    element: Node
    scope: str


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionDef(Node):
    name: str
    context: str
    expression: Node


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDef(Node):
    name: str
    context: str
    operands: tuple[tuple[str, Type | None], ...]
    expression: Node | None
    external: bool = field(default=False)


@dataclass(frozen=True, slots=True, eq=False)
class ParameterDef(Node):
    name: str
    type: Type | None
    default: Node | None
