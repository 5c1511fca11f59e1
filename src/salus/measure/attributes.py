"""The attributes table: who the subjects are, one row per patient; and the data that scores are risk-adjusted by.

Joins the attributes Salus works out itself (given by the caller) with the supplemental data that measures ask
for, as text, one `sde_...` column each. Measures that share a supplemental data element share its column when
they say the same; one that says otherwise gets a column of its own. Risk adjustment data are clinical, often many and
different for everyone: they are no attributes to compare groups by and have a table of their own.
Leaves to others: Salus's own attributes (`equity.attributes`), text of values (`measure.text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from salus.cql.diagnostics import did_you_mean
from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition, Need, SupplementalData
from salus.measure.perpatient import text_per_patient

RISK_ADJUSTMENT: Final = "risk-adjustment-factor"
UNKNOWN: Final = "unknown"
RISK_SCHEMA: Final = pa.schema(
    [pa.field(name, pa.string(), nullable=False) for name in ("measure", "element", "subject_id", "value")]
)
"""Risk adjustment data: a row per measure, element and subject for whom it says something."""

Values = Mapping[Need, pa.Table]


def supplemental(measure: MeasureDefinition) -> tuple[SupplementalData, ...]:
    """The elements told as attributes: all but those that are there for risk adjustment alone."""
    return tuple(item for item in measure.supplemental if item.usage != (RISK_ADJUSTMENT,))


def risk_adjustment(measure: MeasureDefinition) -> tuple[SupplementalData, ...]:
    """The elements for risk adjustment (Quality Measure IG, conformance requirement 3.18)."""
    return tuple(item for item in measure.supplemental if RISK_ADJUSTMENT in item.usage)


def attributes_table(
    subjects: pa.StringArray,
    own: pa.Table | None,
    measures: Sequence[tuple[MeasureDefinition, Values]],
) -> pa.Table:
    """`subject_id` and a text column per attribute, in order of `subjects` (Patient.id by pid).

    `own` has a `subject_id` and any text columns; `measures` pairs each measure with its values.
    What is not known is the text "unknown", a group like any other.
    """
    columns: dict[str, pa.Array] = {"subject_id": subjects}
    if own is not None:
        columns |= _joined(subjects, own)
    for measure, values in measures:
        for item in supplemental(measure):
            if Need(item.expression) not in values:
                continue  # could not be evaluated: the run's warnings say so
            text = text_per_patient(values[Need(item.expression)], len(subjects))
            _place(columns, _name(item), measure.name, text)
    return pa.table({name: pc.fill_null(column, UNKNOWN) for name, column in columns.items()})


def absent(measures: Iterable[MeasureDefinition], table: pa.Table) -> Iterator[str]:
    """A note on every attribute that a measure says it counts itself and the attributes table does not have."""
    there = [name for name in table.column_names if name != "subject_id"]
    for measure in measures:
        for name in measure.not_by:
            if name not in there:
                said = f"{measure.name}, not_by: {name} is no attribute of these results"
                yield f"{said}; {did_you_mean(name, there)}".rstrip("; ")


def risk_tables(subjects: pa.StringArray, measure: MeasureDefinition, values: Values) -> Iterator[pa.Table]:
    """The risk adjustment data of a measure, a table of RISK_SCHEMA per element, in order of `subjects`."""
    for item in risk_adjustment(measure):
        if Need(item.expression) not in values:
            continue
        text = text_per_patient(values[Need(item.expression)], len(subjects))
        said = pc.is_valid(text)
        named = [pa.repeat(pa.scalar(each, pa.string()), pc.sum(said).as_py() or 0) for each in (measure.name, item.id)]
        yield pa.Table.from_arrays([*named, subjects.filter(said), text.filter(said)], schema=RISK_SCHEMA)


def _joined(subjects: pa.StringArray, own: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    """The columns of `own`, a row for each subject (null where `own` has none)."""
    ids = own["subject_id"].combine_chunks()
    columns = (
        (name, own[name].combine_chunks().cast(pa.string())) for name in own.column_names if name != "subject_id"
    )
    if ids.equals(subjects):  # as they come from the same patients in the same order
        return columns
    if len(pc.unique(ids)) != len(ids):
        raise SalusError("the attributes hold a subject more than once")
    rows = pc.index_in(subjects, value_set=ids)
    return ((name, column.take(rows)) for name, column in columns)


def _place(columns: dict[str, pa.Array], name: str, measure: str, text: pa.Array) -> None:
    if name in columns and not columns[name].equals(text):
        name = f"{name}__{measure}"
    columns[name] = text


def _name(item: SupplementalData) -> str:
    words = re.sub(r"[^0-9a-z]+", "_", (item.id or item.expression).lower()).strip("_")
    return words if words.startswith("sde_") else f"sde_{words}"
