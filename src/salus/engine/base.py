"""Logic spelled as SQL: one function of a relation, one of an expression.

Leaves to others: operators (`spelling`), the order of statements (`script`), executing (`duckdb`), and what anything
means (`salus.logic`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from salus.engine.spelling import LOOSE, Sql, cases, connected, literal, or_false, quoted, spelled
from salus.logic.expr import Col, Const, E, InRel, Op, Tri
from salus.logic.relation import Join, Select, Source, Table, Union, Use


class Statement(Struct, frozen=True):
    """The text that computes a relation, and the tables of the plan that it reads."""

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
        self._begin()

    def _begin(self) -> None:
        self._aliases: dict[int, str] = {}
        self._spelled: dict[E, Sql] = {}
        self._reads: set[str] = set()
        self._left: set[int] = set()  # sources that a row may lack, so that their keys may be null

    def statement(self, relation: Select | Union) -> Statement:
        """The statement that computes a relation."""
        self._begin()
        text = self.relation(relation)
        return Statement(text, frozenset(self._reads))

    def _alias(self, source_id: int) -> str:
        return self._aliases.setdefault(source_id, f"t{len(self._aliases)}")

    def relation(self, relation: Select | Union) -> str:
        """The query that computes a relation."""
        return self._union(relation) if isinstance(relation, Union) else self._select(relation)

    def _select(self, select: Select, columns: Sequence[str] | None = None) -> str:
        names = list(select.exports if columns is None else columns)
        self._left |= {join.source.id for join in select.joins if join.kind == "left"}
        select = _merged(select)
        outputs = _listed((self.expression(select.exports[c]), c) for c in names)
        first, *rest = select.joins
        return "".join(
            (
                "SELECT DISTINCT " if select.distinct else "SELECT ",
                outputs,
                f" FROM {self.source(first.source)}",
                *(self._join(join) for join in rest),
                f" WHERE {connected('AND', self._all(select.where)).text}" if select.where else "",
                f" GROUP BY {', '.join(key.text for key in self._all(select.group))}" if select.group else "",
            )
        )

    def _all(self, expressions: Sequence[E]) -> list[Sql]:
        return [self.expression(e) for e in expressions]

    def _join(self, join: Join) -> str:
        condition = "TRUE" if join.on is None else self.expression(join.on).text
        return f" {'LEFT JOIN' if join.kind == 'left' else 'JOIN'} {self.source(join.source)} ON {condition}"

    def _union(self, union: Union) -> str:
        arms = (self._arm(union, arm, index) for index, arm in enumerate(union.arms))
        return (" UNION " if union.distinct else " UNION ALL ").join(arms)

    def _arm(self, union: Union, arm: Select, index: int) -> str:
        source = self.source(arm)
        columns = ((self._column(arm.id, key[index]), f"c{i}") for i, key in enumerate(union.columns))
        return f"SELECT {_listed(columns)} FROM {source}"

    def source(self, source: Source) -> str:
        """A source in a FROM, under its alias."""
        alias = self._alias(source.id)
        if isinstance(source, Table):
            slice_ = self._slices.get(source.id)
            return f"{quoted(source.name) if slice_ is None else self._temporary(slice_)} AS {alias}"
        if isinstance(source, Use):
            return f"{self._temporary(self._names[source.of.id])} AS {alias}"
        if source.materialised:
            return f"{self._temporary(self._names[source.id])} AS {alias}"
        return f"({self.relation(source)}) AS {alias}"

    def _temporary(self, name: str) -> str:
        self._reads.add(name)
        return quoted(name)

    def _column(self, source: int, name: str) -> Sql:
        return Sql(f"{self._alias(source)}.{quoted(name)}")

    def expression(self, e: E) -> Sql:
        """An expression as text."""
        if isinstance(e, Const):
            return literal(e.value)
        if e not in self._spelled:
            self._spelled[e] = self._text(e)
        return self._spelled[e]

    def _text(self, e: E) -> Sql:
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
                return spelled(name, self._all(args))
        raise AssertionError(f"no spelling for {e}")

    def _case(self, branches: Sequence[tuple[E, E]], otherwise: E) -> Sql:
        return cases([(self.expression(c), self.expression(v)) for c, v in branches], self.expression(otherwise))

    def _membership(self, keys: Sequence[E], relation: Source, columns: Sequence[str]) -> Sql:
        found = [f"({key.text})" for key in self._all(keys)]
        left = found[0] if len(found) == 1 else f"({', '.join(found)})"
        test = Sql(f"{left} IN ({self._columns_of(relation, columns)})", LOOSE)
        if all(isinstance(k, Col) and k.name in ("pid", "rid", "eid") and k.source not in self._left for k in keys):
            return test
        return or_false(test)

    def _columns_of(self, relation: Source, columns: Sequence[str]) -> str:
        if isinstance(relation, Select) and not relation.materialised and not relation.distinct:
            return self._select(relation, columns)
        outputs = _listed((self._column(relation.id, c), c) for c in columns)
        return f"SELECT {outputs} FROM {self.source(relation)}"


def _listed(columns: Iterable[tuple[Sql, str]]) -> str:
    """What a select puts out; it has to put out something."""
    return ", ".join(f"{value.text} AS {name}" for value, name in columns) or "1 AS one"


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
