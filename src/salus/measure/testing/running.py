"""Cases -> verdicts: the people of a suite loaded, its measure evaluated on each engine, and each of them found where
they are said to be, or not. Cases that come with a MeasureReport likewise.

Leaves to others: cases (`testing.cases`), evaluating (`measure.run`), words on a screen (`cli`).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from salus.errors import SalusError
from salus.measure.content import Content
from salus.measure.definition import MeasureDefinition
from salus.measure.flow import CODES, code_of, columns_of
from salus.measure.run import Job, Tools, evaluate
from salus.measure.table import Rows, TableMeasure, evaluated, opened
from salus.measure.testing.cases import ALL, Case, Suite
from salus.measure.testing.coverage import Coverage, coverage
from salus.measure.testing.expected import differences
from salus.measure.testing.reports import ReportCase, batches
from salus.store import load

Period = tuple[date, date]
Row = Mapping[str, Any]
Engines = Mapping[str, Tools]
"""The engines to ask, by name; the first also says which clauses were met."""
_RECORDS: Final = "records.ndjson"
_POPULATION: Final = "population.duckdb"


class Told(Protocol):
    """What is said of a case: how it is called, and what it is for."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...


@dataclass(frozen=True)
class Verdict:
    """One case on one engine; no problems: passed."""

    case: Told
    engine: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class SuiteRun:
    """A suite that was run: its file (or folder), the measure's name, its verdicts, and what its people covered."""

    file: Path
    measure: str
    verdicts: tuple[Verdict, ...]
    coverage: Coverage
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return not self.verdicts or any(each.problems for each in self.verdicts)

    @property
    def engines(self) -> int:
        """How many engines were asked."""
        return len({each.engine for each in self.verdicts})

    @property
    def cases(self) -> int:
        """How many cases there are."""
        return len(self.verdicts) // max(self.engines, 1)


def run_suite(suite: Suite, content: Content, measure: MeasureDefinition, period: Period, engines: Engines) -> SuiteRun:
    """Evaluate a suite's people on every engine. Raises SalusError for what cannot be loaded or evaluated."""
    with tempfile.TemporaryDirectory(prefix="salus-test-") as folder:
        population = _loaded(suite, Path(folder))
        made = _evaluated(population, content, measure, period, engines)
    verdicts = [
        Verdict(case, name, tuple(_problems(case, measure, found)))
        for case in suite.cases
        for name, found in made.rows.items()
    ]
    return SuiteRun(suite.file, measure.name, tuple(verdicts), coverage(made.clauses), made.warnings)


def run_reports(
    file: Path, cases: Sequence[ReportCase], content: Content, measure: MeasureDefinition, engines: Engines
) -> SuiteRun:
    """Evaluate cases of one measure that come with a MeasureReport, those together that can be, each over the period of
    its report. Raises SalusError for what cannot be loaded or evaluated."""
    verdicts: list[Verdict] = []
    warnings: dict[str, None] = {}
    clauses: list[pa.Table] = []
    for batch in batches(cases):
        with tempfile.TemporaryDirectory(prefix="salus-test-") as folder:
            bundles = [case.bundle for case in batch]
            population = _population(bundles, (), Path(folder), str(file))
            made = _evaluated(population, content, measure, batch[0].period, engines)
        for case in batch:
            for name, rows in made.rows.items():
                found = differences(case, measure, rows)
                verdicts.append(Verdict(case, name, tuple(each.said(measure) for each in found)))
        warnings |= dict.fromkeys(made.warnings)
        clauses.append(made.clauses)
    return SuiteRun(file, measure.name, tuple(verdicts), coverage(pa.concat_tables(clauses)), tuple(warnings))


def run_table_suite(suite: Suite, measure: TableMeasure, period: Period) -> SuiteRun:
    """Evaluate the rows of a suite's tests; a row that does not say whose it is is its test's own."""
    listed = [{measure.subject: case.name, **row} for case in suite.cases for row in case.rows]
    if not listed:
        raise SalusError(f"{suite.file}: the tests of a measure of a table have rows")
    names = dict.fromkeys(name for row in listed for name in row)
    table = pa.table({name: _column(name, [row.get(name) for row in listed], suite) for name in names})
    with opened(table) as con:
        made = evaluated(measure, Rows(con, measure, period))
    rows = [row for table in made.groups.values() for row in table.to_pylist()]
    told = [Verdict(case, "table", tuple(_problems(case, measure.definition, rows))) for case in suite.cases]
    return SuiteRun(suite.file, measure.definition.name, tuple(told), Coverage(0, 0, ()))


def _column(name: str, values: Sequence[Any], suite: Suite) -> pa.Array:
    """A column of the tests' rows. Raises SalusError."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        raise SalusError(
            f"{suite.file}, rows: the values of {name} make no column: several types, or too large"
        ) from None


@dataclass(frozen=True)
class _Made:
    """What engines make of a population: determinations by engine, the clauses of the first, and their warnings."""

    rows: Mapping[str, list[Row]]
    clauses: pa.Table
    warnings: tuple[str, ...]


def _evaluated(
    population: Path, content: Content, measure: MeasureDefinition, period: Period, engines: Engines
) -> _Made:
    """Evaluate a measure on each engine, beside the population."""
    rows: dict[str, list[Row]] = {}
    warnings: dict[str, None] = {}
    for name, tools in engines.items():
        out = population.parent / name
        job = Job(population, (), period, out, (measure.canonical,), name, clauses=not rows)
        done = evaluate(job, tools, content)
        warnings |= dict.fromkeys(each for each in done.warnings if "counts no one" not in each)
        made = pq.read_table(out / "determinations.parquet").to_pylist()
        rows[name] = [row for row in made if row["measure"] == measure.name]  # a composite brings its components
    clauses = pq.read_table(population.parent / next(iter(engines)) / "clauses.parquet")
    return _Made(rows, clauses, tuple(warnings))


def _loaded(suite: Suite, folder: Path) -> Path:
    made = [resource for case in suite.cases for resource in case.records]
    return _population(made, suite.beside, folder, str(suite.file))


def _population(resources: Iterable[Mapping[str, Any]], beside: Sequence[Path], folder: Path, where: str) -> Path:
    """A population of resources and of files. Raises SalusError for records that cannot be read."""
    path = folder / _RECORDS
    path.write_bytes(b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in resources))
    report = load([path, *beside], folder / _POPULATION)
    if report.quarantined:
        raise SalusError(f"{where}: {'; '.join(report.warnings) or 'records that cannot be read'}")
    return folder / _POPULATION


def _problems(case: Case, measure: MeasureDefinition, rows: Sequence[Row]) -> Iterator[str]:
    """What is not as the case says, in words."""
    mine = [row for row in rows if row["subject_id"] == case.name]
    if not mine:
        yield f"there is no patient {case.name} in the records"
        return
    known = {key for row in mine for key in _keys(case, row)}
    for key in {*case.expected, *case.observed} - known:
        yield f"{key!r} is no group of the measure and no unit that it counts"
    for group in measure.groups:
        columns = columns_of(group)
        for row in (row for row in mine if row["group_id"] == group.id):
            where = _where(measure, case, row)
            yield from _memberships(case, row, columns, where)
            yield from _numbers(case, row, where)


def _memberships(case: Case, row: Row, columns: Sequence[str], where: str) -> Iterator[str]:
    wanted = _of(case.expected, case, row) or frozenset()
    found = frozenset(code_of(name) for name in columns if row[name])
    if found != wanted:
        yield f"{where}is in {_listed(found)}; expected {_listed(wanted)}"


def _numbers(case: Case, row: Row, where: str) -> Iterator[str]:
    wanted = _of(case.observed, case, row)
    found = tuple(row["observations"] or ())
    if wanted is not None and not _same(found, wanted):
        yield f"{where}is observed as {_shown(found)}; expected {_shown(wanted)}"


def _of(said: Mapping[str, Any], case: Case, row: Row) -> Any:
    """What is said of this unit, else of this group, else of everything."""
    return next((said[key] for key in _keys(case, row) if key in said), None)


def _keys(case: Case, row: Row) -> tuple[str, ...]:
    """What an expectation of this row may be written under, the most particular first."""
    unit, group = _unit(case, row), str(row["group_id"])
    return f"{group}/{unit}", unit, group, ALL


def _unit(case: Case, row: Row) -> str:
    """A unit by the id its author gave it."""
    return str(row["unit_id"]).removeprefix(f"{case.name}.")


def _where(measure: MeasureDefinition, case: Case, row: Row) -> str:
    group = f"group {row['group_id']}: " if len(measure.groups) > 1 else ""
    return group if row["unit_id"] == case.name else f"{group}{_unit(case, row)} "


def _same(found: Sequence[float | None], wanted: Sequence[float]) -> bool:
    pairs = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all(a is not None and math.isclose(a, b, abs_tol=1e-6) for a, b in pairs)


def _shown(numbers: Sequence[float | None]) -> str:
    return ", ".join("null" if each is None else f"{each:g}" for each in numbers) or "nothing"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names, key=CODES.index)) or "no population"
