"""Determinations and attributes -> cells: how many units of each group count, and how many of those meet the
measure.

DuckDB joins the two parquet files once for all attributes. Leaves to others: rates and comparisons
(`compare`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        raise SalusError(f"{results.attributes} has more than one row for {row[0]} subjects or rows without one")


def _count(con: duckdb.DuckDBPyConnection, results: Results, names: Sequence[str]) -> list[Cell]:
    """All cells, those with nobody in the denominator included."""
    _gather_people(con, results, names)
    _gather_units(con, results, len(names))
    counted = {(c.family, c.value): c for c in _grouped(con, names)}
    values = [(OVERALL, EVERYONE), *_values(con, names, counted.values())]
    query = f"SELECT DISTINCT measure, group_id FROM {_file(results.determinations)} ORDER BY ALL"
    cells = []
    for measure, group_id in con.execute(query).fetchall():
        for attribute, value in values if results.measure(measure).is_rate else ():
            empty = Cell(measure, group_id, attribute, value, 0, 0)
            cells.append(counted.get((empty.family, value), empty))
    return cells


def _gather_people(con: duckdb.DuckDBPyConnection, results: Results, names: Sequence[str]) -> None:
    """Temp table `person(subject_id, a0, a1 ...)`: the groups of each subject, never null, as small integers
    inside.
    """
    columns = ""
    for place, name in enumerate(names):
        value = _known(_name(name))
        distinct = f"SELECT DISTINCT {value} FROM {_file(results.attributes)} UNION SELECT {_text(UNKNOWN)}"
        con.execute(f"CREATE TYPE value{place} AS ENUM ({distinct})")
        columns += f", {value}::value{place} AS a{place}"
    con.execute(f"CREATE TEMP TABLE person AS SELECT subject_id{columns} FROM {_file(results.attributes)}")


def _gather_units(con: duckdb.DuckDBPyConnection, results: Results, attributes: int) -> None:
    """Temp table `unit(measure, group_id, met, a0, a1 ...)`: the determinations that count."""
    file = _file(results.determinations)
    con.execute(f"CREATE TYPE measures AS ENUM (SELECT DISTINCT measure FROM {file})")
    con.execute(f"CREATE TYPE groups AS ENUM (SELECT DISTINCT group_id FROM {file})")
    columns = "".join(f", coalesce(p.a{i}, {_text(UNKNOWN)}) AS a{i}" for i in range(attributes))
    con.execute(
        f"""
        CREATE TEMP TABLE unit AS
        SELECT d.measure::measures AS measure, d.group_id::groups AS group_id,
          coalesce(d.numerator AND NOT coalesce(d.numerator_exclusion, false), false) AS met{columns}
        FROM {file} d LEFT JOIN person p USING (subject_id)
        WHERE d.denominator AND NOT coalesce(d.denominator_exclusion, false)
          AND NOT coalesce(d.denominator_exception, false)
        """
    )


def _grouped(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> list[Cell]:
    """The counted cells, one grouping per attribute: hashing small integers is the cheapest there is."""
    counts = "count(*) FILTER (met), count(*) FROM unit GROUP BY ALL"
    select = "SELECT measure::VARCHAR, group_id::VARCHAR, {}, {}, " + counts
    rows = con.execute(select.format(_text(OVERALL), _text(EVERYONE))).fetchall()
    for place, name in enumerate(names):
        rows += con.execute(select.format(_text(name), f"a{place}::VARCHAR")).fetchall()
    return [Cell(*row) for row in rows]


def _values(con: duckdb.DuckDBPyConnection, names: Sequence[str], counted: Iterable[Cell]) -> list[tuple[str, str]]:
    """Every (attribute, group) there is among the subjects and the units, in reading order."""
    found = {(c.attribute, c.value) for c in counted if c.attribute != OVERALL}
    for place, name in enumerate(names):
        rows = con.execute(f"SELECT DISTINCT a{place}::VARCHAR FROM person").fetchall()
        found |= {(name, value) for (value,) in rows}
    return sorted(found, key=lambda pair: (names.index(pair[0]), sort_key(pair[1])))


def _known(column: str) -> str:
    return f"coalesce(nullif(trim({column}::VARCHAR), ''), {_text(UNKNOWN)})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _file(path: Path) -> str:
    return f"read_parquet({_text(str(path))})"
