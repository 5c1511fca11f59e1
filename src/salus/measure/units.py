"""What a measure counts: the units of a group, a row each, and the truth of criteria for each of them.

On patient basis a unit is a patient; on episode basis a resource (an Encounter, a Procedure ...) that the initial
population lists, once for each patient however often it is listed. What the initial population gives decides which:
published measures declare a basis of `boolean` and list encounters (EXM104, EXM105, EXM506), and their published
reports count encounters. A patient without any unit has one row, in no population, under the patient's own id.

Units are told apart by patient, type and id, so one patient's data never reaches another's even where ids repeat.
Unknown is taken as false, and as the empty list (Quality Measure IG, "Measure Population Semantics"); here only.
Leaves to others: which population a unit ends up in (`measure.flow`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.errors import SalusError
from salus.measure.flow import Flags
from salus.measure.perpatient import aligned, lists_resources, text_column, whole

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """A row per unit, in order of patient, type and id.

    `patients`: pid 1..n of each row. `ids`: the resource's id or the patient's. `keys`: what tells resources apart,
    null for a patient without any; None altogether on patient basis.
    """

    patients: Numbers
    ids: pa.Array
    size: int
    keys: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.patients)

    def spread(self, values: pa.Array) -> pa.Array:
        """A value per patient as a value per row."""
        return values if self.keys is None else values.take(pa.array(self.patients - 1))

    def truth(self, table: pa.Table, what: str) -> Flags:
        """Whether a criterion holds for each row: it is true for the patient, or lists the resource.

        On patient basis a list of resources holds when it has any. Raises SalusError, which opens with `what`, when it
        is neither a truth value nor a list of resources.
        """
        if lists_resources(table):
            return self._listed(table)
        flags: Flags = _truth(table, self.size, what)
        return flags if self.keys is None else flags[self.patients - 1]

    def numbers(self, table: pa.Table, what: str) -> pa.Array:
        """The number that an observation gives for each row, as doubles; null where it cannot be told.

        Raises SalusError, which opens with `what`, when it gives no numbers.
        """
        table = pa.table(
            {name: table[name] for name in table.column_names if name != "value"}
            | {"value": _doubles(whole(table["value"]), what)}
        )
        if not lists_resources(table):
            return self.spread(aligned(table, self.size))
        return self.placed(table.filter(pc.is_valid(table["value"])))

    def placed(self, table: pa.Table) -> pa.Array:
        """The value that a function gives for each row; null for a row it was not asked of."""
        places = self._places(table)
        rows = np.full(len(self), -1, dtype=np.int64)
        rows[places[places >= 0]] = np.flatnonzero(places >= 0)
        return whole(table["value"]).take(pa.array(rows, mask=rows < 0))

    def _listed(self, table: pa.Table) -> Flags:
        flags = np.zeros(len(self), dtype=np.bool_)
        places = self._places(table)
        flags[places[places >= 0]] = True
        return flags

    def _places(self, table: pa.Table) -> Numbers:
        """The row of each resource of the table, -1 for one that is no unit."""
        if self.keys is None:
            return np.asarray(table["pid"].to_numpy(), dtype=np.int64) - 1
        found = pc.fill_null(pc.index_in(_keys(table), value_set=self.keys), -1)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def units_of(initial: Sequence[pa.Table], subjects: pa.StringArray) -> Units:
    """The units that the initial populations (more than one in some ratios) give; `subjects` is Patient.id by pid.

    Raises SalusError when some list resources and others do not.
    """
    kinds = {lists_resources(table) for table in initial}
    if len(kinds) > 1:
        raise SalusError("one initial population lists resources and another is a truth value")
    size = len(subjects)
    return _episodes(initial, subjects) if kinds == {True} else Units(np.arange(1, size + 1), subjects, size)


def _episodes(initial: Sequence[pa.Table], subjects: pa.StringArray) -> Units:
    size, rows, keys = len(subjects), *_distinct(pa.concat_tables([_resources(table) for table in initial]))
    patients = rows["pid"].to_numpy()
    has_any = np.zeros(size, dtype=np.bool_)
    has_any[patients - 1] = True
    without = np.flatnonzero(~has_any) + 1
    ids = pa.concat_arrays([whole(rows["id"]), subjects.take(pa.array(without - 1))])
    keys = pa.concat_arrays([keys, pa.nulls(len(without), pa.string())])
    everyone = np.concatenate([patients, without])
    order = np.argsort(everyone, kind="stable")
    return Units(everyone[order], ids.take(pa.array(order)), size, keys.take(pa.array(order)))


def _distinct(listed: pa.Table) -> tuple[pa.Table, pa.Array]:
    """The resources in order of patient, type and id, each once, and their keys."""
    rows = listed.sort_by([("pid", "ascending"), ("type", "ascending"), ("id", "ascending")])
    keys = _keys(rows)
    if not len(keys):
        return rows, keys
    first = pa.concat_arrays([pa.array([True]), pc.not_equal(keys[1:], keys[:-1])])
    return rows.filter(first), keys.filter(first)


def _resources(table: pa.Table) -> pa.Table:
    return pa.table(
        {"pid": table["pid"].cast(pa.int64()), "type": text_column(table, "type"), "id": text_column(table, "id")}
    )


def _keys(table: pa.Table) -> pa.Array:
    pids = whole(table["pid"].cast(pa.string()))
    return pc.binary_join_element_wise(pids, text_column(table, "type"), text_column(table, "id"), "/")


def _truth(table: pa.Table, size: int, what: str) -> Flags:
    try:
        value = aligned(table, size)
    except SalusError:
        raise SalusError(f"{what} must be true or false for a patient, but it is a list of values") from None
    if pa.types.is_null(value.type):
        return np.zeros(size, dtype=np.bool_)
    if not pa.types.is_boolean(value.type):
        found = "text or one resource" if pa.types.is_string(value.type) else value.type
        raise SalusError(f"{what} must be true or false for a patient or a list of resources, but it is {found}")
    flags: Flags = pc.fill_null(value, False).to_numpy(zero_copy_only=False)
    return flags


def _doubles(values: pa.Array, what: str) -> pa.Array:
    """Numbers, or the numbers of quantities, as doubles."""
    kind = values.type
    if pa.types.is_struct(kind) and kind.get_field_index("value") >= 0:
        return _doubles(pc.struct_field(values, "value"), what)
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (numeric or pa.types.is_null(kind)):
        raise SalusError(f"{what} must give a number or a quantity, but it gives {kind}")
    if pa.types.is_decimal(kind):  # by way of text: Arrow's own cast may miss the nearest double (1091.35)
        return values.cast(pa.string()).cast(pa.float64())
    return values.cast(pa.float64())
