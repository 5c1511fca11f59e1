"""A syntax tree back to CQL text, so that reading what was printed gives the same tree again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from salus.cql import ast


def show(node: ast.Node | None) -> str:
    """CQL text of a node; nothing for None."""
    if node is None:
        return ""
    return _SHOW[type(node)](node)


def _join(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


def _all(nodes: Iterable[ast.Node], between: str = ", ") -> str:
    return between.join(show(each) for each in nodes)


def _quote(text: str, mark: str) -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


def _opt(word: str, node: ast.Node | None) -> str:
    return f"{word} {show(node)}" if node else ""


def _moment(parts: Sequence[int], marks: str) -> str:
    widths = [4 if marks.startswith("-") and index == 0 else 2 for index in range(len(parts))]
    text = ""
    for index, part in enumerate(parts):
        before = marks[index - 1] if index else ""
        text += before + (f"{part:03}" if before == "." else f"{part:0{widths[index]}}")
    return text


def _datetime(node: ast.DateTimeLiteral) -> str:
    clock, offset = _moment(node.parts[3:], "::."), ""
    if node.offset is not None:
        sign = "-" if node.offset < 0 else "+"
        offset = f"{sign}{abs(node.offset) // 60:02}:{abs(node.offset) % 60:02}"
    return f"@{_moment(node.parts[:3], '--')}T{clock}{offset}"


def _interval(node: ast.IntervalSelector) -> str:
    low, high = "[" if node.low_closed else "(", "]" if node.high_closed else ")"
    return f"Interval{low}{show(node.low)}, {show(node.high)}{high}"


def _call(node: ast.Call) -> str:
    source = f"{show(node.source)}." if node.source else ""
    return f"{source}{show(node.name)}({_all(node.arguments)})"


def _retrieve(node: ast.Retrieve) -> str:
    context = f"{show(node.context)} ->" if node.context else ""
    terminology = _join(show(node.path), node.comparator, show(node.terminology))
    return f"[{_join(context, show(node.type))}{terminology and ': ' + terminology}]"


def _query(node: ast.Query) -> str:
    lets = f"let {_all(node.lets)}" if node.lets else ""
    tail = (_all(node.relations, " "), show(node.where), show(node.aggregate), show(node.returns), show(node.sort))
    return _join("from", _all(node.sources), lets, *tail)


def _elements(elements: tuple[ast.Element, ...]) -> str:
    return f"{{ {_all(elements) or ':'} }}"


def _span(node: ast.SpanBetween) -> str:
    return f"{node.measured} in {node.precision}s between {show(node.low)} and {show(node.high)}"


def _of(precision: str | None) -> str:
    return f"{precision} of" if precision else ""


def _before(node: ast.BeforeOrAfter) -> str:
    on = "on or" if node.inclusive else ""
    return _join(node.left, show(node.offset), on, node.order, _of(node.precision), node.right)


def _offset(node: ast.Offset) -> str:
    first = node.qualifier in ("more than", "less than")
    return _join(first and node.qualifier, show(node.quantity), not first and node.qualifier)


def _is_value(node: ast.IsValue) -> str:
    return _join(show(node.operand), "is", node.negated and "not", node.value)


def _interval_set(node: ast.IntervalSet) -> str:
    per = show(node.per) if isinstance(node.per, ast.Node) else node.per
    return _join(node.op, show(node.operand), per and f"per {per}")


def _case(node: ast.Case) -> str:
    return _join("case", show(node.comparand), _all(node.items, " "), "else", show(node.otherwise), "end")


def _function(node: ast.FunctionDef) -> str:
    head = _join("define", node.access, node.fluent and "fluent", "function", show(node.name))
    returns = _opt("returns", node.returns)
    return f"{head}({_all(node.operands)}) {returns}: {show(node.body) if node.body else 'external'}"


def _named(word: str, node: ast.CodeSystemDef | ast.ValueSetDef | ast.CodeDef | ast.ConceptDef) -> str:
    return _join(node.access, word, show(node.name) + ":")


def _valueset(node: ast.ValueSetDef) -> str:
    systems = f"codesystems {{ {_all(node.systems)} }}" if node.systems else ""
    return _join(_named("valueset", node), show(node.id), _opt("version", node.version), systems)


def _library(node: ast.Library) -> str:
    head = _join(_opt("library", node.name), _opt("version", node.version))
    return "\n".join([head, *(show(each) for each in node.definitions)])


_SHOW = {  # type: ignore[var-annotated]
    ast.Identifier: lambda n: _quote(n.text, '"') if n.quoted else n.text,
    ast.QualifiedName: lambda n: _all(n.parts, "."),
    ast.NamedType: lambda n: show(n.name),
    ast.ListType: lambda n: f"List<{show(n.element)}>",
    ast.IntervalType: lambda n: f"Interval<{show(n.point)}>",
    ast.ChoiceType: lambda n: f"Choice<{_all(n.choices)}>",
    ast.TupleType: lambda n: f"Tuple {{ {_all(n.elements)} }}",
    ast.TupleTypeElement: lambda n: f"{show(n.name)} {show(n.type)}",
    ast.NullLiteral: lambda n: "null",
    ast.BooleanLiteral: lambda n: "true" if n.value else "false",
    ast.StringLiteral: lambda n: _quote(n.value, "'"),
    ast.IntegerLiteral: lambda n: n.text,
    ast.LongLiteral: lambda n: n.text + "L",
    ast.DecimalLiteral: lambda n: n.text,
    ast.DateLiteral: lambda n: "@" + _moment(n.parts, "--"),
    ast.TimeLiteral: lambda n: "@T" + _moment(n.parts, "::."),
    ast.DateTimeLiteral: _datetime,
    ast.Unit: lambda n: n.text if n.calendar else _quote(n.text, "'"),
    ast.QuantityLiteral: lambda n: _join(n.value, show(n.unit)),
    ast.RatioLiteral: lambda n: f"{show(n.numerator)} : {show(n.denominator)}",
    ast.IntervalSelector: _interval,
    ast.Element: lambda n: f"{show(n.name)}: {show(n.value)}",
    ast.TupleSelector: lambda n: f"Tuple {_elements(n.elements)}",
    ast.InstanceSelector: lambda n: f"{show(n.type)} {_elements(n.elements)}",
    ast.ListSelector: lambda n: f"List{f'<{show(n.element_type)}>' * bool(n.element_type)} {{ {_all(n.elements)} }}",
    ast.CodeSelector: lambda n: _join("Code", show(n.code), "from", show(n.system), _opt("display", n.display)),
    ast.ConceptSelector: lambda n: _join(f"Concept {{ {_all(n.codes)} }}", _opt("display", n.display)),
    ast.Variable: lambda n: n.name,
    ast.ExternalConstant: lambda n: f"%{_quote(n.name, chr(39))}",
    ast.Member: lambda n: f"{show(n.source)}.{show(n.name)}",
    ast.Call: _call,
    ast.Indexer: lambda n: f"{show(n.source)}[{show(n.index)}]",
    ast.Parenthesized: lambda n: f"({show(n.body)})",
    ast.Unary: lambda n: f"{n.op} {show(n.operand)}",
    ast.Binary: lambda n: f"{show(n.left)} {n.op} {show(n.right)}",
    ast.ComponentFrom: lambda n: f"{n.component} from {show(n.operand)}",
    ast.SpanOf: lambda n: f"{n.measured} in {n.precision}s of {show(n.operand)}",
    ast.SpanBetween: _span,
    ast.IntervalSet: _interval_set,
    ast.IsValue: _is_value,
    ast.Is: lambda n: f"{show(n.operand)} is {show(n.type)}",
    ast.As: lambda n: f"{show(n.operand)} as {show(n.type)}",
    ast.Cast: lambda n: f"cast {show(n.operand)} as {show(n.type)}",
    ast.Convert: lambda n: f"convert {show(n.operand)} to {show(n.to)}",
    ast.TypeExtent: lambda n: f"{n.op} {show(n.type)}",
    ast.Between: lambda n: _join(
        show(n.operand), n.properly and "properly", "between", show(n.low), "and", show(n.high)
    ),
    ast.Membership: lambda n: _join(show(n.left), n.op, _of(n.precision), show(n.right)),
    ast.If: lambda n: f"if {show(n.condition)} then {show(n.then)} else {show(n.otherwise)}",
    ast.CaseItem: lambda n: f"when {show(n.when)} then {show(n.then)}",
    ast.Case: _case,
    ast.Same: lambda n: _join(n.left, "same", n.precision, n.relation, n.right),
    ast.Includes: lambda n: _join(n.properly and "properly", "includes", _of(n.precision), n.right),
    ast.During: lambda n: _join(n.left, n.properly and "properly", "during", _of(n.precision)),
    ast.Offset: _offset,
    ast.BeforeOrAfter: _before,
    ast.Within: lambda n: _join(n.left, n.properly and "properly", "within", show(n.quantity), "of", n.right),
    ast.Meets: lambda n: _join("meets", n.order, _of(n.precision)),
    ast.Overlaps: lambda n: _join("overlaps", n.order, _of(n.precision)),
    ast.Starts: lambda n: _join("starts", _of(n.precision)),
    ast.Ends: lambda n: _join("ends", _of(n.precision)),
    ast.Timing: lambda n: f"{show(n.left)} {show(n.phrase)} {show(n.right)}",
    ast.Retrieve: _retrieve,
    ast.AliasedSource: lambda n: f"{show(n.source)} {show(n.alias)}",
    ast.LetItem: lambda n: f"{show(n.name)}: {show(n.value)}",
    ast.With: lambda n: f"{'without' if n.negated else 'with'} {show(n.source)} such that {show(n.condition)}",
    ast.Where: lambda n: f"where {show(n.condition)}",
    ast.Return: lambda n: _join("return", n.modifier, show(n.value)),
    ast.Starting: lambda n: f"starting {show(n.value)}",
    ast.Aggregate: lambda n: _join("aggregate", n.modifier, show(n.name), show(n.starting), ":", show(n.value)),
    ast.SortItem: lambda n: _join(show(n.value), n.direction),
    ast.Sort: lambda n: _join("sort", n.direction, n.items and f"by {_all(n.items)}"),
    ast.Query: _query,
    ast.Using: lambda n: _join("using", show(n.name), _opt("version", n.version), _opt("called", n.alias)),
    ast.Include: lambda n: _join("include", show(n.name), _opt("version", n.version), _opt("called", n.alias)),
    ast.CodeSystemDef: lambda n: _join(_named("codesystem", n), show(n.id), _opt("version", n.version)),
    ast.ValueSetDef: _valueset,
    ast.CodeDef: lambda n: _join(_named("code", n), show(n.id), "from", show(n.system), _opt("display", n.display)),
    ast.ConceptDef: lambda n: _join(_named("concept", n), f"{{ {_all(n.codes)} }}", _opt("display", n.display)),
    ast.ParameterDef: lambda n: _join(n.access, "parameter", show(n.name), show(n.type), _opt("default", n.default)),
    ast.ContextDef: lambda n: f"context {show(n.model) + '.' if n.model else ''}{show(n.name)}",
    ast.ExpressionDef: lambda n: _join("define", n.access, show(n.name) + ":", show(n.body)),
    ast.Operand: lambda n: f"{show(n.name)} {show(n.type)}",
    ast.FunctionDef: _function,
    ast.Library: _library,
}
