"""One patient's value of any ELM expression, node by node.

Each kind of node has a method here or, for operators, a function in `operators`; queries are in `queries`. A define is
evaluated once per patient and remembered. A node that is not supported is refused with library, line and operator.
Source: ELM r1 (https://cql.hl7.org/04-logicalspecification.html), chapters cited at each method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from salus.elm import nodes as n
from salus.elm.library import Includes, Library
from salus.elm.types import IntervalOf, ListOf, Named
from salus.engine.oracle import bounds, functions, kinds, moments, operators, properties, queries, retrieve
from salus.engine.oracle.comparison import NoOrder, equal, is_backwards
from salus.engine.oracle.errors import Ended, IllTyped, Refused
from salus.engine.oracle.moments import DateTime
from salus.engine.oracle.operators.types import convert
from salus.engine.oracle.records import Records
from salus.engine.oracle.registry import EAGER, LAZY, Call, Codes
from salus.engine.oracle.scope import Scope
from salus.engine.oracle.trace import Trace
from salus.engine.oracle.values import (
    Code,
    CodeSystem,
    Concept,
    Interval,
    Long,
    Quantity,
    Ratio,
    Tuple,
    Value,
    ValueSet,
)
from salus.errors import SalusError

assert operators  # registers the operators


class Content(Protocol):
    """Value sets by url."""

    def value_set(self, url: str, version: str | None, asked_by: str) -> Any: ...


@dataclass
class Setting:
    """What an evaluation stands on, the same for every patient of a run. `strict`: a run-time error is not passed over
    as null with a warning, but raised. `everyone`: who evaluates what stands in no patient's context."""

    includes: Includes
    content: Content
    parameters: Mapping[str, Value] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    warnings: dict[str, int] = field(default_factory=dict)
    strict: bool = False
    everyone: Callable[[], Interpreter] | None = None
    _codes: dict[ValueSet, Codes] = field(default_factory=dict)

    def codes(self, value_set: ValueSet) -> Codes:
        """The (system, code) pairs of a value set."""
        if value_set not in self._codes:
            found = self.content.value_set(value_set.id, value_set.version, value_set.asked_by)
            self._codes[value_set] = found.codes
        return self._codes[value_set]


class Interpreter:
    """Evaluates expressions for one patient."""

    def __init__(self, setting: Setting, records: Records, trace: Trace | None = None) -> None:
        self.setting = setting
        self.records = records
        self.trace = trace
        self._defines: dict[tuple[int, str], Value] = {}
        self._retrieved: dict[int, list[Any]] = {}
        self._open: list[tuple[int, str]] = []

    # --- what operators ask for ---

    def codes(self, value_set: ValueSet) -> Codes:
        return self.setting.codes(value_set)

    def now(self) -> DateTime:
        """The moment of the evaluation, in UTC."""
        now = self.setting.now
        return DateTime(moments.parts_of(now.astimezone(UTC) if now.tzinfo else now))

    def warn(self, scope: Scope, node: n.Node, text: str) -> None:
        """Note something for the user, counted over the run."""
        line = node.locator.partition(":")[0]
        full = f"{scope.library.label}{f', line {line}' if line else ''}: {text}"
        self.setting.warnings[full] = self.setting.warnings.get(full, 0) + 1

    def error(self, scope: Scope, node: n.Node, text: str) -> None:
        """A run-time error: null with a warning, or the end of a strict evaluation."""
        if self.setting.strict:
            raise Ended(scope.library, node, text)
        self.warn(scope, node, text)

    def fail(self, scope: Scope, node: n.Node, problem: str) -> NoReturn:
        raise Refused(scope.library, node, problem)

    # --- definitions ---

    def define(self, library: Library, name: str) -> Value:
        """§9 ExpressionDef: the value of a define, evaluated once."""
        key = (id(library), name)
        if key not in self._defines:
            if key in self._open:
                raise SalusError(f'{library.label}: "{name}" is defined by itself')
            self._open.append(key)
            self._defines[key] = self._defined(library, library.expression(name))
            self._open.pop()
        return self._defines[key]

    def _defined(self, library: Library, definition: n.ExpressionDef) -> Value:
        if self.setting.everyone is not None and library.of_everyone(definition):
            return self.setting.everyone().define(library, definition.name)
        return self.evaluate(definition.expression, Scope(library, definition.name))

    def apply(self, library: Library, name: str, *values: Value) -> Value:
        """The value of a function of a library for some operands."""
        node = n.FunctionRef(name, None, (), ())
        return self._apply(library, node, values, Scope(library, name))

    def evaluate(self, node: n.Node, scope: Scope) -> Value:
        """The value of a node."""
        method = METHODS.get(type(node))
        if method is None:
            self.fail(scope, node, f"{type(node).__name__} is not supported")
        value = method(self, node, scope)
        if self.trace is not None:
            self.trace.add(scope, node, value)
        return value

    # --- §1 simple values, §2 structured values, §3 clinical values ---

    def literal(self, node: n.Literal, scope: Scope) -> Value:
        """§1 Literal."""
        return _LITERALS[node.type.removeprefix("System.")](node.value)

    def null(self, node: n.Null, scope: Scope) -> Value:
        """§14 Null."""
        return None

    def quantity(self, node: n.QuantityLiteral, scope: Scope) -> Value:
        """§3 Quantity."""
        return Quantity(Decimal(node.value), node.unit)

    def ratio(self, node: n.RatioLiteral, scope: Scope) -> Value:
        """§3 Ratio."""
        return Ratio(self.quantity(node.numerator, scope), self.quantity(node.denominator, scope))

    def interval(self, node: n.IntervalSelector, scope: Scope) -> Value:
        """§2 Interval: null when neither bound is known; an error when the low bound is beyond the high one."""
        low, high = (None if b is None else self.evaluate(b, scope) for b in (node.low, node.high))
        closed = [c if isinstance(c, bool) else self.evaluate(c, scope) for c in (node.low_closed, node.high_closed)]
        made = self._typed(node, closed) if low is None and high is None else None
        made = made or bounds.interval(low, high, *(c is not False for c in closed))
        if made is not None and is_backwards(made):
            self.error(scope, node, "an interval ends before it starts")
            return None
        return made

    def _typed(self, node: n.IntervalSelector, closed: Sequence[Value]) -> Value:
        """Neither bound is known: all of the point type, where the author states it and both ends are closed."""
        types = [b.type for b in (node.low, node.high) if isinstance(b, n.TypeOperator) and b.written]
        found = bounds.range_of(str(types[0]).removeprefix("System.")) if len(types) == 2 else None
        return None if found is None or False in closed else Interval(*found)

    def list(self, node: n.ListSelector, scope: Scope) -> Value:
        """§2 List."""
        return [self.evaluate(element, scope) for element in node.elements]

    def tuple(self, node: n.TupleSelector, scope: Scope) -> Value:
        """§2 Tuple."""
        return Tuple({name: self.evaluate(element, scope) for name, element in node.elements})

    def instance(self, node: n.Instance, scope: Scope) -> Value:
        """§2 Instance."""
        fields = {name: self.evaluate(element, scope) for name, element in node.elements}
        try:
            return properties.instance(node.class_type, fields)
        except KeyError:
            self.fail(scope, node, f"an instance of {node.class_type} is not supported")

    def property(self, node: n.Property, scope: Scope) -> Value:
        """§2 Property."""
        source = scope.get(node.scope or "$this") if node.source is None else self.evaluate(node.source, scope)
        return properties.get_path(source, node.path)

    def code(self, node: n.CodeSelector, scope: Scope) -> Value:
        """§3 Code."""
        return self._code(node.code, node.display, node.system, scope)

    def _code(self, code: str, display: str | None, system: n.Ref, scope: Scope) -> Code:
        found = self.evaluate(system, scope)
        return Code(code, found.id, found.version, display)

    def concept(self, node: n.ConceptSelector, scope: Scope) -> Value:
        """§3 Concept."""
        return Concept(tuple(self.code(code, scope) for code in node.codes), node.display)

    # --- §9 reusing logic, §7 parameters, §3 terminology ---

    def reference(self, node: n.Ref, scope: Scope) -> Value:
        """§3, §7, §9, §10: references by name."""
        if node.kind in ("AliasRef", "QueryLetRef", "OperandRef", "IdentifierRef"):
            return self._named(node, scope)
        library = self.setting.includes.included(scope.library, node.library)
        if node.kind == "ExpressionRef":
            return self.define(library, node.name)
        if node.kind == "ParameterRef":
            return self._parameter(library, node, scope)
        return self._terminology(library, node, scope)

    def _named(self, node: n.Ref, scope: Scope) -> Value:
        """A name of the query or function; in a sort, else an element of what is sorted (§9 IdentifierRef)."""
        if node.name in scope.names:
            return scope.get(node.name)
        if "$this" not in scope.names:
            self.fail(scope, node, f"{node.kind} {node.name}: nothing is called that")
        return properties.get_path(scope.get("$this"), node.name)

    def _parameter(self, library: Library, node: n.Ref, scope: Scope) -> Value:
        """§7 ParameterRef: the value given to the run, else the default."""
        if node.name in self.setting.parameters:
            return self.setting.parameters[node.name]
        definition = library.parameters.get(node.name)
        if definition is None:
            self.fail(scope, node, f"there is no parameter {node.name}")
        if definition.default is None:
            self.warn(scope, node, f'parameter "{node.name}" has no value and counts as null')
            return None
        return self.evaluate(definition.default, Scope(library, node.name))

    def _terminology(self, library: Library, node: n.Ref, scope: Scope) -> Value:
        try:
            return TERMS[node.kind](self, library, node.name)
        except KeyError:
            self.fail(scope, node, f"{library.label} has no {node.kind.removesuffix('Ref')} called {node.name}")

    def _value_set(self, library: Library, name: str) -> Value:
        found = library.value_sets[name]
        return ValueSet(found["id"], found.get("version"), name, library.label)

    def _code_system(self, library: Library, name: str) -> Value:
        found = library.code_systems[name]
        return CodeSystem(found["id"], found.get("version"), name)

    def _named_code(self, library: Library, name: str) -> Value:
        found = library.codes[name]
        system = found["codeSystem"]
        ref = n.Ref("CodeSystemRef", system["name"], system.get("libraryName"))
        return self._code(found["id"], found.get("display"), ref, Scope(library, name))

    def _named_concept(self, library: Library, name: str) -> Value:
        found = library.concepts[name]
        refs = [n.Ref("CodeRef", each["name"], each.get("libraryName")) for each in found.get("code", ())]
        return Concept(tuple(self.evaluate(ref, Scope(library, name)) for ref in refs), found.get("display"))

    def function(self, node: n.FunctionRef, scope: Scope) -> Value:
        """§9 FunctionRef."""
        library = self.setting.includes.included(scope.library, node.library)
        values = [self.evaluate(operand, scope) for operand in node.operands]
        return self._apply(library, node, values, scope)

    def _apply(self, library: Library, node: n.FunctionRef, values: Any, scope: Scope) -> Value:
        found = functions.overload(library.functions(node.name), node, values)
        if found is None:
            given = ", ".join(map(kinds.type_name, values))
            self.fail(scope, node, f"{library.label} has no function {node.name}({given})")
        if found.expression is None:
            if node.name not in functions.EXTERNAL:
                self.fail(scope, node, f"the external function {node.name} is not supported")
            return functions.EXTERNAL[node.name](*values)
        names = dict(zip((name for name, _ in found.operands), values, strict=True))
        return self.evaluate(found.expression, Scope(library, node.name, names))

    # --- operators, §15 conditionals, §22 types ---

    def operator(self, node: n.Operator, scope: Scope) -> Value:
        """§12-§24: an operator by its name."""
        call = Call(self, node, scope)
        if node.op in LAZY:
            return LAZY[node.op](call)
        if node.op not in EAGER:
            self.fail(scope, node, f"{node.op} is not supported")
        operands = [None if operand is None else self.evaluate(operand, scope) for operand in node.operands]
        try:
            return EAGER[node.op](call, *operands)
        except bounds.NoSuchPoint as error:
            call.error(f"{node.op}: {error}")
            return None
        except NoOrder as error:
            if not error.mixed:
                self.fail(scope, node, f"{node.op}: {error}")
            call.error(f"{node.op}: {error}")
            return None

    def if_(self, node: n.If, scope: Scope) -> Value:
        """§15 If: null is not true."""
        return self.evaluate(node.then if self.evaluate(node.condition, scope) is True else node.otherwise, scope)

    def case(self, node: n.Case, scope: Scope) -> Value:
        """§15 Case: the first condition that is true, or the first value equal to the comparand."""
        comparand = None if node.comparand is None else self.evaluate(node.comparand, scope)
        for when, then in node.items:
            found = self.evaluate(when, scope)
            if (found if node.comparand is None else equal(comparand, found)) is True:
                return self.evaluate(then, scope)
        return self.evaluate(node.otherwise, scope)

    def type_operator(self, node: n.TypeOperator, scope: Scope) -> Value:
        """§22 As, Is, Convert, CanConvert; §16 MinValue, MaxValue."""
        if node.op in ("MinValue", "MaxValue"):
            return self._extreme(node, scope)
        value = None if node.operand is None else self.evaluate(node.operand, scope)
        if node.op == "Is":
            return not kinds.is_nothing(value) and kinds.is_a(value, node.type)
        if node.op == "As":
            return self._cast(node, value, scope)
        made = self._converted(node, value, scope)
        return made if node.op == "Convert" else None if value is None else made is not None

    def _extreme(self, node: n.TypeOperator, scope: Scope) -> Value:
        found = bounds.range_of(str(node.type).removeprefix("System."))
        if found is None:
            raise IllTyped(scope.library, node, f"{node.op} of {node.type} is not defined")
        return found[node.op == "MaxValue"]

    def _cast(self, node: n.TypeOperator, value: Value, scope: Scope) -> Value:
        """§22 As: null when the value is of another type; strictly, an error."""
        if value is None or kinds.is_a(value, node.type):
            return value
        if node.strict:
            self.error(scope, node, f"a {kinds.type_name(value)} was cast to {node.type}")
        return None

    def _converted(self, node: n.TypeOperator, value: Value, scope: Scope) -> Value:
        if value is None or kinds.is_a(value, node.type):
            return value
        if isinstance(node.type, (ListOf, IntervalOf)) or not isinstance(node.type, Named):
            self.fail(scope, node, f"{node.op} to {node.type} is not supported")
        call = Call(self, n.Operator(node.op, (), locator=node.locator), scope)
        return convert(call, value, node.type.name.removeprefix("System."))

    # --- §10 queries, §11 retrieve ---

    def query(self, node: n.Query, scope: Scope) -> Value:
        """§10 Query."""
        return queries.query(self, node, scope)

    def sort(self, node: n.Sort, scope: Scope) -> Value:
        """§20 Sort."""
        source = self.evaluate(node.source, scope)
        return None if source is None else queries.ordered(self, source, node.by, scope)

    def scoped(self, node: n.ScopedOperator, scope: Scope) -> Value:
        """§20 Filter, ForEach, Repeat."""
        return queries.scoped(self, node, scope)

    def retrieve(self, node: n.Retrieve, scope: Scope) -> Value:
        """§11 Retrieve."""
        if node.date_range is not None:
            self.fail(scope, node, "a retrieve with a date range is not supported")
        if id(node) not in self._retrieved:
            self._retrieved[id(node)] = self._retrieve(node, scope)
        return list(self._retrieved[id(node)])

    def _retrieve(self, node: n.Retrieve, scope: Scope) -> Value:
        resources = self.records.of(node.data_type.removeprefix("FHIR."))
        try:
            codes = self.evaluate(node.codes, scope) if node.codes else None
            test = retrieve.wanted(codes, node.comparator, self.codes) if node.codes else None
            return retrieve.select(resources, node, test)
        except TypeError as error:
            self.fail(scope, node, f"Retrieve of {node.data_type}: {error}")


_LITERALS: dict[str, Callable[[str], Value]] = {
    "Boolean": lambda text: text == "true",
    "Integer": int,
    "Long": lambda text: Long(text.removesuffix("L")),
    "Decimal": Decimal,
    "String": str,
    "Date": moments.date,
    "DateTime": moments.date_time,
    "Time": moments.time,
}
TERMS: dict[str, Callable[[Interpreter, Library, str], Value]] = {
    "ValueSetRef": Interpreter._value_set,
    "CodeSystemRef": Interpreter._code_system,
    "CodeRef": Interpreter._named_code,
    "ConceptRef": Interpreter._named_concept,
}
METHODS: dict[type[n.Node], Callable[[Interpreter, Any, Scope], Value]] = {
    n.Literal: Interpreter.literal,
    n.Null: Interpreter.null,
    n.QuantityLiteral: Interpreter.quantity,
    n.RatioLiteral: Interpreter.ratio,
    n.Ref: Interpreter.reference,
    n.FunctionRef: Interpreter.function,
    n.Property: Interpreter.property,
    n.Operator: Interpreter.operator,
    n.TypeOperator: Interpreter.type_operator,
    n.If: Interpreter.if_,
    n.Case: Interpreter.case,
    n.IntervalSelector: Interpreter.interval,
    n.ListSelector: Interpreter.list,
    n.TupleSelector: Interpreter.tuple,
    n.Instance: Interpreter.instance,
    n.CodeSelector: Interpreter.code,
    n.ConceptSelector: Interpreter.concept,
    n.Retrieve: Interpreter.retrieve,
    n.Query: Interpreter.query,
    n.Sort: Interpreter.sort,
    n.ScopedOperator: Interpreter.scoped,
}
