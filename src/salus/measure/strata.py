"""The stratum of every unit: for each stratifier of a group its value as text.

A criteria-based stratifier is "true" or "false": a truth value of the patient, or a list of resources that has the unit
(Quality Measure IG, conformance requirement 3.16: its result type is that of the population criteria); unknown is
false. A value-based one is the value as readable text, of the patient or, as a function, of the unit; null when
unknown. The values of components are joined by "; ".
Leaves to others: counting by stratum (`measure.report`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salus.measure.arrays import interleaved
from salus.measure.definition import Group, Need, Stratifier
from salus.measure.perpatient import lists_resources, per_patient, whole
from salus.measure.text import readable
from salus.measure.units import Units

SEPARATOR = "; "
UNKNOWN = "unknown"


def strata(group: Group, values: Mapping[Need, pa.Table], units: Units) -> pa.MapArray:
    """For every row a map of stratifier id -> value."""
    size = len(units)
    initial = group.population("initial-population")
    asked_of = (None, initial.expression if initial else None)
    told = {need.define: table for need, table in values.items() if need.over in asked_of}
    columns = [_stratum(stratifier, told, units) for stratifier in group.stratifiers]
    offsets = np.arange(size + 1, dtype=np.int32) * len(columns)
    keys = pa.array([stratifier.id for stratifier in group.stratifiers], pa.string())
    places = np.tile(np.arange(len(columns)), size)
    items = interleaved(columns, size) if columns else pa.nulls(0, pa.string())
    return pa.MapArray.from_arrays(pa.array(offsets), keys.take(pa.array(places)), items)


def of_stratifier(maps: pa.ChunkedArray, stratifier: str) -> pa.Array:
    """Of every row its value for a stratifier, null where it has none. Mostly all rows have one, and none needs to be
    looked up by itself.
    """
    rows = whole(maps)
    mine = pc.equal(rows.keys, stratifier)
    if pc.sum(mine).as_py() == len(rows):
        return rows.items.filter(mine)
    return pc.map_lookup(rows, stratifier, "first")


def components(stratifier: Stratifier, value: str) -> list[tuple[str, str]]:
    """The defines of a stratifier of several components with the value of each, from their joined text; none when
    it has one, or its text cannot be parted.
    """
    parts = value.split(SEPARATOR)
    several = len(stratifier.expressions) > 1 and len(parts) == len(stratifier.expressions)
    return list(zip(stratifier.expressions, parts, strict=True)) if several else []


def _stratum(stratifier: Stratifier, told: Mapping[str, pa.Table], units: Units) -> pa.Array:
    columns = [_text(told[expression], units) for expression in stratifier.expressions]
    if len(columns) == 1:
        return columns[0]
    if not columns:
        return pa.nulls(len(units), pa.string())
    return pc.binary_join_element_wise(*(pc.fill_null(column, UNKNOWN) for column in columns), SEPARATOR)


def _text(table: pa.Table, units: Units) -> pa.Array:
    if "value" in table.column_names and lists_resources(table):
        return readable(_known(units.placed(table)))
    if lists_resources(table):
        return readable(pa.array(units.truth(table, "")))
    return units.spread(readable(_known(per_patient(table, units.size))))


def _known(values: pa.Array) -> pa.Array:
    return pc.fill_null(values, False) if pa.types.is_boolean(values.type) else values
