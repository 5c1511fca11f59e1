"""How many meet each clause of a measure's criteria, set at a time: where a population falls out.

    criteria taken apart -> the engine's truth of every test -> truth of every clause -> counts, clause by clause

Every clause is counted over those who come to its criterion (the flow of the scoring: a numerator is asked of the
denominator without its exclusions): held, failed, or could not be told. `reached` are those for whom everything before
it in its `all` holds, `dropped` those of them it does not hold for; `only` those for whom it alone decides: of an `all`
everything else holds, of an `any` nothing else does.
Leaves to others: the tests (`engine`), what may be shown (`publish`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.elm.clauses import Clause
from salus.engine.asked import Answered, Criteria
from salus.measure.content import Content
from salus.measure.definition import Group, MeasureDefinition, Population
from salus.measure.flow import Flags, asked_after, column_of, membership
from salus.measure.libraries import Identity

SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("measure", "group_id", "population", "clause")),
        pa.field("depth", pa.int32(), nullable=False),
        *(pa.field(name, pa.string(), nullable=False) for name in ("kind", "text", "name", "unit")),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("held", "failed", "unknown", "reached", "dropped")),
        pa.field("only", pa.int64()),
    ]
)
"""One row per clause, in reading order. `clause` is its place in the criterion ("" the whole, "2.1" the first part of
the second); `kind` is all, any, not, steps or test; `name` the define it stands for; `unit` what is counted."""

Truths = npt.NDArray[np.int8]
_TRUE, _FALSE, _UNKNOWN = _STATES = 1, 0, -1


@dataclass(frozen=True)
class Counted:
    """The clauses of a measure (a table of SCHEMA), and for each group and population how many are members by them."""

    table: pa.Table
    members: Mapping[tuple[str, str], int]


Period = tuple[date, date]
Ask = Callable[[Any, Content, Sequence[Criteria], Period], Sequence[Sequence[Answered]]]
"""An engine's answer to criteria: population, content, what is asked, period."""


def counted(
    ask: Ask,
    population: object,
    content: Content,
    measure: MeasureDefinition,
    library: Identity,
    period: tuple[date, date],
) -> Counted:
    """The counts of a measure's clauses in a population."""
    return count(measure, ask(population, content, criteria(measure, library), period))


def differences(measure: str, members: Mapping[tuple[str, str], int], determined: pa.Table) -> Iterator[str]:
    """Where the clauses make other members than the determinations (a table with the columns of those) say."""
    for (group_id, code), found in members.items():
        mine = pc.and_(pc.equal(determined["measure"], measure), pc.equal(determined["group_id"], group_id))
        told = pc.sum(determined.filter(mine)[column_of(code)]).as_py() or 0
        if told != found:
            yield f"{measure}, group {group_id}: the clauses of {code} make {found} members, the determinations {told}"


def criteria(measure: MeasureDefinition, library: Identity) -> list[Criteria]:
    """What the engine is to be asked, group by group."""
    return [
        Criteria(
            library.name, library.version, tuple((p.expression, _initial(group, p).expression) for p in group.criteria)
        )
        for group in measure.groups
    ]


def _initial(group: Group, population: Population) -> Population:
    """The initial population that a criterion is drawn from: the one it refers to, else the first."""
    there = [each for each in group.criteria if each.code == "initial-population"]
    own = [each for each in there if each.id == population.criteria_reference]
    return population if population in there else (own or there)[0]


def count(measure: MeasureDefinition, tested: Sequence[Sequence[Answered]]) -> Counted:
    """The counts of every clause; `tested` is what the engine says of `criteria`, in that order."""
    rows: list[dict[str, Any]] = []
    members: dict[tuple[str, str], int] = {}
    for group, answers in zip(measure.groups, tested, strict=True):
        for population, told, inside in _counted(group, answers):
            members[group.id, population.code] = members.get((group.id, population.code), 0) + inside
            head = {"measure": measure.name, "group_id": group.id, "population": population.code}
            rows += [head | each for each in told]
    return Counted(pa.Table.from_pylist(rows, schema=SCHEMA), members)


def _counted(group: Group, answers: Sequence[Answered]) -> Iterator[tuple[Population, list[dict[str, Any]], int]]:
    """Each criterion with its clauses' counts and how many are members. Those asked of the same units are aligned."""
    tables = [_distinct(answer.table) for answer in answers]
    truths = [_clause_truths(answer.clause, table) for answer, table in zip(answers, tables, strict=True)]
    for position, (population, answer) in enumerate(zip(group.criteria, answers, strict=True)):
        own = truths[position]
        column = column_of(population.code)
        beside = {
            column_of(other.code): truths[place][""] == _TRUE
            for place, other in enumerate(group.criteria)
            if answers[place].asked_of == answer.asked_of and (other is population or column_of(other.code) != column)
        }
        everyone = np.ones(len(own[""]), dtype=np.bool_)
        first = population.code == "initial-population"
        inside = beside if first else membership(group.scoring, {"initial_population": everyone} | beside)
        asked = _asked(group.scoring, column, inside, everyone)
        told = list(_rows(answer.clause, "", own, asked, asked, None))
        unit = _unit(tables[position])
        yield population, [each | {"unit": unit} for each in told], int(inside[column].sum())


def _unit(table: pa.Table) -> str:
    """What the rows are: patients, or resources of some types."""
    if "type" not in table.column_names:
        return "Patient"
    return " or ".join(sorted(each for each in pc.unique(table["type"]).to_pylist() if each)) or "resource"


def _distinct(table: pa.Table) -> pa.Table:
    """A row for each patient or resource, in one order, however often it was listed."""
    if "type" not in table.column_names or not table.num_rows:
        return table
    rows = table.sort_by([(name, "ascending") for name in ("pid", "type", "id")])
    names = [pc.cast(rows[name], pa.string()) for name in ("pid", "type", "id")]
    keys = pc.binary_join_element_wise(*names, "/").combine_chunks()
    return rows.filter(pa.concat_arrays([pa.array([True]), pc.not_equal(keys[1:], keys[:-1])]))


def _asked(scoring: str, column: str, inside: Mapping[str, Flags], everyone: Flags) -> Flags:
    """Those who come to a criterion."""
    flags = everyone.copy()
    for other, wanted in asked_after(scoring, column):
        if other in inside:
            flags &= inside[other] == wanted
    return flags


def _clause_truths(clause: Clause, table: pa.Table) -> dict[str, Truths]:
    """The truth of every clause by its place, three-valued."""
    columns = (_column(table[str(index)]) for index, _ in enumerate(clause.tests()))
    made: dict[str, Truths] = {}
    _combine(clause, "", columns, made)
    return made


def outermost(tested: Answered) -> list[tuple[str, int, int, int]]:
    """The text of each part that has to hold together (of the whole, where there is only one), and for how many it
    holds, fails, and cannot be told."""
    truths = _clause_truths(tested.clause, _distinct(tested.table))
    several = tested.clause.kind == "all"
    parts = [(str(i + 1), part) for i, part in enumerate(tested.clause.parts)] if several else [("", tested.clause)]
    return [(part.text, *(int((truths[at] == each).sum()) for each in _STATES)) for at, part in parts]  # type: ignore[misc]


def _column(column: pa.ChunkedArray) -> Truths:
    if pa.types.is_null(column.type):
        return np.full(len(column), _UNKNOWN, dtype=np.int8)
    known = pc.fill_null(pc.cast(column, pa.int8()), _UNKNOWN)
    return np.asarray(known.to_numpy(), dtype=np.int8)


def _combine(clause: Clause, place: str, tests: Iterator[Truths], made: dict[str, Truths]) -> Truths:
    parts = [_combine(part, _below(place, i), tests, made) for i, part in enumerate(clause.parts)]
    if clause.kind == "test":
        made[place] = next(tests)
    elif clause.kind == "steps":
        made[place] = parts[-1]
    elif clause.kind == "not":
        made[place] = np.where(parts[0] == _UNKNOWN, _UNKNOWN, 1 - parts[0]).astype(np.int8)
    else:
        made[place] = _joined(parts, _FALSE if clause.kind == "all" else _TRUE)
    return made[place]


def _joined(parts: Sequence[Truths], decisive: int) -> Truths:
    """Three-valued and (false decides) and or (true decides)."""
    stack = np.stack(parts)
    unknown = np.where((stack == _UNKNOWN).any(axis=0), _UNKNOWN, 1 - decisive)
    return np.where((stack == decisive).any(axis=0), decisive, unknown).astype(np.int8)


def _below(place: str, index: int) -> str:
    return f"{place}.{index + 1}" if place else str(index + 1)


def _rows(
    clause: Clause, place: str, truths: Mapping[str, Truths], asked: Flags, reached: Flags, only: int | None
) -> Iterator[dict[str, Any]]:
    own = truths[place]
    lost = reached & (own != _TRUE)
    yield {
        "clause": place,
        "depth": place.count(".") + bool(place),
        "kind": clause.kind,
        "text": clause.text,
        "name": clause.named[-1] if clause.named else "",
        "held": int((asked & (own == _TRUE)).sum()),
        "failed": int((asked & (own == _FALSE)).sum()),
        "unknown": int((asked & (own == _UNKNOWN)).sum()),
        "reached": int(reached.sum()),
        "dropped": int(lost.sum()),
        "only": only,
    }
    left = reached
    parts = [truths[_below(place, i)] == _TRUE for i in range(len(clause.parts))]
    for index, part in enumerate(clause.parts):
        alone = _alone(clause.kind, parts, index, asked)
        yield from _rows(part, _below(place, index), truths, asked, left, alone)
        if clause.kind in ("all", "steps"):
            left = left & parts[index]


def _alone(kind: str, parts: Sequence[Flags], index: int, asked: Flags) -> int | None:
    """For how many a part alone decides."""
    others = [part for place, part in enumerate(parts) if place != index]
    if kind not in ("all", "any") or not others:
        return None
    if kind == "all":
        return int((asked & ~parts[index] & np.logical_and.reduce(others)).sum())
    return int((asked & parts[index] & ~np.logical_or.reduce(others)).sum())
