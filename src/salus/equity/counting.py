"""Determinations and attributes -> cells: how many units of each group count, and how many of those meet the
measure.

DuckDB joins the two parquet files once for all attributes. Leaves to others: rates and comparisons
(`compare`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import duckdb

from salus.equity.results import Results
from salus.errors import SalusError, UsageError

OVERALL, EVERYONE = "overall", "everyone"
UNKNOWN, DECLINED = "unknown", "declined"
NOT_KNOWN = (UNKNOWN, DECLINED)
"""Groups that stand for a missing attribute: always shown, never the reference."""
ZIP = "zip"
"""The attribute by which a table of areas is joined."""
CROSS = " × "
"""Stands between the attributes, and between the groups, of a crossing."""


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

    @property
    def known(self) -> bool:
        """Whether it is known who these are: no part is "unknown" or "declined"."""
        return not any(part in NOT_KNOWN for part in self.value.split(CROSS))


Crossing = tuple[str, ...]
_LARGEST_BLOCK = 20_000
"""Crossings of groups a block of attributes may have: far fewer rows than units, once for each measure."""


def count_cells(results: Results, by: Sequence[str] = (), crossings: Sequence[Crossing] = ()) -> list[Cell]:
    """All cells of a results folder by the attributes named (default: all), in the order they are to be read.

    `crossings` are sets of attributes to be taken together, after the single ones: the attribute of such a cell is
    "race × sex", its value "White × Female"; crossings nobody is in have no cell.

    Every group there is among the subjects has a cell in every measure, also where nobody counts (n = 0), and
    each measure group has its "overall"/"everyone" cell. What counts is denominator and neither exclusion nor
    exception. A subject without a row in attributes.parquet, a null and an empty text are "unknown". Measures
    whose scoring is not a proportion are left out. UsageError: an attribute that is not there.
    """
    with duckdb.connect() as con:
        _gather_attributes(con, results)
        known = _known_attributes(con)
        alone = _chosen(known, by)
        _chosen(known, [name for crossing in crossings for name in crossing])
        _check_subjects(con, results)
        return _count(con, results, [*((name,) for name in alone), *dict.fromkeys(crossings)])


def attribute_names(results: Results) -> list[str]:
    """The attributes of a results folder, those of its table of areas last."""
    with duckdb.connect() as con:
        _gather_attributes(con, results)
        return _known_attributes(con)


def sort_key(value: str) -> list[tuple[int, str]]:
    """Known groups first, then "declined", then "unknown"; by name within; crossings part by part."""
    return [(NOT_KNOWN[::-1].index(part) + 1 if part in NOT_KNOWN else 0, part) for part in value.split(CROSS)]


def _gather_attributes(con: duckdb.DuckDBPyConnection, results: Results) -> None:
    """View `attributes`: attributes.parquet, with the columns of the table of areas where there is one."""
    file = _file(results.attributes)
    if results.areas is None:
        con.execute(f"CREATE TEMP VIEW attributes AS SELECT * FROM {file}")
        return
    names = _area_columns(
        con, results.areas, [str(r[0]) for r in con.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()]
    )
    columns = "".join(f", area.{_name(name)}" for name in names)
    con.execute(
        f"CREATE TEMP VIEW attributes AS SELECT person.*{columns} FROM {file} person "
        f"LEFT JOIN area ON person.zip = area.{_name(ZIP)}"
    )


def _area_columns(con: duckdb.DuckDBPyConnection, table: Path, taken: Sequence[str]) -> list[str]:
    """Temp table `area` of a CSV or Parquet file with a column `zip`, one row each; its other columns."""
    if ZIP not in taken:
        raise UsageError(f"the attributes have no column {ZIP} to join {table} by")
    if not table.is_file():
        raise UsageError(f"there is no table of areas {table}")
    read = _file(table) if table.suffix == ".parquet" else f"read_csv({_text(str(table))}, all_varchar = true)"
    try:
        con.execute(f"CREATE TEMP TABLE area AS SELECT * FROM {read}")
    except duckdb.Error as problem:
        raise SalusError(f"{table} cannot be read as a table: {str(problem).splitlines()[0]}") from problem
    names = [str(row[0]) for row in con.execute("DESCRIBE area").fetchall()]
    if ZIP not in names or set(names) & set(taken) != {ZIP}:
        also = ", ".join(sorted(set(names) & set(taken) - {ZIP}))
        raise UsageError(
            f"{table} must have a column {ZIP} and none that is an attribute already{': ' * bool(also)}{also}"
        )
    con.execute(f"UPDATE area SET {ZIP} = lpad(trim({ZIP}::VARCHAR), 5, '0')")
    twice = con.execute(f"SELECT {ZIP} FROM area GROUP BY {ZIP} HAVING count(*) > 1 ORDER BY 1").fetchone()
    if twice:
        raise SalusError(f"{table} has more than one row for {ZIP} {twice[0]}")
    return [name for name in names if name != ZIP]


def _known_attributes(con: duckdb.DuckDBPyConnection) -> list[str]:
    columns = con.execute("DESCRIBE SELECT * FROM attributes").fetchall()
    return [str(row[0]) for row in columns if row[0] != "subject_id"]


def _chosen(known: Sequence[str], by: Sequence[str]) -> list[str]:
    strange = [name for name in by if name not in known]
    if strange:
        raise UsageError(f"no attribute {', '.join(strange)}; there are: {', '.join(known) or 'none'}")
    return list(dict.fromkeys(by)) if by else list(known)


def _check_subjects(con: duckdb.DuckDBPyConnection, results: Results) -> None:
    query = "SELECT count(*) - count(DISTINCT subject_id) FROM attributes"
    row = con.execute(query).fetchone()
    if row and row[0]:
        raise SalusError(f"{results.attributes} has more than one row for {row[0]} subjects or rows without one")


def _count(con: duckdb.DuckDBPyConnection, results: Results, crossings: Sequence[Crossing]) -> list[Cell]:
    """All cells, those with nobody in the denominator included; a single attribute is a crossing of one."""
    names = list(dict.fromkeys(name for crossing in crossings for name in crossing))
    _gather_people(con, names)
    _gather_units(con, results, len(names))
    counted = {(c.family, c.value): c for c in _grouped(con, names, crossings)}
    values = [(OVERALL, EVERYONE), *_values(con, names, crossings, counted.values())]
    query = f"SELECT DISTINCT measure, group_id FROM {_file(results.determinations)} ORDER BY ALL"
    cells = []
    for measure, group_id in con.execute(query).fetchall():
        for attribute, value in values if results.measure(measure).is_rate else ():
            empty = Cell(measure, group_id, attribute, value, 0, 0)
            cells.append(counted.get((empty.family, value), empty))
    return cells


def _gather_people(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Temp table `person(subject_id, a0, a1 ...)`: the groups of each subject, never null, as small integers
    inside.
    """
    columns = ""
    for place, name in enumerate(names):
        value = _known(_name(name))
        distinct = f"SELECT DISTINCT {value} FROM attributes UNION SELECT {_text(UNKNOWN)}"
        con.execute(f"CREATE TYPE value{place} AS ENUM ({distinct})")
        columns += f", {value}::value{place} AS a{place}"
    con.execute(f"CREATE TEMP TABLE person AS SELECT subject_id{columns} FROM attributes")


def _gather_units(con: duckdb.DuckDBPyConnection, results: Results, attributes: int) -> None:
    """Temp table `unit(measure, group_id, met, n, a0, a1 ...)`: the determinations that count, `met` and `n` 0 or 1."""
    file = _file(results.determinations)
    con.execute(f"CREATE TYPE measures AS ENUM (SELECT DISTINCT measure FROM {file})")
    con.execute(f"CREATE TYPE groups AS ENUM (SELECT DISTINCT group_id FROM {file})")
    columns = "".join(f", coalesce(p.a{i}, {_text(UNKNOWN)}) AS a{i}" for i in range(attributes))
    con.execute(
        f"""
        CREATE TEMP TABLE unit AS
        SELECT d.measure::measures AS measure, d.group_id::groups AS group_id,
          coalesce(d.numerator AND NOT coalesce(d.numerator_exclusion, false), false)::UTINYINT AS met,
          1::UTINYINT AS n{columns}
        FROM {file} d LEFT JOIN person p USING (subject_id)
        WHERE d.denominator AND NOT coalesce(d.denominator_exclusion, false)
          AND NOT coalesce(d.denominator_exception, false)
        """
    )


def _grouped(con: duckdb.DuckDBPyConnection, names: Sequence[str], crossings: Sequence[Crossing]) -> list[Cell]:
    """The counted cells. Units are grouped by a few blocks of attributes, and crossings read off their blocks."""
    rows = con.execute(_counts("unit", _text(OVERALL), _text(EVERYONE), ())).fetchall()
    for block, answered in _blocks(crossings, _sizes(con, names)).items():
        columns = [_column(names, name) for name in block]
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE block AS SELECT measure, group_id, {', '.join(columns)}, sum(met) AS met, "
            f"sum(n) AS n FROM unit GROUP BY ALL"
        )
        for crossing in answered:
            keys = [_column(names, name) for name in crossing]
            query = _counts("block", _text(CROSS.join(crossing)), _joined(names, crossing), keys)
            rows += con.execute(query).fetchall()
    return [Cell(*row) for row in rows]


def _counts(table: str, attribute: str, value: str, keys: Sequence[str]) -> str:
    by = ", ".join(("measure", "group_id", *keys))
    counts = f"sum(met)::BIGINT, sum(n)::BIGINT FROM {table} GROUP BY {by}"
    return f"SELECT measure::VARCHAR, group_id::VARCHAR, {attribute}, {value}, {counts}"


def _sizes(con: duckdb.DuckDBPyConnection, names: Sequence[str]) -> dict[str, int]:
    """How many groups each attribute has."""
    counts = ", ".join(f"count(DISTINCT a{place})" for place in range(len(names)))
    row = con.execute(f"SELECT {counts} FROM person").fetchone() if names else ()
    return dict(zip(names, row or (), strict=True))


def _blocks(crossings: Sequence[Crossing], sizes: Mapping[str, int]) -> dict[Crossing, list[Crossing]]:
    """Which crossings are read off which block of attributes: blocks are filled up to `_LARGEST_BLOCK` crossings of
    groups, so that few passes over the units answer many crossings."""
    blocks: list[tuple[list[str], list[Crossing]]] = []
    for crossing in crossings:
        for block, answered in blocks:
            joined = list(dict.fromkeys((*block, *crossing)))
            if set(crossing) <= set(block) or prod(sizes[name] for name in joined) <= _LARGEST_BLOCK:
                block[:] = joined
                answered.append(crossing)
                break
        else:
            blocks.append((list(crossing), [crossing]))
    return {tuple(block): answered for block, answered in blocks}


def _values(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], crossings: Sequence[Crossing], counted: Iterable[Cell]
) -> list[tuple[str, str]]:
    """Every (attribute, group) there is among the subjects and the units, in reading order."""
    found = {(c.attribute, c.value) for c in counted if c.attribute != OVERALL}
    for crossing in crossings:
        columns = ", ".join(_column(names, name) for name in crossing)
        rows = con.execute(f"SELECT {_joined(names, crossing)} FROM person GROUP BY {columns}").fetchall()
        found |= {(CROSS.join(crossing), value) for (value,) in rows}
    order = {CROSS.join(crossing): place for place, crossing in enumerate(crossings)}
    return sorted(found, key=lambda pair: (order[pair[0]], sort_key(pair[1])))


def _column(names: Sequence[str], name: str) -> str:
    return f"a{names.index(name)}"


def _joined(names: Sequence[str], crossing: Crossing) -> str:
    """The group's name in SQL: its parts joined."""
    return f" || {_text(CROSS)} || ".join(f"{_column(names, name)}::VARCHAR" for name in crossing)


def _known(column: str) -> str:
    return f"coalesce(nullif(trim({column}::VARCHAR), ''), {_text(UNKNOWN)})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _file(path: Path) -> str:
    return f"read_parquet({_text(str(path))})"
