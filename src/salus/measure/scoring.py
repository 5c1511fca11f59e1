"""From the values of the defines to determinations: the table of who is in which population of a measure group.

    units of the initial population -> truth of each criterion -> membership -> observations, strata

Set at a time: arrays over all units, never one patient at a time.
Leaves to others: units (`measure.units`), membership (`measure.flow`), observations (`measure.observations`), strata
(`measure.strata`), counting and scores (`measure.score`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from salus.measure.arrays import observation_lists
from salus.measure.definition import Group, MeasureDefinition, Need
from salus.measure.flow import POPULATIONS, Flags, column_of, counted, membership
from salus.measure.observations import observations
from salus.measure.strata import strata
from salus.measure.units import Units, units_of

Values = Mapping[Need, pa.Table]
"""What the engine gave: a table for each need."""

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


@dataclass(frozen=True)
class Determined:
    """The units of a group, who is in which of its populations, and per observation who is observed and the numbers."""

    units: Units
    flags: Mapping[str, Flags]
    observed: Sequence[tuple[Flags, pa.Array]] = ()


def determine(measure: MeasureDefinition, group: Group, subjects: pa.StringArray, values: Values) -> pa.Table:
    """The determinations of one group as a table of SCHEMA, in order of patient (pid), then type and id of the unit.

    `subjects` holds Patient.id by pid (1..n). Raises SalusError when a criterion is no truth value and no list of
    resources, or an observation no number.
    """
    units = units_of([values[Need(p.expression)] for p in group.criteria if p.code == "initial-population"], subjects)
    flags = membership(group.scoring, _criteria(measure, group, values, units))
    observed = list(_observed(measure, group, values, units, flags))
    return tabled(measure, group, subjects, Determined(units, flags, observed), values)


def tabled(
    measure: MeasureDefinition, group: Group, subjects: pa.StringArray, made: Determined, values: Values
) -> pa.Table:
    """What is determined of a group as a table of SCHEMA, with the strata that `values` tell of its units."""
    size = len(made.units)
    return pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(measure.name, pa.string()), size),
            pa.repeat(pa.scalar(group.id, pa.string()), size),
            made.units.spread(subjects),
            made.units.ids,
            *(pa.array(made.flags[name]) if name in made.flags else pa.nulls(size, pa.bool_()) for name in POPULATIONS),
            observation_lists(made.observed, size),
            strata(group, values, made.units),
        ],
        schema=SCHEMA,
    )


def _criteria(measure: MeasureDefinition, group: Group, values: Values, units: Units) -> dict[str, Flags]:
    """Whom each criterion holds for, by population column.

    A ratio may have an initial population for each side; a side that refers to one is drawn from that one, and who is
    in either is in the initial population.
    """
    truth = {
        population: units.truth(values[Need(population.expression)], f"{measure.name}: {population.expression!r}")
        for population in group.criteria
    }
    initial = {population.id: flags for population, flags in truth.items() if population.code == "initial-population"}
    criteria: dict[str, Flags] = {}
    for population, flags in truth.items():
        column, drawn_from = column_of(population.code), initial.get(population.criteria_reference or "")
        own = flags if drawn_from is None else flags & drawn_from
        criteria[column] = criteria[column] | own if column in criteria else own
    return criteria


def _observed(
    measure: MeasureDefinition, group: Group, values: Values, units: Units, flags: Mapping[str, Flags]
) -> Iterator[tuple[Flags, pa.Array]]:
    """Per observation, who is observed and the numbers."""
    for each in observations(group):
        over = Need(each.expression, each.over)
        table = values[over if over in values else Need(each.expression)]
        yield counted(each.column, flags), units.numbers(table, f"{measure.name}: {each.expression!r}")
