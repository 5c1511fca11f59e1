"""A plan as a script: statements in an order in which each finds what it reads.

Relations that turn out to be the same are made once, whoever asked for them. Big tables are read once: uses of a table
that look for particular codes share one slice, the rows that any of them could want. Leaves to others: spelling
(`base`), running (`duckdb`, `streams`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from salus.engine.base import Speller, Statement
from salus.logic.compiler import Check, Origin
from salus.logic.plan import Output, Plan, tables
from salus.logic.relation import Table


class Make(Struct, frozen=True, eq=False):
    """A table to make, and what to verify of it. `label` says what part of its define it is."""

    name: str
    statement: Statement
    label: str
    origin: Origin | None = None
    checks: list[Check] = field(default_factory=list)


class Put(Struct, frozen=True, eq=False):
    """An output to read."""

    output: Output
    statement: Statement


Action = Make | Put


def script(plan: Plan) -> list[Action]:
    """The statements of a plan."""
    return list(_actions(plan))


def _actions(plan: Plan) -> Iterator[Action]:
    """Tables before those that read them; an output as soon as its tables are there."""
    uses, slices = _slices(plan)
    names: dict[int, str] = {}
    speller = Speller(uses, names)
    made = _makes(plan, speller, names)
    waiting = [Put(output, speller.statement(output.relation)) for output in plan.outputs]
    there: set[str] = set()
    for action in _with_outputs(made, waiting):
        for name in sorted(action.statement.reads & slices.keys() - there):
            there.add(name)
            yield slices[name]
        yield action


def _makes(plan: Plan, speller: Speller, names: dict[int, str]) -> list[Make]:
    """Each different relation of a plan; `names` learns the table of every one."""
    checks: dict[int, list[Check]] = {}
    for check in plan.checks:
        checks.setdefault(check.relation.id, []).append(check)
    made: dict[str, Make] = {}
    for step in plan.steps:
        statement = speller.statement(step.relation)
        if statement.text not in made:
            made[statement.text] = Make(f"m{len(made)}", statement, str(step.relation.materialised), step.origin)
        names[step.relation.id] = made[statement.text].name
        made[statement.text].checks.extend(checks.get(step.relation.id, ()))
    return list(made.values())


def _with_outputs(made: Sequence[Make], waiting: Sequence[Put]) -> Iterator[Action]:
    position = {make.name: number for number, make in enumerate(made)}
    ready: dict[int, list[Put]] = {}
    for put in waiting:
        ready.setdefault(max((position.get(name, -1) for name in put.statement.reads), default=-1), []).append(put)
    yield from ready.get(-1, ())
    for number, make in enumerate(made):
        yield make
        yield from ready.get(number, ())


def _slices(plan: Plan) -> tuple[dict[int, str], dict[str, Make]]:
    """Narrow tables for the uses that look for particular codes of one column: names by the use's number, and how to
    make them."""
    groups: dict[tuple[str, str], list[Table]] = {}
    for use in tables([*(step.relation for step in plan.steps), *(o.relation for o in plan.outputs)]):
        if use.only is not None:
            groups.setdefault((use.name, use.only[0]), []).append(use)
    names: dict[int, str] = {}
    made: dict[str, Make] = {}
    for (table, column), uses in groups.items():
        if len(uses) > 1:
            name = f"slice_{table}_{column}"
            made[name] = Make(name, Statement(_slice_sql(table, column, uses), frozenset()), f"slice of {table}")
            names |= {use.id: name for use in uses}
    return names, made


def _slice_sql(table: str, column: str, uses: Sequence[Table]) -> str:
    columns = sorted(set().union(*(use.used for use in uses), {column}))
    ids = sorted(set().union(*(use.only[1] for use in uses if use.only)))
    listed = ", ".join(f'"{c}"' for c in columns)
    return f'SELECT {listed} FROM "{table}" WHERE "{column}" IN ({", ".join(map(str, ids))})'
