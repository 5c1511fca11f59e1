"""The attributes table: who the subjects are, one row per patient.

Joins the attributes Salus works out itself (given by the caller) with the supplemental data that measures ask
for, as text, one `sde_...` column each. Measures that share a supplemental data element share its column when
they say the same; one that says otherwise gets a column of its own.
Leaves to others: Salus's own attributes (`equity.attributes`), text of values (`measure.text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition, SupplementalData
from salus.measure.scoring import aligned
from salus.measure.text import readable

RISK_ADJUSTMENT = "risk-adjustment-factor"
UNKNOWN = "unknown"


def supplemental(measure: MeasureDefinition) -> tuple[SupplementalData, ...]:
    """The elements told as attributes: all but those that are there for risk adjustment alone."""
    return tuple(item for item in measure.supplemental if item.usage != (RISK_ADJUSTMENT,))


def attributes_table(
    subjects: pa.StringArray,
    own: pa.Table | None,
    measures: Sequence[tuple[MeasureDefinition, Mapping[str, pa.Table]]],
) -> pa.Table:
    """`subject_id` and a text column per attribute, in order of `subjects` (Patient.id by pid).

    `own` has a `subject_id` and any text columns; `measures` pairs each measure with its values by define.
    What is not known is the text "unknown", a group like any other.
    """
    columns: dict[str, pa.Array] = {"subject_id": subjects}
    if own is not None:
        columns |= _joined(subjects, own)
    for measure, values in measures:
        for item in supplemental(measure):
            _place(columns, _name(item), measure.name, _text(values[item.expression], len(subjects)))
    return pa.table({name: pc.fill_null(column, UNKNOWN) for name, column in columns.items()})


def _joined(subjects: pa.StringArray, own: pa.Table) -> Iterator[tuple[str, pa.Array]]:
    """The columns of `own`, a row for each subject (null where `own` has none)."""
    ids = own["subject_id"].combine_chunks()
    if len(pc.unique(ids)) != len(ids):
        raise SalusError("the attributes hold a subject more than once")
    rows = pc.index_in(subjects, value_set=ids)
    names = [name for name in own.column_names if name != "subject_id"]
    return ((name, own[name].combine_chunks().cast(pa.string()).take(rows)) for name in names)


def _place(columns: dict[str, pa.Array], name: str, measure: str, text: pa.Array) -> None:
    if name in columns and not columns[name].equals(text):
        name = f"{name}__{measure}"
    columns[name] = text


def _name(item: SupplementalData) -> str:
    words = re.sub(r"[^0-9a-z]+", "_", (item.id or item.expression).lower()).strip("_")
    return words if words.startswith("sde_") else f"sde_{words}"


def _text(table: pa.Table, size: int) -> pa.Array:
    """A define's value per patient as text; of a list of resources, their references."""
    if "value" in table.column_names:
        return readable(aligned(table, size))
    references = pc.binary_join_element_wise(table["type"], table["id"], "/")
    grouped = pa.table({"pid": table["pid"], "value": references}).group_by("pid").aggregate([("value", "list")])
    return readable(aligned(grouped.rename_columns({"value_list": "value"}), size))
