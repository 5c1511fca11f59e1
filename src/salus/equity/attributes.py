"""Who the people are: one row per patient, one text column per attribute, nothing ever left empty.

"unknown" and "declined" are groups like any other. Where each attribute comes from is said in `ATTRIBUTES`
and, with every mapping, in docs/attributes.md. Leaves to others: the rules (`demographics`, `payer`,
`visits`), comparing (`compare`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb

from salus.equity import demographics, payer, visits
from salus.equity.relations import Records, Shared, quoted
from salus.equity.visits import SITE
from salus.equity.vocabulary import UNINSURED, UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute's column name, how it is called in a report, and where it comes from."""

    name: str
    label: str
    source: str


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("race", "Race", "US Core race extension, OMB categories; several at once are kept together"),
    Attribute("ethnicity", "Ethnicity", "US Core ethnicity extension, OMB categories"),
    Attribute("sex", "Sex", "Patient.gender (administrative gender)"),
    Attribute("age_band", "Age", "Patient.birthDate, completed years on the last day of the period"),
    Attribute("language", "Language", "Patient.communication: the preferred language, else the only one"),
    Attribute("zip", "ZIP code", "Patient.address: five digits, the home address first"),
    Attribute("payer", "Payer", "Coverage in the period, else the latest claim up to two years before it, grouped"),
    Attribute("uninsured", "Insurance", "uninsured when nobody but the person pays (see payer)"),
    Attribute(SITE, "Site", "Encounter.serviceProvider: the one of most visits; else Patient.managingOrganization"),
)
"""Salus's own attributes in the order of their columns."""

_RELATION = "equity_is_"
_RELATIONS = ("race", "ethnicity", "language", "zip", "payer", SITE)
"""The attributes that stand in a relation (pid, label) of their own, of that name after `_RELATION`."""


def attributes(population: Records, period: tuple[date, date]) -> pa.Table:
    """`subject_id` (Patient.id) and one text column per attribute of `ATTRIBUTES`, one row per patient by
    pid.

    `period` is the first and last day of the measurement period. No value is null: what is not recorded is
    "unknown". Types what it needs of the population (`ensure`); leaves only temp tables behind, which it
    drops.
    """
    _ensure(population)
    _work_out(population, period)
    table = _read(population.con, period[1])
    _tidy(population.con)
    return table


def attributes_beside(population: Shared, period: tuple[date, date]) -> Callable[[Callable[[], object]], pa.Table]:
    """What works out the `attributes`, on a connection of its own: another thread may do so while this one goes on. It
    calls what it is given, to be kept waiting, before it needs Arrow, which takes long to load.

    Types what it needs first, as nobody else may while it writes.
    """
    _ensure(population)

    def work(wait: Callable[[], object]) -> pa.Table:
        with population.beside() as other:
            _work_out(other, period)
            wait()
            return _read(other.con, period[1])

    return work


def _ensure(population: Records) -> None:
    types = population.tables()
    population.ensure([*demographics.NEEDS, *payer.needs(types), *visits.needs(types)])


def _work_out(population: Records, period: tuple[date, date]) -> None:
    con = population.con
    _demographics(con, period[0])
    payer.payers(population, _RELATION + "payer", period)
    visits.sites(population, _RELATION + SITE, period)


def _read(con: duckdb.DuckDBPyConnection, end: date) -> pa.Table:
    """Everyone with all attributes, by pid, unknown where a relation or the patient's row is silent."""
    from salus.engine.outputs import in_order  # here, as it needs Arrow

    told = {name: f"{_RELATION}{name}.label" for name in _RELATIONS}
    pays = told["payer"]
    told["uninsured"] = f"if({pays} = {quoted(UNINSURED)}, 'yes', if({pays} IS NULL, NULL, 'no'))"
    told |= {"sex": demographics.sex(), "age_band": demographics.age_band(end)}
    columns = ", ".join(f'coalesce({told[each.name]}, {quoted(UNKNOWN)}) AS "{each.name}"' for each in ATTRIBUTES)
    joins = " ".join(f"LEFT JOIN {_RELATION}{name} ON {_RELATION}{name}.pid = p.pid" for name in _RELATIONS)
    found = con.sql(f'SELECT p.pid, p.id AS subject_id, {columns} FROM "Patient" p {joins}').to_arrow_table()
    return in_order(found, ["pid"]).drop_columns("pid")


def _demographics(con: duckdb.DuckDBPyConnection, start: date) -> None:
    demographics.race_and_ethnicity(con, _RELATION + "race", _RELATION + "ethnicity")
    demographics.preferred_language(con, _RELATION + "language")
    demographics.zip_code(con, _RELATION + "zip", start)


def _tidy(con: duckdb.DuckDBPyConnection) -> None:
    """Drop the temp tables of this module's making."""
    made = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE temporary AND table_name LIKE 'equity\\_%' ESCAPE '\\'"
    ).fetchall()
    for (name,) in made:
        con.execute(f"DROP TABLE IF EXISTS temp.{name}")
