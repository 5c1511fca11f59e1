"""Cells -> the equity table: every measure's rate in every group, and each group against a reference.

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

from salus.equity import families, intervals, multiple
from salus.equity.counting import OVERALL, Cell, Crossing, count_cells
from salus.equity.estimate import MINIMUM, reliability
from salus.equity.results import Results
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
    ]
)
"""Columns of the equity table; docs/attributes.md says what each means."""
METHOD = "wilson; newcombe-10; koopman; score test"

Bools = npt.NDArray[np.bool_]
Columns = dict[str, Any]
Family = tuple[str, str, str]


@dataclass(frozen=True)
class Settings:
    """How groups are compared.

    `references` maps an attribute to the group to compare with (default: the largest known group of each
    measure). `minimum` is the smallest denominator that says something. `control` turns false-discovery
    control on.
    """

    level: float = 0.95
    minimum: int = MINIMUM
    references: Mapping[str, str] = field(default_factory=dict)
    control: bool = True

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
    return compared(count_cells(results, by, crossings), results, settings or Settings())


def compared(cells: Sequence[Cell], results: Results, settings: Settings) -> pa.Table:
    """The equity table of cells that were counted."""
    _check_references(cells, settings)
    return _estimated(cells, results, settings)


def write_table(table: pa.Table, folder: Path, name: str = "equity") -> tuple[Path, Path]:
    """Write equity.parquet and equity.csv (or of another name) into `folder`; each file is there whole, or as it was
    before."""
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    write_atomically(parquet, lambda path: pq.write_table(table, path))
    write_atomically(csv, lambda path: pyarrow.csv.write_csv(table, path))
    return parquet, csv


def _check_references(cells: Sequence[Cell], settings: Settings) -> None:
    for attribute, wanted in settings.references.items():
        values = dict.fromkeys(c.value for c in cells if c.attribute == attribute)
        if cells and wanted not in values:
            listed = ", ".join(values) or "none, the attribute is not compared"
            raise UsageError(f"no group {wanted!r} in {attribute}; there are: {listed}")


def _references(cells: Sequence[Cell], settings: Settings) -> dict[Family, Cell]:
    """The cell each family compares with: the one asked for, else its largest known group with anybody in."""
    best: dict[Family, Cell] = {}
    for cell in cells:
        known = best.get(cell.family)
        if _eligible(cell, settings.references.get(cell.attribute)) and (known is None or cell.n > known.n):
            best[cell.family] = cell
    return best


def _eligible(cell: Cell, wanted: str | None) -> bool:
    if wanted is not None:
        return cell.value == wanted
    return cell.attribute != OVERALL and cell.known and cell.n > 0


def _estimated(cells: Sequence[Cell], results: Results, settings: Settings) -> pa.Table:
    references = _references(cells, settings)
    others = [references.get(cell.family) for cell in cells]
    columns = _names(cells, others, results, settings) | _rates(cells, settings)
    columns |= _gaps(cells, others, settings)
    columns |= _people(columns)
    attributes = families.by_attribute(cells)
    columns |= families.borrowed(cells, attributes, settings.level)
    columns |= families.bounds(cells, attributes, _places(cells, others))
    columns["verdict"] = _verdicts(columns, settings)
    return pa.table([_column(columns[f.name], f.type) for f in SCHEMA], schema=SCHEMA)


def _places(cells: Sequence[Cell], others: Sequence[Cell | None]) -> dict[int, int]:
    """The place of each cell's reference."""
    place = {(cell.family, cell.value): i for i, cell in enumerate(cells)}
    return {i: place[other.family, other.value] for i, other in enumerate(others) if other is not None}


def _names(cells: Sequence[Cell], others: Sequence[Cell | None], results: Results, settings: Settings) -> Columns:
    missing = _missing_shares(cells)
    return {
        "measure": [c.measure for c in cells],
        "group_id": [c.group_id for c in cells],
        "attribute": [c.attribute for c in cells],
        "value": [c.value for c in cells],
        "reference": [None if o is None else o.value for o in others],
        "missing_share": np.array([missing[c.family] for c in cells], dtype=np.float64),
        "improvement": [results.measure(c.measure).improvement or None for c in cells],
        "level": [settings.level] * len(cells),
        "method": [METHOD + ("; benjamini-hochberg" if settings.control else "")] * len(cells),
    }


def _missing_shares(cells: Sequence[Cell]) -> dict[Family, float]:
    """Share of each family's units whose group is unknown or declined."""
    total: dict[Family, int] = {}
    gone: dict[Family, int] = {}
    for cell in cells:
        total[cell.family] = total.get(cell.family, 0) + cell.n
        gone[cell.family] = gone.get(cell.family, 0) + (0 if cell.known else cell.n)
    return {key: gone[key] / n if n else np.nan for key, n in total.items()}


def _rates(cells: Sequence[Cell], settings: Settings) -> Columns:
    x, n = [c.x for c in cells], [c.n for c in cells]
    low, high = intervals.wilson(x, n, settings.level)
    states = [reliability(c.n, settings.minimum) for c in cells]
    return {"numerator": x, "denominator": n, "rate": intervals.rate(x, n), "low": low, "high": high} | {
        "reliability": states
    }


def _gaps(cells: Sequence[Cell], others: Sequence[Cell | None], settings: Settings) -> Columns:
    """Difference, ratio, p and q of every group that is not its own reference; nan elsewhere."""
    own = np.array([o is None or o.value == c.value for c, o in zip(cells, others, strict=True)], dtype=bool)
    blank = np.where(own, np.nan, 0.0)
    x1, n1 = np.array([c.x for c in cells]), np.array([c.n for c in cells])
    x0, n0 = (np.array([0 if o is None else getattr(o, k) for o in others], dtype=np.int64) for k in "xn")
    difference_low, difference_high = intervals.difference(x1, n1, x0, n0, settings.level)
    ratio_low, ratio_high = intervals.ratio(x1, n1, x0, n0, settings.level)
    p1, p0 = intervals.rate(x1, n1), intervals.rate(x0, n0)
    enough = np.minimum(n1, n0) >= settings.minimum
    p = np.where(enough & ~own, intervals.score_p(x1, n1, x0, n0), np.nan)
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


def _people(columns: Columns) -> Columns:
    """How many units each gap is about, signed so that positive means the reference does better."""
    sign = _sign(columns)
    tested = np.where(np.isnan(columns["p"]), np.nan, 1.0)
    n = np.array(columns["denominator"], dtype=np.float64) * tested
    ends = [-sign * n * columns["difference_low"], -sign * n * columns["difference_high"]]
    return {
        "people": -sign * n * columns["difference"] + 0.0,
        "people_low": np.minimum(*ends),
        "people_high": np.maximum(*ends),
    }


def _sign(columns: Columns) -> intervals.Floats:
    """1 where a higher rate is better, -1 where a lower one is, nan where the measure does not say."""
    signs = {"increase": 1.0, "decrease": -1.0}
    return np.array([signs.get(i or "", np.nan) for i in columns["improvement"]], dtype=np.float64)


def _verdicts(columns: Columns, settings: Settings) -> list[str]:
    """One word or phrase per row; "worse" and "better" are claimed only at the false discovery rate 1 -
    level.
    """
    credible = columns["q"] < 1.0 - settings.level
    direction = np.sign(columns["difference"])
    facts = zip(
        columns["value"], columns["reference"], columns["reliability"], columns["p"], credible,
        direction, _sign(columns), strict=True,
    )  # fmt: skip
    return [_verdict(*fact) for fact in facts]


def _verdict(
    value: str, reference: str | None, state: str, p: float, credible: bool, direction: float, sign: float
) -> str:
    if state == "empty":
        return "no one"
    if state == "too few":
        return "too few to say"
    if reference is None or value == reference:
        return "not compared" if reference is None else "reference"
    if np.isnan(p):
        return "too few to say"
    if not credible or direction == 0:
        return "no clear difference"
    if np.isnan(sign):
        return "higher" if direction > 0 else "lower"
    return "better" if direction * sign > 0 else "worse"


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, np.ndarray):
        return pa.array(values, type=kind, mask=np.isnan(values))
    return pa.array(values, type=kind)
