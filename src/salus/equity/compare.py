"""A tally -> the equity table: every measure's rate in every group, and each group against a reference.

Intervals are taken on whole columns at once. Leaves to others: who the subjects are (`attributes`), counting
(`counting`), the arithmetic (`intervals`), what may be shown (`publish`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from salus.equity import counting, families, intervals, multiple
from salus.equity.adjusted import ADJUSTED, adjusted, standard_attributes
from salus.equity.counting import Crossing, Units
from salus.equity.estimate import MINIMUM
from salus.equity.families import Families
from salus.equity.results import Results
from salus.equity.tally import Bools, Tally, Whole
from salus.errors import UsageError
from salus.files import write_atomically

_FLOAT, _TEXT = pa.float64(), pa.string()
SCHEMA = pa.schema(
    [
        ("measure", _TEXT),
        ("group_id", _TEXT),
        ("attribute", _TEXT),
        ("value", _TEXT),
        ("numerator", pa.int64()),
        ("denominator", pa.int64()),
        ("rate", _FLOAT),
        ("low", _FLOAT),
        ("high", _FLOAT),
        ("reliability", _TEXT),
        ("reference", _TEXT),
        ("difference", _FLOAT),
        ("difference_low", _FLOAT),
        ("difference_high", _FLOAT),
        ("ratio", _FLOAT),
        ("ratio_low", _FLOAT),
        ("ratio_high", _FLOAT),
        ("p", _FLOAT),
        ("q", _FLOAT),
        ("verdict", _TEXT),
        ("people", _FLOAT),
        ("people_low", _FLOAT),
        ("people_high", _FLOAT),
        ("missing_share", _FLOAT),
        ("improvement", _TEXT),
        ("level", _FLOAT),
        ("method", _TEXT),
        ("pooled", _FLOAT),
        ("pooled_low", _FLOAT),
        ("pooled_high", _FLOAT),
        ("signal", _FLOAT),
        ("bound_low", _FLOAT),
        ("bound_high", _FLOAT),
        ("adjusted", _FLOAT),
        ("adjusted_low", _FLOAT),
        ("adjusted_high", _FLOAT),
        ("adjusted_support", _FLOAT),
        ("adjusted_by", _TEXT),
        ("design_effect", _FLOAT),
    ]
)
"""Columns of the equity table; docs/attributes.md says what each means."""
COUNTED = "is what is counted"
"""The verdict of groups of an attribute that the measure counts itself: they differ by definition."""
METHOD = "wilson; newcombe-10; koopman; score and exact test"
"""Of as many people as say as much where units are several of one person (`Tally.effective`)."""

Columns = dict[str, Any]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Settings:
    """How groups are compared.

    `references` maps an attribute to the group to compare with (default: the largest known group of each
    measure). `minimum` is the smallest denominator that says something. `control` turns false-discovery
    control on. `standard` are the attributes that adjusted differences hold equal (default: age and sex, where there).
    """

    level: float = 0.95
    minimum: int = MINIMUM
    references: Mapping[str, str] = field(default_factory=dict)
    control: bool = True
    standard: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """UsageError: a level that is none, a minimum below one."""
        if not 0.0 < self.level < 1.0:
            raise UsageError(f"the confidence level lies between 0 and 1 (say 0.95), not at {self.level}")
        if self.minimum < 1:
            raise UsageError(f"the smallest denominator that says something is at least 1, not {self.minimum}")


def equity_table(
    results: Results,
    by: Sequence[str] = (),
    settings: Settings | None = None,
    crossings: Sequence[Crossing] = (),
) -> pa.Table:
    """The equity table of a results folder, by the attributes named (default: all of them) and the crossings.

    One row per measure, measure group, attribute and group (SCHEMA), with an "overall"/"everyone" row for
    each measure group. Where nobody counts the denominator is 0 and there is no rate. `people` is how many
    more units of the group would have had the better outcome at the reference's rate (negative: it does
    better than the reference). UsageError: an attribute or a reference group that does not exist.
    """
    settings = settings or Settings()
    crossed = [name for crossing in crossings for name in crossing]
    units = counting.read_units(results, by, [*crossed, *standard_of(results, settings)])
    return compared(counting.tally(units, by, crossings), results, settings, units)


def standard_of(results: Results, settings: Settings) -> tuple[str, ...]:
    """The attributes that adjusted differences hold equal."""
    return standard_attributes(counting.attribute_names(results), settings.standard)


def compared(tally: Tally, results: Results, settings: Settings, units: Units | None = None) -> pa.Table:
    """The equity table of cells that were counted; with adjusted differences where their units are given."""
    found = families.by_attribute(tally)
    _check_references(found, settings)
    references = _references(found, tally, settings)
    columns = _rates(tally, settings)
    counted = _counted(tally, results)
    columns |= _gaps(tally, references, counted, settings)
    columns |= _people(columns, _signs(tally, results))
    columns |= families.borrowed(found, tally.effects, settings.level)
    columns |= families.bounds(found, references)
    columns |= _names(found, tally, references, results, settings)
    columns |= _adjusted(tally, references, columns, results, settings, units)
    verdicts = _verdicts(columns, references, _signs(tally, results), settings)
    columns["verdict"] = _said(counted & (tally.n > 0), COUNTED, verdicts)
    return pa.table([_column(columns[f.name], f.type) for f in SCHEMA], schema=SCHEMA)


def write_table(table: pa.Table, folder: Path, name: str = "equity") -> tuple[Path, Path]:
    """Write equity.parquet and equity.csv (or of another name) into `folder`; each file is there whole, or as it was
    before."""
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    write_atomically(parquet, lambda path: pq.write_table(table, path))
    write_atomically(csv, lambda path: pyarrow.csv.write_csv(table, path))
    return parquet, csv


def _check_references(found: Sequence[Families], settings: Settings) -> None:
    values = {of.attribute: of.values for of in found}
    for attribute, wanted in settings.references.items():
        if found and wanted not in values.get(attribute, ()):
            listed = ", ".join(values.get(attribute, ())) or "none, the attribute is not compared"
            raise UsageError(f"no group {wanted!r} in {attribute}; there are: {listed}")


def _references(found: Sequence[Families], tally: Tally, settings: Settings) -> Whole:
    """The column each cell is compared with, -1 for none: shape (rows, columns)."""
    references = np.full(tally.n.shape, -1, dtype=np.int64)
    for of in found:
        chosen = families.largest(of, settings.references.get(of.attribute))
        references[:, of.columns] = np.where(chosen < 0, -1, chosen + of.columns.start)[:, None]
    return references


def _counted(tally: Tally, results: Results) -> Bools:
    """Which cells are of an attribute that their measure counts itself: shape (rows, columns)."""
    infos = [results.measure(measure) for measure, _ in tally.rows]
    found = np.zeros(tally.n.shape, dtype=np.bool_)
    for attribute, where in tally.attributes.items():
        found[:, where] = np.array([info.counts(attribute) for info in infos], dtype=np.bool_)[:, None]
    return found


def _adjusted(
    tally: Tally, references: Whole, columns: Columns, results: Results, settings: Settings, units: Units | None
) -> Columns:
    """Standardised differences where there is enough to compare; none where the measure counts what is held equal."""
    shape = tally.n.shape
    if units is None:
        return dict.fromkeys(ADJUSTED, np.full(shape, np.nan)) | {"adjusted_by": _by_row([None] * shape[0], shape)}
    by = standard_attributes(list(units.values), settings.standard)
    found = adjusted(units, tally, references, by, settings.level)
    counted = [any(map(results.measure(measure).counts, by)) for measure, _ in tally.rows]
    blank = np.isnan(columns["p"]) | np.array(counted, dtype=np.bool_)[:, None]
    said = {name: np.where(blank, np.nan, values) for name, values in found.items()}
    names = [", ".join(name for name in by if name != attribute) for attribute, _ in tally.columns]
    known = ~np.isnan(said["adjusted"])
    return said | {"adjusted_by": _said(known, np.broadcast_to(np.array(names, dtype=object), shape), None)}


def _names(found: Sequence[Families], tally: Tally, references: Whole, results: Results, settings: Settings) -> Columns:
    shape = tally.n.shape
    missing = np.zeros(shape)
    missing[tally.n[:, 0] == 0] = np.nan
    for of in found:
        missing[:, of.columns] = families.missing(of)[:, None]
    values = np.array([value for _, value in tally.columns] + [None], dtype=object)
    improvement = [results.measure(*row).improvement or None for row in tally.rows]
    return {
        "measure": _by_row([measure for measure, _ in tally.rows], shape),
        "group_id": _by_row([group for _, group in tally.rows], shape),
        "attribute": np.broadcast_to(np.array([name for name, _ in tally.columns], dtype=object), shape),
        "value": np.broadcast_to(values[:-1], shape),
        "reference": values[references],
        "missing_share": missing,
        "improvement": _by_row(improvement, shape),
        "level": np.full(shape, settings.level),
        "method": _by_row([METHOD + ("; benjamini-hochberg" if settings.control else "")] * shape[0], shape),
    }


def _by_row(values: Sequence[str | None], shape: tuple[int, ...]) -> Texts:
    return np.broadcast_to(np.array(values, dtype=object).reshape(-1, 1), shape)


def _rates(tally: Tally, settings: Settings) -> Columns:
    x, n = tally.x, tally.n
    low, high = intervals.wilson(*tally.effective, settings.level)
    states = _said(n == 0, "empty", _said(n < settings.minimum, "too few", "reliable"))
    return {"numerator": x, "denominator": n, "rate": intervals.rate(x, n), "low": low, "high": high} | {
        "reliability": states,
        "design_effect": np.where(n > 0, tally.effects, np.nan),
    }


def _gaps(tally: Tally, references: Whole, counted: Bools, settings: Settings) -> Columns:
    """Difference, ratio, p and q of every group that is not its own reference; nan elsewhere. What the measure counts
    itself is not tested, and so takes no part in the control of false discoveries."""
    own = (references < 0) | (references == np.arange(len(tally.columns)))
    x1, n1 = tally.effective
    x0, n0, counted0 = (np.take_along_axis(part, np.maximum(references, 0), axis=1) for part in (x1, n1, tally.n))
    blank, enough = np.where(own, np.nan, 0.0), np.minimum(tally.n, counted0) >= settings.minimum
    difference_low, difference_high = intervals.difference(x1, n1, x0, n0, settings.level)
    ratio_low, ratio_high = intervals.ratio(x1, n1, x0, n0, settings.level)
    p1, p0 = intervals.rate(x1, n1), intervals.rate(x0, n0)
    p = np.where(enough & ~own & ~counted, intervals.equal_p(x1, n1, x0, n0), np.nan)
    return {
        "difference": p1 - p0 + blank,
        "difference_low": difference_low + blank,
        "difference_high": difference_high + blank,
        "ratio": intervals.quotient(p1, p0) + blank,
        "ratio_low": ratio_low + blank,
        "ratio_high": ratio_high + blank,
        "p": p,
        "q": multiple.benjamini_hochberg(p) if settings.control else p,
    }


def _people(columns: Columns, sign: intervals.Floats) -> Columns:
    """How many units each gap is about, signed so that positive means the reference does better."""
    tested = np.where(np.isnan(columns["p"]), np.nan, 1.0)
    n = columns["denominator"] * tested
    ends = [-sign * n * columns["difference_low"], -sign * n * columns["difference_high"]]
    return {
        "people": -sign * n * columns["difference"] + 0.0,
        "people_low": np.minimum(*ends),
        "people_high": np.maximum(*ends),
    }


def _signs(tally: Tally, results: Results) -> intervals.Floats:
    """1 where a higher rate is better, -1 where a lower one is, nan where the measure does not say: (rows, 1)."""
    signs = {"increase": 1.0, "decrease": -1.0}
    known = [signs.get(results.measure(*row).improvement, np.nan) for row in tally.rows]
    return np.array(known, dtype=np.float64).reshape(-1, 1)


def _verdicts(columns: Columns, references: Whole, sign: intervals.Floats, settings: Settings) -> Texts:
    """One word or phrase per cell; "worse" and "better" are claimed only at the false discovery rate 1 - level."""
    state, difference = columns["reliability"], columns["difference"]
    own = references == np.arange(references.shape[1])
    with np.errstate(invalid="ignore"):
        doubtful = ~(columns["q"] < 1.0 - settings.level) | (difference == 0)
        up, good = difference > 0, difference * sign > 0
    claims = _said(np.isnan(sign), _said(up, "higher", "lower"), _said(good, "better", "worse"))
    claims = _said(doubtful, "no clear difference", claims)
    claims = _said(np.isnan(columns["p"]), "too few to say", claims)
    claims = _said(own, "reference", _said(references < 0, "not compared", claims))
    return _said(state == "empty", "no one", _said(state == "too few", "too few to say", claims))


def _said(where: npt.NDArray[np.bool_], then: Any, otherwise: Any) -> Texts:
    """Texts chosen cell by cell."""
    parts = (text if isinstance(text, np.ndarray) else np.array(text, dtype=object) for text in (then, otherwise))
    return np.asarray(np.where(where, *parts), dtype=object)


def _column(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    flat = np.ascontiguousarray(values).ravel()
    if flat.dtype == np.float64:
        return pa.array(flat, type=kind, mask=np.isnan(flat))
    return pa.array(flat, type=kind)
