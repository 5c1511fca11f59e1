"""The syntax tree of CQL text: immutable nodes that say what was written and where, nothing about what it means.

Every form of the grammar has a node; nothing is rewritten (a timing phrase stays a phrase, parentheses stay). Two trees
are equal when they say the same, wherever they stand in the text: places are not compared.
Leaves to others: making trees (`cql.parser`), lines and columns (`cql.source`), names and meaning (`cql.translate`).
Source: CQL 1.5, Formal Grammar (https://cql.hl7.org/grammar.html) and Author's Guide.

Words kept as text: precisions are singular ('day' also for `days between`); units stay as they stand (`days`, `mg`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

Access: TypeAlias = Literal["public", "private"]
Precision: TypeAlias = Literal["year", "month", "week", "day", "hour", "minute", "second", "millisecond"]
Component: TypeAlias = Precision | Literal["date", "time", "timezoneoffset"]
Measured: TypeAlias = Literal["duration", "difference"]
Direction: TypeAlias = Literal["asc", "ascending", "desc", "descending"]
Order: TypeAlias = Literal["before", "after"]
LeftBoundary: TypeAlias = Literal["starts", "ends", "occurs"]
RightBoundary: TypeAlias = Literal["start", "end"]
OffsetQualifier: TypeAlias = Literal["or more", "or less", "more than", "less than"]
UnaryWord: TypeAlias = Literal[
    "+", "-", "not", "exists", "distinct", "flatten", "start of", "end of", "width of", "successor of",
    "predecessor of", "singleton from", "point from",
]  # fmt: skip
BinaryWord: TypeAlias = Literal[
    "+", "-", "&", "*", "/", "div", "mod", "^", "<", "<=", ">", ">=", "=", "!=", "~", "!~",
    "and", "or", "xor", "implies", "|", "union", "intersect", "except",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """Where it stands: offsets of characters in the text, `end` past the last (lines and columns: `cql.source`)."""

    start: int = field(compare=False, repr=False)
    end: int = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expression(Node):
    """Anything that has a value."""


# Names and types


@dataclass(frozen=True, slots=True)
class Identifier(Expression):
    """A name with its quotes and escapes resolved. `quoted` tells `"date"` and `` `date` `` from the plain word."""

    text: str
    quoted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class QualifiedName(Node):
    parts: tuple[Identifier, ...]

    @property
    def text(self) -> str:
        return ".".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    name: QualifiedName


@dataclass(frozen=True, slots=True)
class ListType(Node):
    element: TypeSpecifier


@dataclass(frozen=True, slots=True)
class IntervalType(Node):
    point: TypeSpecifier


@dataclass(frozen=True, slots=True)
class ChoiceType(Node):
    choices: tuple[TypeSpecifier, ...]


@dataclass(frozen=True, slots=True)
class TupleTypeElement(Node):
    name: Identifier
    type: TypeSpecifier


@dataclass(frozen=True, slots=True)
class TupleType(Node):
    elements: tuple[TupleTypeElement, ...]


TypeSpecifier: TypeAlias = NamedType | ListType | IntervalType | ChoiceType | TupleType


# Literals


@dataclass(frozen=True, slots=True)
class NullLiteral(Expression):
    pass


@dataclass(frozen=True, slots=True)
class BooleanLiteral(Expression):
    value: bool


@dataclass(frozen=True, slots=True)
class StringLiteral(Expression):
    """`value` has its escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class IntegerLiteral(Expression):
    """A number without a decimal point; digits as written, without sign."""

    text: str


@dataclass(frozen=True, slots=True)
class LongLiteral(Expression):
    """Digits as written, without the L and without sign."""

    text: str


@dataclass(frozen=True, slots=True)
class DecimalLiteral(Expression):
    text: str


@dataclass(frozen=True, slots=True)
class DateLiteral(Expression):
    """`parts` is (year, month, day), as far as they are written."""

    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DateTimeLiteral(Expression):
    """`parts` is (year, month, day, hour, minute, second, millisecond), as far as written; `offset` in minutes."""

    parts: tuple[int, ...]
    offset: int | None


@dataclass(frozen=True, slots=True)
class TimeLiteral(Expression):
    """`parts` is (hour, minute, second, millisecond), as far as they are written."""

    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unit(Node):
    """`'mg'` (UCUM) or, when `calendar`, one of the words `year`, `years`, ..., `milliseconds` as written."""

    text: str
    calendar: bool


@dataclass(frozen=True, slots=True)
class QuantityLiteral(Expression):
    """Digits as written, without sign; a number without a unit is a quantity only where the grammar asks for one."""

    value: str
    unit: Unit | None


@dataclass(frozen=True, slots=True)
class RatioLiteral(Expression):
    numerator: QuantityLiteral
    denominator: QuantityLiteral


# Selectors


@dataclass(frozen=True, slots=True)
class IntervalSelector(Expression):
    low: Expression
    high: Expression
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Element(Node):
    """`name: value` inside a tuple or an instance."""

    name: Identifier
    value: Expression


@dataclass(frozen=True, slots=True)
class TupleSelector(Expression):
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class InstanceSelector(Expression):
    type: NamedType
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class ListSelector(Expression):
    """`element_type` is there in `List<Integer> { ... }` alone."""

    elements: tuple[Expression, ...]
    element_type: TypeSpecifier | None


@dataclass(frozen=True, slots=True)
class CodeSelector(Expression):
    """`Code 'id' from system display 'text'`."""

    code: StringLiteral
    system: QualifiedName
    display: StringLiteral | None


@dataclass(frozen=True, slots=True)
class ConceptSelector(Expression):
    codes: tuple[CodeSelector, ...]
    display: StringLiteral | None


# Invocations


@dataclass(frozen=True, slots=True)
class Variable(Expression):
    name: Literal["$this", "$index", "$total"]


@dataclass(frozen=True, slots=True)
class ExternalConstant(Expression):
    """`%name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Expression):
    """`source.name`: an element of a value, or a name of a library; the text alone cannot say which."""

    source: Expression
    name: Identifier


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """`name(...)` or `source.name(...)`, which is a library's function or a fluent one; the text cannot say which."""

    source: Expression | None
    name: Identifier
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Indexer(Expression):
    source: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Parenthesized(Expression):
    body: Expression


@dataclass(frozen=True, slots=True)
class Malformed(Expression):
    """Text that could not be parsed; an error was reported for it, and it needs no other."""


# Operators


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    op: UnaryWord
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    op: BinaryWord
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class ComponentFrom(Expression):
    """`year from operand`."""

    component: Component
    operand: Expression


@dataclass(frozen=True, slots=True)
class SpanOf(Expression):
    """`duration in days of operand`, `difference in days of operand`."""

    measured: Measured
    precision: Precision
    operand: Expression


@dataclass(frozen=True, slots=True)
class SpanBetween(Expression):
    """`days between low and high` (a duration), `difference in days between low and high`."""

    measured: Measured
    precision: Precision
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class IntervalSet(Expression):
    """`expand operand per day`, `collapse operand per 2 'mg'`; `per` is a precision's word, an expression, or None."""

    op: Literal["expand", "collapse"]
    operand: Expression
    per: Precision | Expression | None


@dataclass(frozen=True, slots=True)
class IsValue(Expression):
    """`operand is not null`, `is true`, `is false`."""

    operand: Expression
    value: Literal["null", "true", "false"]
    negated: bool


@dataclass(frozen=True, slots=True)
class Is(Expression):
    operand: Expression
    type: TypeSpecifier


@dataclass(frozen=True, slots=True)
class As(Expression):
    operand: Expression
    type: TypeSpecifier


@dataclass(frozen=True, slots=True)
class Cast(Expression):
    """`cast operand as type`: `as` that fails when the value is of another type."""

    operand: Expression
    type: TypeSpecifier


@dataclass(frozen=True, slots=True)
class Convert(Expression):
    operand: Expression
    to: TypeSpecifier | Unit


@dataclass(frozen=True, slots=True)
class TypeExtent(Expression):
    op: Literal["minimum", "maximum"]
    type: NamedType


@dataclass(frozen=True, slots=True)
class Between(Expression):
    operand: Expression
    low: Expression
    high: Expression
    properly: bool


@dataclass(frozen=True, slots=True)
class Membership(Expression):
    """`left in day of right`, `left contains right`."""

    op: Literal["in", "contains"]
    left: Expression
    right: Expression
    precision: Precision | None


@dataclass(frozen=True, slots=True)
class If(Expression):
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class CaseItem(Node):
    when: Expression
    then: Expression


@dataclass(frozen=True, slots=True)
class Case(Expression):
    comparand: Expression | None
    items: tuple[CaseItem, ...]
    otherwise: Expression


# Timing


@dataclass(frozen=True, slots=True)
class Same(Node):
    """`starts same day or before end`."""

    left: LeftBoundary | None
    precision: Precision | None
    relation: Literal["as", "or before", "or after"]
    right: RightBoundary | None


@dataclass(frozen=True, slots=True)
class Includes(Node):
    properly: bool
    precision: Precision | None
    right: RightBoundary | None


@dataclass(frozen=True, slots=True)
class During(Node):
    """`starts properly during day of`; `included in` says the same."""

    left: LeftBoundary | None
    properly: bool
    precision: Precision | None


@dataclass(frozen=True, slots=True)
class Offset(Node):
    quantity: QuantityLiteral
    qualifier: OffsetQualifier | None


@dataclass(frozen=True, slots=True)
class BeforeOrAfter(Node):
    """`starts 3 days or more on or before day of end`; `inclusive` is `on or` before, or `or on` after."""

    left: LeftBoundary | None
    offset: Offset | None
    order: Order
    inclusive: bool
    precision: Precision | None
    right: RightBoundary | None


@dataclass(frozen=True, slots=True)
class Within(Node):
    """`starts properly within 3 days of start`."""

    left: LeftBoundary | None
    properly: bool
    quantity: QuantityLiteral
    right: RightBoundary | None


@dataclass(frozen=True, slots=True)
class Meets(Node):
    order: Order | None
    precision: Precision | None


@dataclass(frozen=True, slots=True)
class Overlaps(Node):
    order: Order | None
    precision: Precision | None


@dataclass(frozen=True, slots=True)
class Starts(Node):
    precision: Precision | None


@dataclass(frozen=True, slots=True)
class Ends(Node):
    precision: Precision | None


Phrase: TypeAlias = Same | Includes | During | BeforeOrAfter | Within | Meets | Overlaps | Starts | Ends


@dataclass(frozen=True, slots=True)
class Timing(Expression):
    left: Expression
    phrase: Phrase
    right: Expression


# Retrieves and queries


@dataclass(frozen=True, slots=True)
class Retrieve(Expression):
    """`[context -> type: path comparator terminology]`; `path` is made of identifiers, members and indexers."""

    context: Expression | None
    type: NamedType
    path: Expression | None
    comparator: Literal["in", "=", "~"] | None
    terminology: Expression | None


@dataclass(frozen=True, slots=True)
class AliasedSource(Node):
    source: Expression
    alias: Identifier


@dataclass(frozen=True, slots=True)
class LetItem(Node):
    name: Identifier
    value: Expression


@dataclass(frozen=True, slots=True)
class With(Node):
    """`with source alias such that condition`; `without` when negated."""

    source: AliasedSource
    condition: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Where(Node):
    condition: Expression


@dataclass(frozen=True, slots=True)
class Return(Node):
    """`modifier` as written: without one, a query's result is distinct."""

    modifier: Literal["all", "distinct"] | None
    value: Expression


@dataclass(frozen=True, slots=True)
class Starting(Node):
    value: Expression


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    modifier: Literal["all", "distinct"] | None
    name: Identifier
    starting: Starting | None
    value: Expression


@dataclass(frozen=True, slots=True)
class SortItem(Node):
    value: Expression
    direction: Direction | None


@dataclass(frozen=True, slots=True)
class Sort(Node):
    """`sort desc` (no items) or `sort by items` (no direction)."""

    direction: Direction | None
    items: tuple[SortItem, ...]


@dataclass(frozen=True, slots=True)
class Query(Expression):
    """`[from] sources let ... with ... where ... aggregate/return ... sort ...`, in the order of the grammar."""

    sources: tuple[AliasedSource, ...]
    lets: tuple[LetItem, ...]
    relations: tuple[With, ...]
    where: Where | None
    aggregate: Aggregate | None
    returns: Return | None
    sort: Sort | None


# Definitions


@dataclass(frozen=True, slots=True)
class Using(Node):
    name: QualifiedName
    version: StringLiteral | None
    alias: Identifier | None


@dataclass(frozen=True, slots=True)
class Include(Node):
    name: QualifiedName
    version: StringLiteral | None
    alias: Identifier | None


@dataclass(frozen=True, slots=True)
class CodeSystemDef(Node):
    access: Access | None
    name: Identifier
    id: StringLiteral
    version: StringLiteral | None


@dataclass(frozen=True, slots=True)
class ValueSetDef(Node):
    access: Access | None
    name: Identifier
    id: StringLiteral
    version: StringLiteral | None
    systems: tuple[QualifiedName, ...]


@dataclass(frozen=True, slots=True)
class CodeDef(Node):
    access: Access | None
    name: Identifier
    id: StringLiteral
    system: QualifiedName
    display: StringLiteral | None


@dataclass(frozen=True, slots=True)
class ConceptDef(Node):
    access: Access | None
    name: Identifier
    codes: tuple[QualifiedName, ...]
    display: StringLiteral | None


@dataclass(frozen=True, slots=True)
class ParameterDef(Node):
    access: Access | None
    name: Identifier
    type: TypeSpecifier | None
    default: Expression | None


@dataclass(frozen=True, slots=True)
class ContextDef(Node):
    """`context Patient`, `context QICore.Patient`: holds for the statements after it."""

    model: Identifier | None
    name: Identifier


@dataclass(frozen=True, slots=True)
class ExpressionDef(Node):
    """`comment` is the text of the comments right before it, which hold tags such as `@description: ...`."""

    access: Access | None
    name: Identifier
    body: Expression
    comment: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Operand(Node):
    name: Identifier
    type: TypeSpecifier


@dataclass(frozen=True, slots=True)
class FunctionDef(Node):
    """`body` is None for an external function."""

    access: Access | None
    fluent: bool
    name: Identifier
    operands: tuple[Operand, ...]
    returns: TypeSpecifier | None
    body: Expression | None
    comment: str = field(default="", compare=False)


Definition: TypeAlias = (
    Using
    | Include
    | CodeSystemDef
    | ValueSetDef
    | CodeDef
    | ConceptDef
    | ParameterDef
    | ContextDef
    | ExpressionDef
    | FunctionDef
)


@dataclass(frozen=True, slots=True)
class Library(Node):
    """Definitions stand in the order of the text; `name` is None where the text has no library line."""

    name: QualifiedName | None
    version: StringLiteral | None
    definitions: tuple[Definition, ...]


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order of their fields."""
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))
