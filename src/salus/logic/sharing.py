"""A rewrite of a plan: what a select says several times is written, planned and computed once.

Equal expressions are one object while compiling, but SQL is text, in which they stand as often as they are used: a date
that four tests look at, each inside two others, is spelled dozens of times. Here such a select is given a select inside
whose columns they are, in as many layers as they are nested. Only expressions move that cannot fail on a row for which
they would not have been asked, and no test for which a filter is a semi-join.
Leaves to others: which relations there are (`plan`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from salus.logic.expr import E, InRel, Op, columns_of, parts_of, rebuilt, written_size
from salus.logic.relation import Join, Select, Source, Union, Use, reads
from salus.logic.shared import remembered

_WORTH = 12  # nodes that must be saved for a column
_SMALL = 250  # a select that has no more nodes written out stays as it is
_DEEP = 3  # layers at most: each is a query inside a query

_LOGIC = {"and", "or", "not", "is_true", "not_true", "is_null", "not_null", "case", "coalesce"}
_COMPARED = {"eq", "ne", "lt", "le", "gt", "ge", "in", "least", "greatest"}
_MADE = {"floor", "part", "add_time", "within_years", "concat", "split_last", "as_text"}
_FITTING = {f"{name}_{kind}" for name in ("add", "sub", "mul", "abs") for kind in ("integer", "long", "decimal")}
_TOTAL = _LOGIC | _COMPARED | _MADE | _FITTING


def share(steps: Iterable[Select | Union]) -> None:
    """Rewrite every select that the steps are made of, in place."""
    for select in _selects(steps):
        if sum(map(written_size, _roots(select))) > _SMALL:
            _share(select)


def _selects(steps: Iterable[Select | Union]) -> Iterator[Select]:
    """Every select a plan is made of, once."""
    todo: list[Source] = list(steps)
    seen: set[int] = set()
    while todo:
        source = todo.pop()
        source = source.of if isinstance(source, Use) else source
        if source.id in seen or not isinstance(source, (Select, Union)):
            continue
        seen.add(source.id)
        todo += reads(source)
        if isinstance(source, Select):
            yield source


def _roots(select: Select) -> list[E]:
    return [*select.where, *select.exports.values(), *select.group]


def _share(select: Select) -> None:
    chosen = _chosen(select)
    if not chosen:
        return
    layers = _layers(chosen)
    inner, columns = Select(joins=select.joins), dict[E, E]()
    for number, layer in enumerate(layers):
        if number:
            inner = _around(inner)
        columns |= {e: inner.col(_replaced(e, columns)) for e in layer}
    select.joins = _around(inner).joins

    def moved(e: E) -> E:
        return select.resolve(_replaced(e, columns))

    select.where = list(map(moved, select.where))
    select.exports = {name: moved(e) for name, e in select.exports.items()}
    select.group = list(map(moved, select.group))


def _around(inner: Select) -> Select:
    return Select(joins=[Join("from", inner, None)])


def _chosen(select: Select) -> set[E]:
    """The expressions to make columns of."""
    roots = _roots(select)
    uses: Counter[E] = Counter(roots)
    todo, seen = list(roots), set[E]()
    while todo:
        e = todo.pop()
        if e not in seen:
            seen.add(e)
            uses.update(parts_of(e))
            todo += parts_of(e)
    kept = set(_conjuncts(select.where))
    return {
        e
        for e, times in uses.items()
        if times > 1 and e not in kept and (times - 1) * (written_size(e) - 1) >= _WORTH and columns_of(e) and _total(e)
    }


def _conjuncts(where: Iterable[E]) -> Iterator[E]:
    """Memberships that a filter asks for as such."""
    for e in where:
        match e:
            case InRel() | Op(op="not", args=(InRel(),)):
                yield from (e, *parts_of(e))
            case Op(op="and", args=args):
                yield from _conjuncts(args)


@remembered
def _total(e: E) -> bool:
    """Whether an expression has a value for every row, whatever is in it, and reads that row alone."""
    return (not isinstance(e, Op) or e.op in _TOTAL) and all(map(_total, parts_of(e)))


def _layers(chosen: set[E]) -> list[list[E]]:
    """The expressions by how deep they hold each other; what would lie too deep is left out."""
    depth: dict[E, int] = {}

    def visit(e: E) -> int:
        if e not in depth:
            below = max(map(visit, parts_of(e)), default=0)
            depth[e] = below + (e in chosen and below < _DEEP)
        return depth[e]

    layers: list[list[E]] = [[] for _ in range(_DEEP)]
    for e in sorted(chosen, key=written_size):
        if max(map(visit, parts_of(e)), default=0) < visit(e):
            layers[depth[e] - 1].append(e)
    return [layer for layer in layers if layer]


def _replaced(e: E, columns: dict[E, E]) -> E:
    """`e` with what has become a column replaced by it."""
    seen: dict[E, E] = {}

    def visit(node: E) -> E:
        if node in columns:
            return columns[node]
        if node not in seen:
            seen[node] = rebuilt(node, visit)
        return seen[node]

    return visit(e)
