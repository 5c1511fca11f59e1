"""Where people are cared for: relation (pid, label), the organization that most of their visits of the period were at.

A funnel of sites compares these, and gaps are split by them. Without a visit, the organization that keeps the record
stands in. The rule in words is in docs/attributes.md.
Leaves to others: comparing sites (`sites`, `funnel_plot`), what a reference leads to (`store.references`).
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from salus.equity.relations import Records
from salus.store.references import TARGET

SITE = "site"
"""The attribute that names sites, unless another is asked for."""

_PATIENT = (("Patient", "managingOrganization.reference"), ("Patient", "managingOrganization.display"))
_ENCOUNTER = (
    ("Encounter", "status"),
    ("Encounter", "period.start"),
    ("Encounter", "period.end"),
    ("Encounter", "serviceProvider.reference"),
    ("Encounter", "serviceProvider.display"),
)


def needs(types: frozenset[str]) -> list[tuple[str, str]]:
    """The elements the site rests on, of the resource types there are."""
    found = [*_PATIENT, *(_ENCOUNTER if "Encounter" in types else ())]
    return [*found, ("Organization", "name")] if "Organization" in types else found


def sites(population: Records, table: str, period: tuple[date, date]) -> None:
    """Temp table `table(pid, label)` for every patient with a visit that counts, or an organization of their own."""
    con, types = population.con, population.tables()
    _visited(con, "Encounter" in types, period)
    _names(con, "Organization" in types)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT pid, coalesce(n.name, v.said, regexp_extract(v.place, '[^/]*$')) AS label
        FROM equity_site v LEFT JOIN equity_site_name n USING (place)
        """
    )


def _visited(con: duckdb.DuckDBPyConnection, encounters: bool, period: tuple[date, date]) -> None:
    """Temp table `equity_site(pid, place, said)`: the organization of most visits, of as many the one visited last."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE equity_met(pid INTEGER, place VARCHAR, said VARCHAR, day TIMESTAMP, kept BOOLEAN)"
    )
    con.execute(_met("Patient", "managingOrganization", "NULL, true"))
    if encounters:
        con.execute(
            f"""
            {_met("Encounter", "serviceProvider", '"period.start.low", false')}
            AND pid IS NOT NULL AND coalesce(status, '') NOT IN ('planned', 'cancelled', 'entered-in-error')
            AND "period.start.low" < $after AND coalesce("period.end.high", "period.start.high") >= $start
            """,
            {"start": period[0], "after": period[1] + timedelta(days=1)},
        )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE equity_site AS
        SELECT pid, place, max(said) AS said FROM equity_met GROUP BY pid, place, kept
        QUALIFY row_number() OVER (PARTITION BY pid ORDER BY kept, count(*) DESC, max(day) DESC, place) = 1
        """
    )


def _met(table: str, element: str, rest: str) -> str:
    """Adds to `equity_met` whom the resources of a type name: `place` is `Type/id` where the reference leads there,
    else the reference as it stands, else its words, which are `said` too.
    """
    reference, said = f'"{element}.reference"', f'"{element}.display"'
    place = f"coalesce(a.target, {TARGET.format(reference)}, {reference}, {said})"
    return f"""
        INSERT INTO equity_met SELECT pid, {place}, {said}, {rest}
        FROM "{table}" LEFT JOIN reference_alias a ON a.url = {reference}
        WHERE coalesce({reference}, {said}) IS NOT NULL"""


def _names(con: duckdb.DuckDBPyConnection, organizations: bool) -> None:
    """Temp table `equity_site_name(place, name)`; organizations of one name are told apart by their ids."""
    con.execute("CREATE OR REPLACE TEMP TABLE equity_site_name(place VARCHAR, name VARCHAR)")
    if organizations:
        con.execute(
            """
            INSERT INTO equity_site_name
            SELECT 'Organization/' || id, if(count(*) OVER (PARTITION BY trim(name)) = 1, trim(name),
                                             trim(name) || ' (' || id || ')')
            FROM "Organization" SEMI JOIN equity_site s ON s.place = 'Organization/' || id
            WHERE trim(name) <> ''
            """
        )
