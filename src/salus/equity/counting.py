"""Determinations and attributes -> cells: how many units of each group count, and how many of those meet the
measure.

DuckDB reads the parquet files once for all attributes. Leaves to others: rates and comparisons (`compare`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from salus.equity.results import Results
from salus.errors import SalusError, UsageError

OVERALL, EVERYONE = "overall", "everyone"
UNKNOWN, DECLINED = "unknown", "declined"
NOT_KNOWN = (UNKNOWN, DECLINED)
"""Groups that stand for a missing attribute: always shown, never the reference."""


@dataclass(frozen=True)
class Cell:
    """The units of one group in one measure: x in the numerator, n in the denominator."""

    measure: str
    group_id: str
    attribute: str
    value: str
    x: int
    n: int

    @property
    def family(self) -> tuple[str, str, str]:
        """The cells that partition the same units: measure, group, attribute."""
        return self.measure, self.group_id, self.attribute


def count_cells(results: Results, by: Sequence[str] = ()) -> list[Cell]:
    """All cells of a results folder by the attributes named (default: all), in the order they are to be read.

    Every group there is among the subjects has a cell in every measure, also where nobody counts (n = 0), and
    each measure group has its "overall"/"everyone" cell. What counts is denominator and neither exclusion nor
    exception. A subject without a row in attributes.parquet, a null and an empty text are "unknown". Measures
    whose scoring is not a proportion are left out. UsageError: an attribute that is not there.
    """
    with duckdb.connect() as con:
        names = _chosen(_known_attributes(con, results), by)
        _check_subjects(con, results)
        return _count(con, results, names)


def sort_key(value: str) -> tuple[int, str]:
    """Known groups first, then "declined", then "unknown"; by name within."""
    return (0, value) if value not in NOT_KNOWN else (1 if value == DECLINED else 2, value)


def _known_attributes(con: duckdb.DuckDBPyConnection, results: Results) -> list[str]:
    columns = con.execute(f"DESCRIBE SELECT * FROM {_file(results.attributes)}").fetchall()
    return [str(row[0]) for row in columns if row[0] != "subject_id"]


def _chosen(known: Sequence[str], by: Sequence[str]) -> list[str]:
    strange = [name for name in by if name not in known]
    if strange:
        raise UsageError(f"no attribute {', '.join(strange)}; there are: {', '.join(known) or 'none'}")
    return list(dict.fromkeys(by)) if by else list(known)


def _check_subjects(con: duckdb.DuckDBPyConnection, results: Results) -> None:
    query = f"SELECT count(*) - count(DISTINCT subject_id) FROM {_file(results.attributes)}"
    row = con.execute(query).fetchone()
    if row and row[0]:
        raise SalusError(
            f"{results.attributes} has more than one row for {row[0]} subjects or rows without one"
        )


def _count(con: duckdb.DuckDBPyConnection, results: Results, names: Sequence[str]) -> list[Cell]:
    """All cells, those with nobody in the denominator included."""
    _gather_units(con, results, names)
    counted = {(c.family, c.value): c for c in _grouped(con, names)}
    groups = con.execute("SELECT DISTINCT measure, group_id FROM unit ORDER BY ALL").fetchall()
    values = [(OVERALL, EVERYONE), *_values(con, results, names)]
    cells = []
    for measure, group_id in groups:
        if not results.measure(measure).is_rate:
            continue
        for attribute, value in values:
            empty = Cell(measure, group_id, attribute, value, 0, 0)
            cells.append(counted.get((empty.family, value), empty))
    return cells


def _gather_units(con: duckdb.DuckDBPyConnection, results: Results, names: Sequence[str]) -> None:
    """Temp table `unit`: what counts of each determination, with the subject's groups (never null)."""
    attributes = "".join(f", {_known('a.' + _name(name))} AS {_name(name)}" for name in names)
    con.execute(
        f"""
        CREATE TEMP TABLE unit AS
        SELECT d.measure, d.group_id,
          coalesce(d.denominator, false) AND NOT coalesce(d.denominator_exclusion, false)
            AND NOT coalesce(d.denominator_exception, false) AS counts,
          counts AND coalesce(d.numerator, false) AND NOT coalesce(d.numerator_exclusion, false) AS met
          {attributes}
        FROM {_file(results.determinations)} d LEFT JOIN {_file(results.attributes)} a USING (subject_id)
        """
    )


def _grouped(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> list[Cell]:
    """The counted cells: each attribute is a grouping set, so that the units are read once."""
    sets = ", ".join(["(measure, group_id)", *(f"(measure, group_id, {_name(n)})" for n in names)])
    which = "".join(f" WHEN {_name(n)} IS NOT NULL THEN {_text(n)}" for n in names)
    attribute = f"CASE{which} ELSE {_text(OVERALL)} END" if names else _text(OVERALL)
    value = ", ".join([*map(_name, names), _text(EVERYONE)])
    rows = con.execute(
        f"""
        SELECT measure, group_id, {attribute}, coalesce({value}), count(*) FILTER (met), count(*)
        FROM unit WHERE counts GROUP BY GROUPING SETS ({sets})
        """
    ).fetchall()
    return [Cell(*row) for row in rows]


def _values(con: duckdb.DuckDBPyConnection, results: Results, names: Sequence[str]) -> list[tuple[str, str]]:
    """Every (attribute, group) there is among the subjects and units, in reading order."""
    found: list[tuple[str, str]] = []
    for name in names:
        query = f"""
            SELECT {_known(_name(name))} FROM {_file(results.attributes)}
            UNION SELECT {_name(name)} FROM unit
        """
        values = [str(row[0]) for row in con.execute(query).fetchall()]
        found += [(name, value) for value in sorted(values, key=sort_key)]
    return found


def _known(column: str) -> str:
    return f"coalesce(nullif(trim({column}::VARCHAR), ''), {_text(UNKNOWN)})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _file(path: Path) -> str:
    return f"read_parquet({_text(str(path))})"
