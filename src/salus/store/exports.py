"""What a population remembers of bulk exports: as of when each was, so that the next asks only for what changed since.

It stands in the population itself: a copy or an old state of the file never claims to hold more than it does. Leaves to
others: exporting (`salus.fhir.bulk`).
"""

from __future__ import annotations

from pathlib import Path

from salus.store.population import Population
from salus.store.sql import tables, transaction

_TABLE = "CREATE TABLE IF NOT EXISTS bulk_export(request VARCHAR, transaction_time VARCHAR)"


def remember(into: Path, request: str, time: str) -> None:
    """Note that what the server offers for `request` (its address without `_since`) is loaded as of `time`, an instant.

    Raises SalusError when the population cannot be opened.
    """
    with Population.open(into) as population, transaction(population.con):
        population.con.execute(_TABLE)
        population.con.execute("DELETE FROM bulk_export WHERE request = ?", [request])
        population.con.execute("INSERT INTO bulk_export VALUES (?, ?)", [request, time])


def last(into: Path, request: str) -> str | None:
    """As of when the population holds what the server offers for `request`; None when it was never loaded whole."""
    if not into.exists():
        return None
    with Population.open(into, read_only=True) as population:
        if "bulk_export" not in tables(population.con):
            return None
        found = population.con.execute("SELECT transaction_time FROM bulk_export WHERE request = ?", [request])
        row = found.fetchone()
        return str(row[0]) if row else None
