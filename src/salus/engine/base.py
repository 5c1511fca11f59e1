"""Logic spelled as SQL: one function of a relation, one of an expression, operators by a table.

Trees are built node by node (never parsed from text) with sqlglot, so that a dialect only spells differently what it
spells differently. Leaves to others: executing (`duckdb`) and what an operator means (`salus.logic`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from salus.logic.expr import Col, Const, E, InRel, Op, Tri
from salus.logic.relation import Select, Source, Table, Union, Use

Sql = exp.Expr


@dataclass(frozen=True)
class Statement:
    """The text that computes a relation, and the temporary tables it reads."""

    text: str
    reads: frozenset[str]


class Speller:
    """Spells relations, one statement after the other.

    `slices` names the narrower table that stands for a table's use, if any; `names` the temporary table of each
    materialised relation. Sources are numbered within a statement, so that relations that are the same have the same
    text. What stands in a statement several times is spelled once.
    """

    def __init__(self, slices: Mapping[int, str], names: Mapping[int, str]) -> None:
        self._slices, self._names = slices, names
        self._generator = DuckDB().generator()
        self._begin()

    def _begin(self) -> None:
        self._aliases: dict[int, str] = {}
        self._spelled: dict[E, Sql] = {}
        self._reads: set[str] = set()
        self._left: set[int] = set()  # sources that a row may lack, so that their keys may be null

    def statement(self, relation: Select | Union) -> Statement:
        """The statement that computes a relation."""
        self._begin()
        text = self._generator.generate(self.relation(relation), copy=False)
        return Statement(text, frozenset(self._reads))

    def _alias(self, source_id: int) -> str:
        return self._aliases.setdefault(source_id, f"t{len(self._aliases)}")

    def relation(self, relation: Select | Union) -> exp.Query:
        """The query that computes a relation."""
        return self._union(relation) if isinstance(relation, Union) else self._select(relation)

    def _select(self, select: Select, columns: Sequence[str] | None = None) -> exp.Select:
        names = list(select.exports if columns is None else columns)
        self._left |= {join.source.id for join in select.joins if join.kind == "left"}
        select = _merged(select)
        outputs: list[Sql] = [self._aliased(self.expression(select.exports[c]), c) for c in names]
        query = exp.Select(expressions=outputs or [self._aliased(exp.Literal.number(1), "one")])
        first, *rest = select.joins
        query.set(_FROM, exp.From(this=self.source(first.source)))
        if rest:
            query.set("joins", [self._join(j.kind, j.source, j.on) for j in rest])
        if select.where:
            query.set("where", exp.Where(this=self._all([self.expression(c) for c in select.where])))
        if select.group:
            query.set("group", exp.Group(expressions=[self.expression(g) for g in select.group]))
        if select.distinct:
            query.set("distinct", exp.Distinct())
        return query

    def _aliased(self, expression: Sql, name: str) -> Sql:
        return exp.Alias(this=expression, alias=exp.to_identifier(name))

    def _join(self, kind: str, source: Source, on: E | None) -> exp.Join:
        condition = exp.true() if on is None else self.expression(on)
        if kind == "left":
            return exp.Join(this=self.source(source), side="LEFT", on=condition)
        return exp.Join(this=self.source(source), on=condition)

    def _union(self, union: Union) -> exp.Query:
        arms: list[exp.Query] = []
        for index, arm in enumerate(union.arms):
            arms.append(self._arm(union, arm, index))
        query = arms[0]
        for arm_query in arms[1:]:
            query = exp.Union(this=query, expression=arm_query, distinct=union.distinct)
        return query

    def _arm(self, union: Union, arm: Select, index: int) -> exp.Select:
        source = exp.From(this=self.source(arm))
        columns: list[Sql] = [
            self._aliased(self._column(arm.id, key[index]), f"c{i}") for i, key in enumerate(union.columns)
        ]
        return exp.Select(expressions=columns or [self._aliased(exp.Literal.number(1), "one")], **{_FROM: source})

    def source(self, source: Source) -> Sql:
        """A source in a FROM, under its alias."""
        alias = self._alias(source.id)
        if isinstance(source, Table):
            return self._stored(source, alias)
        if isinstance(source, Use):
            return self._temporary(self._names[source.of.id], alias)
        if source.materialised:
            return self._temporary(self._names[source.id], alias)
        return exp.Subquery(this=self.relation(source), alias=exp.TableAlias(this=exp.to_identifier(alias)))

    def _stored(self, table: Table, alias: str) -> exp.Table:
        slice_ = self._slices.get(table.id)
        return self._named(table.name, alias) if slice_ is None else self._temporary(slice_, alias)

    def _temporary(self, name: str, alias: str) -> exp.Table:
        self._reads.add(name)
        return self._named(name, alias)

    def _named(self, name: str, alias: str) -> exp.Table:
        table = exp.Table(this=exp.to_identifier(name, quoted=True))
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        return table

    def _column(self, source: int, name: str) -> Sql:
        table = exp.Identifier(this=self._alias(source), quoted=False)
        return exp.Column(this=exp.Identifier(this=name, quoted=True), table=table)

    def _all(self, conditions: Sequence[Sql]) -> Sql:
        return _chain(exp.And, conditions)

    def expression(self, e: E) -> Sql:
        """An expression as a SQL tree, whose parts are text."""
        if isinstance(e, Const):
            return literal(e.value)
        if e not in self._spelled:
            made = self._tree(e)
            if not isinstance(made, exp.Ordered):  # which says how its value is used
                made = _spelled(self._generator.sql(made), type(made))
            self._spelled[e] = made
        return self._spelled[e]

    def _tree(self, e: E) -> Sql:
        match e:
            case Col(source=source, name=name):
                return self._column(source, name)
            case Tri(yes=yes, no=no):
                return self._case([(yes, Const(True)), (no, Const(False))], Const(None))
            case InRel(keys=keys, relation=relation, columns=columns):
                return self._membership(keys, relation, columns)
            case Op(op="case", args=args):
                return self._case(list(zip(args[:-1:2], args[1:-1:2], strict=True)), args[-1])
            case Op(op=name, args=args):
                spelled = _SPELLING.get(name)
                parts = [self.expression(a) for a in args]
                if spelled is None:
                    return exp.Anonymous(this=name.upper(), expressions=parts)
                return spelled(*parts)
        raise AssertionError(f"no spelling for {e}")

    def _case(self, branches: Sequence[tuple[E, E]], otherwise: E) -> Sql:
        ifs = [exp.If(this=self.expression(c), true=self.expression(v)) for c, v in branches]
        default = None if otherwise == Const(None) else self.expression(otherwise)
        return exp.Case(ifs=ifs, default=default)

    def _membership(self, keys: Sequence[E], relation: Source, columns: Sequence[str]) -> Sql:
        spelled = [self.expression(k) for k in keys]
        left = spelled[0] if len(spelled) == 1 else exp.Tuple(expressions=spelled)
        test = exp.In(this=left, query=exp.Subquery(this=self._columns_of(relation, columns)))
        if all(isinstance(k, Col) and k.name in ("pid", "rid", "eid") and k.source not in self._left for k in keys):
            return test
        return exp.Coalesce(this=test, expressions=[exp.false()])

    def _columns_of(self, relation: Source, columns: Sequence[str]) -> exp.Query:
        if isinstance(relation, Select) and not relation.materialised and not relation.distinct:
            return self._select(relation, columns)
        outputs: list[Sql] = [self._column(relation.id, c) for c in columns]
        return exp.Select(expressions=outputs, **{_FROM: exp.From(this=self.source(relation))})


def _merged(select: Select) -> Select:
    """A `distinct` that looks for what was seen first, as groups: they need no window over all the rows. Each group
    puts out what it is grouped by, so that no two are alike."""
    firsts = {e for e in select.exports.values() if isinstance(e, Op) and e.op == "first_seen"}
    same = {e.args[2:] for e in firsts}
    others = set(select.exports.values()) - firsts
    if not (select.distinct and len(same) == 1):
        return select
    keys: list[E] = [e for e in dict.fromkeys(*same) if not isinstance(e, Const)]
    if not (others >= set(keys) and all(_made_of(e, keys) for e in others)):
        return select
    exports = {
        name: Op("seen_first", e.args[:2]) if isinstance(e, Op) and e in firsts else e
        for name, e in select.exports.items()
    }
    return replace(select, distinct=False, group=keys, exports=exports)


def _made_of(e: E, keys: Collection[E]) -> bool:
    """Whether an expression needs nothing but the keys."""
    if e in keys or isinstance(e, Const):
        return True
    return isinstance(e, Op) and bool(e.args) and all(_made_of(part, keys) for part in e.args)


_FROM = "from_" if "from_" in exp.Select.arg_types else "from"


def _chain(kind: type[exp.Connector], parts: Sequence[Sql]) -> Sql:
    wrapped = [exp.Paren(this=p) if issubclass(_kind(p), exp.Connector) else p for p in parts]
    result: Sql = wrapped[0]
    for part in wrapped[1:]:
        result = kind(this=result, expression=part)
    return result


def literal(value: object) -> Sql:
    """A constant."""
    match value:
        case None:
            return exp.null()
        case bool():
            return exp.true() if value else exp.false()
        case datetime():
            text = value.isoformat(sep=" ", timespec="milliseconds")
            return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("timestamp"))
        case int():
            return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
        case Decimal():
            number = exp.Literal.number(f"{abs(value):f}")
            return exp.Neg(this=number) if value < 0 else number
    return exp.Literal.string(str(value))


_ATOMIC = (
    exp.Column,
    exp.Literal,
    exp.Func,
    exp.Paren,
    exp.Cast,
    exp.Boolean,
    exp.Null,
    exp.Subquery,
    exp.Tuple,
)


def _spelled(text: str, kind: type[Sql]) -> exp.Var:
    """A part of a statement that is text already, spelled from a node of that kind."""
    made = exp.Var(this=text)
    made.meta["kind"] = kind
    return made


def _kind(e: Sql) -> type[Sql]:
    """What sort of expression it is, also where it is text already."""
    kind: type[Sql] = e.meta["kind"] if isinstance(e, exp.Var) else type(e)
    return kind


def _wrap(e: Sql) -> Sql:
    kind = _kind(e)
    return e if issubclass(kind, _ATOMIC) and not issubclass(kind, exp.Connector) else exp.Paren(this=e)


def _binary(kind: type[exp.Binary]) -> Callable[..., Sql]:
    def spell(a: Sql, b: Sql) -> Sql:
        return kind(this=_wrap(a), expression=_wrap(b))

    return spell


def _function(name: str) -> Callable[..., Sql]:
    return lambda *args: exp.Anonymous(this=name, expressions=list(args))


def _cast(type_name: str) -> Callable[[Sql], Sql]:
    return lambda a: exp.Cast(this=a, to=exp.DataType.build(type_name))


def _decimal(kind: type[exp.Binary]) -> Callable[..., Sql]:
    """Decimal arithmetic: computed in doubles, kept to 8 places."""

    def spell(a: Sql, b: Sql) -> Sql:
        doubles = [exp.Cast(this=_wrap(x), to=exp.DataType.build("double")) for x in (a, b)]
        rounded = exp.Anonymous(
            this="ROUND", expressions=[kind(this=doubles[0], expression=doubles[1]), exp.Literal.number(8)]
        )
        return exp.Cast(this=rounded, to=exp.DataType.build("decimal(28,8)"))

    return spell


def _struct(*parts: Sql) -> Sql:
    pairs = [
        exp.PropertyEQ(this=exp.to_identifier(str(name.this), quoted=True), expression=value)
        for name, value in zip(parts[::2], parts[1::2], strict=True)
    ]
    return exp.Struct(expressions=pairs)


def _picked(function: str) -> Callable[[Sql, Sql], Sql]:
    """arg_min and arg_max that keep nulls: the value travels inside a struct."""

    def spell(value: Sql, key: Sql) -> Sql:
        boxed = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier("v"), expression=value)])
        return exp.Anonymous(
            this="STRUCT_EXTRACT",
            expressions=[exp.Anonymous(this=function, expressions=[boxed, key]), exp.Literal.string("v")],
        )

    return spell


def _count(*args: Sql) -> Sql:
    if not args:
        return exp.Count(this=exp.Star())
    return exp.Count(this=exp.Case(ifs=[exp.If(this=args[0], true=exp.Literal.number(1))]))


def _only(value: Sql) -> Sql:
    single = exp.EQ(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
    return exp.Case(ifs=[exp.If(this=single, true=exp.Anonymous(this="ANY_VALUE", expressions=[value]))])


def _collect(value: Sql, *order: Sql) -> Sql:
    if not order:
        return exp.Anonymous(this="LIST", expressions=[value])
    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=o) for o in order])
    return exp.Anonymous(this="LIST", expressions=[ordered])


def _collected(value: Sql, *order: Sql) -> Sql:
    """The values of a group as a list, nulls left out; null where there are none."""
    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=o) for o in order]) if order else value
    there = exp.Where(this=exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
    return exp.Filter(this=exp.Anonymous(this="LIST", expressions=[ordered]), expression=there)


def _windowed(function: Sql, partition: Sql, order: Sequence[Sql], frame: exp.WindowSpec | None = None) -> Sql:
    keys = [o if isinstance(o, exp.Ordered) else exp.Ordered(this=o) for o in order]
    ordered = exp.Order(expressions=keys) if keys else None
    return exp.Window(this=function, partition_by=[partition], order=ordered, spec=frame)


def _numbered(partition: Sql, *order: Sql) -> Sql:
    return _windowed(exp.RowNumber(), partition, order)


def _greatest_before(value: Sql, partition: Sql, *order: Sql) -> Sql:
    """The greatest value among the rows before this one."""
    before = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="1", end_side="PRECEDING")
    return _windowed(exp.Max(this=value), partition, order, before)


def _first_seen(value: Sql, position: Sql, *same: Sql) -> Sql:
    """The value at the least position among the rows that are the same."""
    return exp.Window(this=exp.ArgMin(this=value, expression=position), partition_by=list(same))


def _fold(items: Sql, step: Sql, initial: Sql) -> Sql:
    """The state after the last item: `step` makes it of the state so far and the item."""
    names = [exp.to_identifier("so_far"), exp.to_identifier("item")]
    reduced = exp.Anonymous(this="LIST_REDUCE", expressions=[items, exp.Lambda(this=step, expressions=names), initial])
    return exp.Anonymous(this="STRUCT_EXTRACT", expressions=[reduced, exp.Literal.string("value")])


def _geometric_mean(value: Sql) -> Sql:
    """Of positive numbers; null as soon as one is not."""
    zero = exp.Literal.number(0)
    positive = exp.Case(ifs=[exp.If(this=exp.GT(this=value, expression=zero), true=exp.Ln(this=value))])
    mean = exp.Anonymous(this="EXP", expressions=[exp.Anonymous(this="AVG", expressions=[positive])])
    return exp.Case(ifs=[exp.If(this=exp.GT(this=exp.Min(this=value), expression=zero), true=mean)])


def _count_so_far(condition: Sql, partition: Sql, *order: Sql) -> Sql:
    """How many rows up to this one satisfy the condition."""
    return _windowed(_count(condition), partition, order)


def _in(value: Sql, *items: Sql) -> Sql:
    return exp.In(this=_wrap(value), expressions=list(items))


def _unit(value: Sql) -> Sql:
    return exp.Literal.string(str(value.this))


_ARITHMETIC = ("add", "sub", "mul", "intdiv", "mod", "pow", "abs")
_NUMBERS = ("integer", "long", "decimal")
_SPELLING: dict[str, Callable[..., Sql]] = {
    "and": lambda *parts: _chain(exp.And, parts),
    "or": lambda *parts: _chain(exp.Or, parts),
    "not": lambda a: exp.Not(this=_wrap(a)),
    "is_true": lambda a: exp.Coalesce(this=a, expressions=[exp.false()]),
    "not_true": lambda a: exp.Not(this=exp.Coalesce(this=a, expressions=[exp.false()])),
    "is_null": lambda a: exp.Is(this=_wrap(a), expression=exp.null()),
    "not_null": lambda a: exp.Not(this=exp.Is(this=_wrap(a), expression=exp.null())),
    "eq": _binary(exp.EQ),
    "ne": _binary(exp.NEQ),
    "lt": _binary(exp.LT),
    "le": _binary(exp.LTE),
    "gt": _binary(exp.GT),
    "ge": _binary(exp.GTE),
    "in": _in,
    "coalesce": lambda *parts: exp.Coalesce(this=parts[0], expressions=list(parts[1:])),
    **{f"{name}_{kind}": _function(f"salus_{name}_{kind}") for name in _ARITHMETIC for kind in _NUMBERS},
    "mul": _decimal(exp.Mul),
    "div_decimal": _function("salus_div_decimal"),
    "exp": _function("salus_exp"),
    "ln": _function("salus_ln"),
    "log": _function("salus_log"),
    "round": _function("salus_round"),
    "negate": lambda a: exp.Neg(this=_wrap(a)),
    "truncate": _function("salus_truncate"),
    "ceiling": _function("salus_ceiling"),
    "floor_number": _function("salus_floor_number"),
    "as_decimal": _cast("decimal(28,8)"),
    "as_integer": _cast("int"),
    "as_text": _cast("text"),
    "code_number": _cast("uint"),
    "to_json": _function("TO_JSON"),
    "json": _cast("json"),
    "time_of_day": _function("salus_time_of_day"),
    "moment_low": _function("salus_moment_low"),
    "moment_precision": _function("salus_moment_precision"),
    "time_low": _function("salus_time_low"),
    "time_precision": _function("salus_time_precision"),
    "moment_text": _function("salus_moment_text"),
    "offset_text": _function("salus_offset_text"),
    "offset_minutes": _function("salus_offset_minutes"),
    "split_on_matches": _function("STRING_SPLIT_REGEX"),
    "floor_to": _function("salus_floor_to"),
    "floor": lambda e, unit: _function("DATE_TRUNC")(_unit(unit), e),
    "part": lambda e, unit: _function("salus_part_" + str(unit.this))(e),
    "add_time": lambda e, amount, unit: _function("salus_add_" + str(unit.this))(e, amount),
    "make_time": _function("salus_make_time"),
    "duration": lambda a, b, unit: _function("salus_duration_" + str(unit.this))(a, b),
    "least": _function("LEAST"),
    "greatest": _function("GREATEST"),
    "concat": lambda *parts: _chain_concat(parts),
    "split_last": _function("salus_split_last"),
    "normalise": _function("salus_normalise"),
    "split": _function("salus_split"),
    "substring": _function("salus_substring"),
    "substring_of": _function("salus_substring_of"),
    "position": _function("salus_position"),
    "last_position": _function("salus_last_position"),
    "replace_matches": _function("salus_replace_matches"),
    "size": _function("LEN"),
    "collected": _collected,
    "joined": _function("salus_joined"),
    "matches": _function("REGEXP_FULL_MATCH"),
    "row": _function("ROW"),
    "row_number": lambda: exp.Window(this=exp.RowNumber()),
    "numbered": _numbered,
    "descending": lambda a: exp.Ordered(this=a, desc=True),
    "greatest_before": _greatest_before,
    "count_so_far": _count_so_far,
    "first_seen": _first_seen,
    "seen_first": lambda value, position: exp.ArgMin(this=value, expression=position),
    "how_many": lambda *same: exp.Window(this=_count(), partition_by=list(same)),
    "product": _function("PRODUCT"),
    "geometric_mean": _geometric_mean,
    "as_fitting_integer": lambda a: exp.TryCast(this=a, to=exp.DataType.build("int")),
    "as_fitting_long": lambda a: exp.TryCast(this=a, to=exp.DataType.build("bigint")),
    "as_fitting_decimal": _function("salus_decimal"),
    "equivalent": _function("salus_equivalent"),
    "to_integer": _function("salus_to_integer"),
    "to_long": _function("salus_to_long"),
    "to_decimal": _function("salus_to_decimal"),
    "to_boolean": _function("salus_to_boolean"),
    "decimal_text": _function("salus_decimal_text"),
    "amount_text": _function("salus_amount_text"),
    "fold": _fold,
    "so_far": lambda name: exp.column(exp.to_identifier(name.this, quoted=True), table="so_far"),
    "of_item": lambda name: exp.column(exp.to_identifier(name.this, quoted=True), table="item"),
    "as_type": lambda a, name: _cast(str(name.this))(a),
    "each": _function("UNNEST"),
    "range": _function("GENERATE_SERIES"),
    "struct": _struct,
    "list": _function("LIST_VALUE"),
    "collect": _collect,
    "count": _count,
    "only": _only,
    "arg_min": _picked("ARG_MIN"),
    "arg_max": _picked("ARG_MAX"),
    "every": _function("BOOL_AND"),
    "some": _function("BOOL_OR"),
}


def _chain_concat(parts: Sequence[Sql]) -> Sql:
    result = _wrap(parts[0])
    for part in parts[1:]:
        result = exp.DPipe(this=result, expression=_wrap(part))
    return result
