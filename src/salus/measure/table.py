"""Measures of a table: the same determinations from rows of any kind, for what is not FHIR.

    [measure.table]
    subject = "clinician"              # the column of who is counted (an SQL expression)
    unit = "sampled_on"                # what tells the rows of a subject apart; without it a subject has one row
    period = "sampled_on"              # a column of days, or two: from and to; without it every row counts
    attributes = ["site"]              # columns that groups are compared by

Criteria are SQL expressions over the rows of the period, in DuckDB's dialect, windows included; `period_start` and
`period_end` are there as dates. They see that one table and nothing else: no file, no network, no setting.
Leaves to others: membership and scores (`measure.scoring`), the results folder (`measure.tablerun`), reading TOML
(`measure.authored`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from salus.errors import SalusError
from salus.fhir.reading import scan
from salus.measure import authored
from salus.measure.authored import TOML
from salus.measure.definition import Group, MeasureDefinition, Need, parse_measure
from salus.measure.forms import TEXT, TEXT_OR_TEXTS, TEXTS, held, needed
from salus.measure.identity import Identity
from salus.measure.observations import observations
from salus.measure.scoring import determine
from salus.measure.text import joined
from salus.measure.written import Evaluated

Period = tuple[date, date]
_TABLE: Final = {"subject": TEXT, "unit": TEXT, "period": TEXT_OR_TEXTS, "attributes": TEXTS}
_WRONG: Final = (
    *(duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.PermissionException),
    duckdb.NotImplementedException,
)
"""What is wrong with an expression itself: its message names columns and functions, never what a row holds."""
_WILD: Final = re.compile(r"[*?\[]")
"""What DuckDB takes for a pattern of several files; one in brackets is itself."""
_PLACE: Final = "salus_place"
_OWN: Final = ("period_start", "period_end", _PLACE)
_ROW: Final = "row"  # what a unit of a table is called where resources have a type


@dataclass(frozen=True)
class TableMeasure:
    """A measure of a table: its criteria are SQL. `where` names its file; `source` is the file's `[measure]`."""

    definition: MeasureDefinition
    where: str
    source: Mapping[str, Any]
    subject: str
    unit: str | None
    period: tuple[str, ...]
    attributes: tuple[str, ...]


def table_measures(paths: Sequence[Path]) -> list[TableMeasure]:
    """Every measure of a table in files and folders. Raises SalusError naming file and key."""
    found = []
    for raw in scan(paths, texts=(TOML,)):
        if raw.type == TOML and authored.is_authored(raw.data):
            said = authored.measure_of(authored.read(raw.data, raw.file), raw.file)
            if "table" in said:
                found.append(_parsed(said, raw.file))
    return found


def _parsed(said: Mapping[str, Any], file: str) -> TableMeasure:
    where = f"{file}, [measure.table]"
    table = held(said["table"], _TABLE, where)
    needed(table, "subject", where)
    if "stratifiers" in said:
        raise SalusError(f"{file}, [measure]: a measure of a table has attributes instead of stratifiers")
    days = table.get("period", [])
    period = (days,) if isinstance(days, str) else tuple(days)
    if len(period) > 2:
        raise SalusError(f"{where}: period is one column of days, or two: from and to")
    attributes = tuple(table.get("attributes", ()))
    for position, name in enumerate(attributes):
        if name.casefold() in ("subject_id", *map(str.casefold, attributes[:position])):
            raise SalusError(f"{where}: attributes: {name} is there already")
    parts = (table["subject"], table.get("unit"), period, attributes)
    return TableMeasure(_definition(said, file), file, said, *parts)


def _definition(said: Mapping[str, Any], file: str) -> MeasureDefinition:
    """The measure as any other, but that its criteria are the SQL as it was written."""
    written = {key: value for key, value in said.items() if key != "table"}
    parsed = parse_measure(authored.measure(written, f"{file}, [measure]"))
    rates = said.get("group") or [said]
    groups = [_with_sql(group, rate["populations"], file) for group, rate in zip(parsed.groups, rates, strict=True)]
    return replace(parsed, library="", groups=tuple(groups))


def _with_sql(group: Group, rows: Mapping[str, Any], file: str) -> Group:
    written = dict(authored.populations(rows, f"{file}, populations"))
    return replace(
        group, populations=tuple(replace(p, expression=written[p.id]["expression"]) for p in group.populations)
    )


class Rows:
    """The rows of a table that lie in a period, ready for expressions."""

    def __init__(self, con: duckdb.DuckDBPyConnection, measure: TableMeasure, period: Period) -> None:
        """`con` is that of an `opened` table; one after another, several measures may ask it."""
        self._con, self._measure = con, measure
        self._check_columns()
        start, end = (f"DATE '{day.isoformat()}'" for day in period)
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW dated AS SELECT *, {start} AS period_start, {end} AS period_end FROM whole"
        )
        owners = self._run("subject", f"SELECT DISTINCT {_text(measure.subject)} FROM dated").column(0)
        self.subjects: pa.StringArray = pa.array(sorted(text for text in owners.to_pylist() if text), pa.string())
        self._units = self._placed()

    def _check_columns(self) -> None:
        columns = {str(name).lower() for name, *_ in self._con.execute("DESCRIBE whole").fetchall()}
        for name in columns & set(_OWN):
            raise SalusError(f"{self._measure.where}: the table has a column {name}, which is a name of Salus's own")

    def _placed(self) -> pa.Table:
        """Keeps the rows of the period as `t`; the subject (by its place) and the unit of each."""
        kept = " AND ".join(self._in_period()) or "true"
        numbered = f"SELECT *, row_number() OVER () AS {_PLACE} FROM dated WHERE {kept}"
        self._run("period", f"CREATE OR REPLACE TEMP TABLE t AS {numbered}")
        subjects = self._column("subject", _text(self._measure.subject))
        ids = self._column("unit", _text(self._measure.unit or self._measure.subject))
        if subjects.null_count or ids.null_count:
            raise SalusError(f"{self._measure.where}: there are rows without a subject or a unit")
        if len(pc.unique(joined([subjects, ids], "\x1f"))) < len(ids):
            said = "a subject has rows of the same unit" if self._measure.unit else "a subject has several rows"
            raise SalusError(f"{self._measure.where}: {said}; `unit` is to tell them apart")
        pids = pc.add(pc.index_in(subjects, value_set=self.subjects).cast(pa.int64()), 1)
        return pa.table({"pid": pids, "type": pa.repeat(pa.scalar(_ROW), len(ids)), "id": ids})

    def _in_period(self) -> Iterator[str]:
        columns = self._measure.period
        if len(columns) == 1:
            yield f"CAST(({columns[0]}\n) AS DATE) BETWEEN period_start AND period_end"
        elif columns:
            yield f"CAST(({columns[0]}\n) AS DATE) <= period_end"
            yield f"coalesce(CAST(({columns[1]}\n) AS DATE) >= period_start, true)"

    def values(self, group: Group) -> dict[Need, pa.Table]:
        """What every criterion and observation of a group is for each row, as an engine would give it."""
        made = {Need(p.expression): self._listed(p.code, p.expression) for p in group.criteria}
        return made | {Need(o.expression): self._numbers(o.id, o.expression) for o in observations(group)}

    def attributes(self) -> pa.Table:
        """`subject_id` and a text column per attribute; a subject of whom the rows say several things is `several`."""
        told = [f"{_text(self._measure.subject)} AS subject_id", *map(_attribute, self._measure.attributes)]
        return self._run("attributes", f"SELECT {', '.join(told)} FROM dated GROUP BY 1 HAVING subject_id IS NOT NULL")

    def _listed(self, key: str, sql: str) -> pa.Table:
        """The units for which a criterion holds."""
        truth = self._column(key, f"({sql}\n)")
        if not (pa.types.is_boolean(truth.type) or pa.types.is_null(truth.type)):
            raise SalusError(f"{self._measure.where}, {key}: `{sql.strip()}` is no truth value but {truth.type}")
        return self._units.filter(truth.cast(pa.bool_()), null_selection_behavior="drop")

    def _numbers(self, key: str, sql: str) -> pa.Table:
        return self._units.append_column("value", self._column(key, f"({sql}\n)"))

    def _column(self, key: str, sql: str) -> pa.Array:
        """An expression for each row, in the order of the rows (which a window does not keep by itself)."""
        found = self._run(key, f"SELECT made FROM (SELECT {_PLACE}, {sql} AS made FROM t) ORDER BY {_PLACE}")
        return found.column(0).combine_chunks()

    def _run(self, key: str, sql: str) -> pa.Table:
        """Raises SalusError naming file and key; of what a row holds, nothing."""
        where = f"{self._measure.where}, {key}"
        try:
            if len(self._con.extract_statements(sql)) != 1:
                raise SalusError(f"{where}: one SQL expression is wanted")
            found = self._con.sql(sql)
            return found.to_arrow_table() if found is not None else pa.table({})
        except _WRONG as problem:
            raise SalusError(f"{where}: {str(problem).splitlines()[0]}") from None
        except duckdb.Error as problem:
            raise SalusError(f"{where}: it cannot be worked out for some row ({type(problem).__name__})") from None


def _text(sql: str) -> str:
    """An expression as text; what follows a comment in it stands on a line of its own."""
    return f"CAST(({sql}\n) AS VARCHAR)"


def _attribute(name: str) -> str:
    """A column as one text per subject."""
    column = '"' + name.replace('"', '""') + '"'
    one = f"CAST(any_value({column}) AS VARCHAR)"
    return f"CASE WHEN count(DISTINCT {column}) > 1 THEN 'several' ELSE {one} END AS {column}"


@contextmanager
def opened(table: Path | pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that holds a table, a file or one made, as `whole` and can reach nothing else. Raises SalusError."""
    with duckdb.connect() as con:
        if isinstance(table, Path):
            _read(con, table)
        else:
            con.register("given", table)
            con.execute("CREATE TEMP TABLE whole AS SELECT * FROM given")
            con.unregister("given")
        con.execute("SET enable_external_access = false; SET lock_configuration = true")
        yield con


def _read(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    reader = "read_parquet(?)" if path.suffix.lower() == ".parquet" else "read_csv(?)"
    try:
        con.execute(f"CREATE TEMP TABLE whole AS SELECT * FROM {reader}", [_WILD.sub(r"[\g<0>]", str(path))])
    except duckdb.Error as problem:
        raise SalusError(f"{path} cannot be read: {type(problem).__name__}") from None


def evaluated(measure: TableMeasure, rows: Rows) -> Evaluated:
    """The values of the criteria and the determinations of each group. Raises SalusError naming file and key."""
    made = measure.definition
    values = {need: table for group in made.groups for need, table in rows.values(group).items()}
    groups = {group.id: determine(made, group, rows.subjects, values) for group in made.groups}
    return Evaluated(made, Identity("", None), values, groups)
