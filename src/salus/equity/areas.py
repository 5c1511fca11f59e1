"""What is known of people's attributes: attributes.parquet, joined by ZIP code to a user's table of areas.

Leaves to others: counting (`counting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from salus.equity.relations import identifier, parquet, quoted
from salus.equity.results import Results
from salus.errors import SalusError, UsageError

ZIP = "zip"
"""The attribute by which a table of areas is joined."""


def gather_attributes(con: duckdb.DuckDBPyConnection, results: Results) -> list[str]:
    """View `attributes`: attributes.parquet, with the columns of the table of areas where there is one; their names."""
    file = parquet(results.attributes)
    if results.areas is None:
        con.execute(f"CREATE TEMP VIEW attributes AS SELECT * FROM {file}")
    else:
        names = _area_columns(con, results.areas, _columns(con, f"SELECT * FROM {file}"))
        columns = "".join(f", area.{identifier(name)}" for name in names)
        con.execute(
            f"CREATE TEMP VIEW attributes AS SELECT person.*{columns} FROM {file} person "
            f"LEFT JOIN area ON person.zip = area.{identifier(ZIP)}"
        )
    return [name for name in _columns(con, "SELECT * FROM attributes") if name != "subject_id"]


def _columns(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(row[0]) for row in con.execute(f"DESCRIBE {query}").fetchall()]


def _area_columns(con: duckdb.DuckDBPyConnection, table: Path, taken: Sequence[str]) -> list[str]:
    """Temp table `area` of a CSV or Parquet file with a column `zip`, one row each; its other columns."""
    if ZIP not in taken:
        raise UsageError(f"the attributes have no column {ZIP} to join {table} by")
    if not table.is_file():
        raise UsageError(f"there is no table of areas {table}")
    read = parquet(table) if table.suffix == ".parquet" else f"read_csv({quoted(str(table))}, all_varchar = true)"
    try:
        con.execute(f"CREATE TEMP TABLE area AS SELECT * FROM {read}")
    except duckdb.Error as problem:
        raise SalusError(f"{table} cannot be read as a table: {str(problem).splitlines()[0]}") from problem
    names = _columns(con, "SELECT * FROM area")
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
