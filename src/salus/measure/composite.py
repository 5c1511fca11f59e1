"""From the determinations of the components of a composite to its own.

    components' rows -> whom each component counts, and who meets it -> membership of the composite

A person is in a population of a component of stays where one of their stays is (requirement 5.6). A component that
improves the other way than the composite is met by those whom it counts and who are not in its numerator.

- all-or-nothing (5.2): a person is in each population that they are in of any component; in the numerator when they
  meet every component that counts them, one at least.
- opportunity (5.3): a unit is a person in a component, its id the component.
- linear (5.4): a continuous variable of people, the share of the components that count them which they meet.
- weighted: the units of opportunity; the score is of the components' scores (`measure.score`).

Leaves to others: the components' own determinations (`measure.scoring`), finding them (`measure.components`).
Source: Quality Measure IG, "Composite Measures" and the conformance requirements given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.measure.composition import OF_CASES, Component, Composite
from salus.measure.definition import Group, MeasureDefinition
from salus.measure.flow import POPULATIONS, Flags, columns_of, membership
from salus.measure.scoring import Determined, Values, tabled
from salus.measure.units import Units

Grid = Mapping[str, npt.NDArray[np.bool_]]
"""Of each population column of a proportion (`counted` and `met` besides) whether a person (row) is in it in a
component (column)."""


def compose(
    measure: MeasureDefinition, group: Group, parts: Sequence[pa.Table], subjects: pa.StringArray, values: Values
) -> pa.Table:
    """The determinations (a table of SCHEMA) of a composite group, in order of patient and component.

    `parts` holds the determinations of its components, in their order; `subjects` Patient.id by pid; `values` what
    stratifies the composite.
    """
    composite = group.composite or Composite("", ())
    pairs = zip(composite.components, parts, strict=True)
    each = [_component(component, rows, subjects) for component, rows in pairs]
    grid = {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}
    made = _cases(composite, grid, subjects) if composite.method in OF_CASES else _people(composite, grid, subjects)
    flags = {column: made.flags[column] for column in columns_of(group)}
    return tabled(measure, group, subjects, replace(made, flags=flags), values)


def _component(component: Component, rows: pa.Table, subjects: pa.StringArray) -> dict[str, Flags]:
    """Whether each person is in each population of a component, whether it counts them, and whether they meet it."""
    places = pc.index_in(rows["subject_id"], value_set=subjects).to_numpy()

    def anyone(column: str) -> Flags:
        inside = pc.fill_null(rows[column], False).to_numpy()
        found: Flags = np.bincount(places[inside], minlength=len(subjects)) > 0
        return found

    flags = {column: anyone(column) for column in POPULATIONS[:6]}
    flags["denominator_exception"] &= ~flags["numerator"]
    counted = flags["denominator"] & ~flags["denominator_exclusion"] & ~flags["denominator_exception"]
    met = counted & flags.pop("numerator") & ~flags.pop("numerator_exclusion")
    return flags | {"counted": counted, "met": counted & ~met if component.falls else met}


def _people(composite: Composite, grid: Grid, subjects: pa.StringArray) -> Determined:
    """All-or-nothing and linear: a unit is a person."""
    units = Units(np.arange(1, len(subjects) + 1), subjects, len(subjects))
    any_of: dict[str, Flags] = {column: np.any(flags, axis=1) for column, flags in grid.items()}
    if composite.method == "linear":
        return _shares(units, any_of, grid)
    met = any_of.pop("counted") & (grid["met"] | ~grid["counted"]).all(axis=1)
    del any_of["met"]
    return Determined(units, membership("proportion", any_of | {"numerator": met}))


def _shares(units: Units, any_of: Mapping[str, Flags], grid: Grid) -> Determined:
    """Excluded is who is excluded from every component in whose denominator they are."""
    inside = any_of["denominator"]
    left = (grid["denominator"] & ~grid["denominator_exclusion"]).any(axis=1)
    met, counted = (grid[name].sum(axis=1) for name in ("met", "counted"))
    share = pa.array(met / np.maximum(counted, 1), mask=counted == 0)
    flags = {
        "initial_population": any_of["initial_population"],
        "measure_population": inside,
        "measure_population_exclusion": inside & ~left,
    }
    return Determined(units, flags, [(inside & left, share)])


def _cases(composite: Composite, grid: Grid, subjects: pa.StringArray) -> Determined:
    """A unit is a person in the initial population of a component; who is in none has one row, in no population."""
    initial = grid["initial_population"]
    there = np.hstack([initial, ~initial.any(axis=1, keepdims=True)])
    people, parts = np.nonzero(there)
    keys = pa.array([each.key for each in composite.components], pa.string())
    of_part = keys.take(pa.array(parts, mask=parts == len(keys)))
    ids = pc.coalesce(of_part, subjects.take(pa.array(people)))
    nobody = np.zeros((len(subjects), 1), dtype=np.bool_)
    flags = {name: np.hstack([inside, nobody])[people, parts] for name, inside in grid.items() if name != "counted"}
    flags["numerator"] = flags.pop("met")
    return Determined(Units(people + 1, ids, len(subjects), of_part), membership("proportion", flags))
