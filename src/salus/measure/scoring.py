"""From the truth of each criterion to determinations: who is in which population of a measure group.

A criterion is true, false or unknown for a patient; here, and only here, unknown is taken as false. The flow
for a proportion (Quality Measure IG, "Proportion Measure Scoring"; the published test decks agree in all
1,380 groups): the denominator lies inside the initial population, exclusions inside the denominator, the
numerator inside the denominator without the exclusions, numerator exclusions inside the numerator, and
exceptions inside what is then left of the denominator: neither excluded nor in the numerator. An excluded
unit stays marked as `denominator`, and one excluded from the numerator as `numerator`: the score takes them
off. Set at a time: one array per criterion, never one patient at a time.
Leaves to others: the truth of the criteria (`engine`), counting and scores (`measure.report`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.errors import SalusError
from salus.measure.definition import Group, MeasureDefinition
from salus.measure.text import joined, readable

Flags = npt.NDArray[np.bool_]

POPULATIONS: Final = (
    "initial_population",
    "denominator",
    "denominator_exclusion",
    "denominator_exception",
    "numerator",
    "numerator_exclusion",
    "measure_population",
    "measure_population_exclusion",
)
"""The population columns of a determination; a measure-population code is the same word with hyphens."""

SCHEMA: Final = pa.schema(
    [
        pa.field("measure", pa.string(), nullable=False),
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("unit_id", pa.string(), nullable=False),
        *(pa.field(name, pa.bool_()) for name in POPULATIONS),
        pa.field("observations", pa.list_(pa.float64())),
        pa.field("strata", pa.map_(pa.string(), pa.string())),
    ]
)
"""A determination: one row per unit in the initial population, and one with all false for a subject with
none.
"""

_PROPORTION: Final = frozenset(POPULATIONS[:6])
_REQUIRED: Final = ("initial-population", "denominator", "numerator")


def code_of(column: str) -> str:
    """The measure-population code that a population column stands for."""
    return column.replace("_", "-")


def columns_of(group: Group) -> tuple[str, ...]:
    """The population columns that a group fills, in the order of the contract."""
    there = {population.code for population in group.populations}
    return tuple(column for column in POPULATIONS if code_of(column) in there)


def check_supported(measures: Sequence[MeasureDefinition]) -> None:
    """Raise one SalusError that names every measure and group whose scoring is not supported yet."""
    problems = [problem for measure in measures for group in measure.groups if (problem := _problem(measure, group))]
    if problems:
        raise SalusError("not supported yet: " + "; ".join(problems))


def determine(
    measure: MeasureDefinition, group: Group, subjects: pa.StringArray, values: Mapping[str, pa.Table]
) -> pa.Table:
    """The determinations of one group on patient basis, as a table of SCHEMA in order of pid.

    `subjects` holds Patient.id by pid (1..n); `values` holds for each define a table of `pid` and `value`.
    Raises SalusError when a criterion is not a truth value or the scoring is not supported.
    """
    check_supported([measure])
    size = len(subjects)
    criteria = {
        population.code.replace("-", "_"): _truth(values[population.expression], size, measure, population.expression)
        for population in group.populations
    }
    flags = proportion(criteria)
    return pa.Table.from_arrays(
        [
            _repeat(measure.name, size),
            _repeat(group.id, size),
            subjects,
            subjects,
            *(pa.array(flags[name]) if name in flags else pa.nulls(size, pa.bool_()) for name in POPULATIONS),
            _empty_lists(size),
            strata(group, values, size),
        ],
        schema=SCHEMA,
    )


def proportion(criteria: Mapping[str, Flags]) -> dict[str, Flags]:
    """The scoring flow of a proportion, from raw criteria (by population column) to membership; same
    columns out as in.
    """
    inside = dict(criteria)
    inside["denominator"] = inside["initial_population"] & inside["denominator"]
    left = inside["denominator"]
    if "denominator_exclusion" in inside:
        inside["denominator_exclusion"] = left & inside["denominator_exclusion"]
        left = left & ~inside["denominator_exclusion"]
    inside["numerator"] = left & inside["numerator"]
    if "numerator_exclusion" in inside:
        inside["numerator_exclusion"] = inside["numerator"] & inside["numerator_exclusion"]
    if "denominator_exception" in inside:
        inside["denominator_exception"] = left & ~inside["numerator"] & inside["denominator_exception"]
    return inside


def strata(group: Group, values: Mapping[str, pa.Table], size: int) -> pa.MapArray:
    """For every subject a map of stratifier id -> value as text (a criterion that is unknown is false,
    another unknown
    value null; components joined by "; ")."""
    columns = [_stratum(stratifier.expressions, values, size) for stratifier in group.stratifiers]
    offsets = np.arange(size + 1, dtype=np.int32) * len(columns)
    keys = pa.array(np.tile(np.array([s.id for s in group.stratifiers], dtype=object), size), pa.string())
    return pa.MapArray.from_arrays(pa.array(offsets), keys, _interleaved(columns, size))


def aligned(table: pa.Table, size: int) -> pa.Array:
    """The `value` column as one array with a place for each pid 1..size, null where the table has no row
    for it.
    """
    value = table["value"].combine_chunks()
    pids = table["pid"].to_numpy()
    if len(pids) == size and (size == 0 or (pids[0] == 1 and pids[-1] == size and bool((np.diff(pids) == 1).all()))):
        return value
    if len(np.unique(pids)) != len(pids):
        raise SalusError("a criterion on patient basis has more than one value for a patient")
    rows = np.full(size, -1, dtype=np.int64)
    rows[pids - 1] = np.arange(len(pids))
    return value.take(pa.array(rows, mask=rows < 0))


def _problem(measure: MeasureDefinition, group: Group) -> str | None:
    where = f"{measure.name}, group {group.id}"
    codes = [population.code for population in group.populations]
    if group.scoring != "proportion":
        return f"{where}: {group.scoring} scoring"
    if group.basis != "boolean":
        return f"{where}: {group.basis} basis"
    if lacking := [code for code in _REQUIRED if code not in codes]:
        return f"{where}: a proportion without {' and '.join(lacking)}"
    if other := [code for code in codes if code.replace("-", "_") not in _PROPORTION]:
        return f"{where}: {' and '.join(other)} in a proportion"
    return f"{where}: two criteria for one population" if len(set(codes)) < len(codes) else None


def _truth(table: pa.Table, size: int, measure: MeasureDefinition, define: str) -> Flags:
    if "value" not in table.column_names:
        raise SalusError(f"{measure.name}: {define!r} must be true or false for a patient, but it is a list")
    value = aligned(table, size)
    if pa.types.is_null(value.type):
        return np.zeros(size, dtype=np.bool_)
    if not pa.types.is_boolean(value.type):
        raise SalusError(f"{measure.name}: {define!r} must be true or false for a patient, but it is {value.type}")
    flags: Flags = pc.fill_null(value, False).to_numpy(zero_copy_only=False)
    return flags


def _stratum(expressions: Sequence[str], values: Mapping[str, pa.Table], size: int) -> pa.Array:
    columns = [aligned(values[expression], size) for expression in expressions]
    known = [pc.fill_null(column, False) if pa.types.is_boolean(column.type) else column for column in columns]
    return joined([readable(column) for column in known], "; ")


def _interleaved(columns: Sequence[pa.Array], size: int) -> pa.Array:
    """a1 b1 a2 b2 ... from columns a and b."""
    if not columns:
        return pa.nulls(0, pa.string())
    order = np.arange(size * len(columns)).reshape(len(columns), size).T.ravel()
    return pa.concat_arrays(columns).take(pa.array(order))


def _repeat(text: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), size)


def _empty_lists(size: int) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.zeros(size + 1, dtype=np.int32)), pa.nulls(0, pa.float64()))
