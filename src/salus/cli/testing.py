"""`salus test`: the tests of measures on every engine, and which clauses their people covered.

Leaves to others: options and help (`cli.main`), cases and verdicts (`measure.testing`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from salus.cli.evaluate import ENGINES, check_engine, tools
from salus.cli.lint import check_there
from salus.errors import SalusError
from salus.measure.content import Content
from salus.measure.definition import MeasureDefinition
from salus.measure.run import Tools
from salus.measure.select import select_measures
from salus.measure.table import table_measures
from salus.measure.testing.cases import Suite, suites
from salus.measure.testing.coverage import told
from salus.measure.testing.reports import ReportCase, meant, report_cases
from salus.measure.testing.running import Period, SuiteRun, run_reports, run_suite, run_table_suite


def run_tests(
    paths: Sequence[Path],
    content: Sequence[Path],
    engines: Sequence[str] = (),
    as_json: bool = False,
    allow_missing_valuesets: bool = False,
) -> int:
    """Run the tests in `paths` and say what became of them; 1 when one failed, else 0."""
    check_there([*paths, *content])
    for name in engines:
        check_engine(name)
    written = list(suites(paths))
    reported = {path: cases for path in paths if (cases := report_cases([path]))}
    if not (written or reported):
        raise SalusError(
            f"no tests in {', '.join(map(str, paths))}: a TOML file with [test.NAME] holds some, "
            "or a Bundle with a person's records and the individual MeasureReport that is expected"
        )
    everything = _content([*paths, *{each.file.parent for each in written}, *content], allow_missing_valuesets)
    kits = {name: tools(name) for name in engines or ENGINES}
    done: list[SuiteRun] = []
    for tested in chain(
        (_run(suite, everything, kits) for suite in written),
        (each for path, cases in reported.items() for each in _run_reports(path, cases, everything, kits)),
    ):
        done.append(tested)
        if not as_json:
            show(tested)
    print(json.dumps([_as_json(each) for each in done], indent=2) if as_json else summary(done))
    return int(any(each.failed for each in done))


def _run_reports(
    path: Path, cases: Sequence[ReportCase], content: Content, kits: Mapping[str, Tools]
) -> Iterator[SuiteRun]:
    """The cases of a file or folder, measure by measure, in the order the measures come up."""
    there = content.measures()
    by_measure: dict[str, list[ReportCase]] = {}
    measures: dict[str, MeasureDefinition] = {}
    for case in cases:
        measure = meant(case, there)
        measures[measure.canonical] = measure
        by_measure.setdefault(measure.canonical, []).append(case)
    for canonical, mine in by_measure.items():
        yield run_reports(path, mine, content, measures[canonical], kits)


def _run(suite: Suite, content: Content, kits: Mapping[str, Tools]) -> SuiteRun:
    tables = {each.definition.name: each for each in table_measures([suite.file.parent])}
    name = suite.measure or _only(suite, [*tables, *_measures_in(suite.file.parent)])
    if name in tables:
        return run_table_suite(suite, tables[name], _period(suite, tables[name].definition))
    (measure,), _ = select_measures(content.measures([name]), [name])
    return run_suite(suite, content, measure, _period(suite, measure), kits)


def _only(suite: Suite, there: Sequence[str]) -> str:
    """The name of the one measure there is. Raises SalusError."""
    if len(there) != 1:
        listed = ", ".join(there) or "none"
        raise SalusError(f"{suite.file}: which measure? There is {listed} in the folder; say [tests] measure = NAME")
    return there[0]


def _period(suite: Suite, measure: MeasureDefinition) -> Period:
    period = suite.period or measure.period
    if period is None:
        raise SalusError(f"{suite.file}: neither [tests] nor {measure.name} says which period")
    return period


def _content(paths: Sequence[Path], allow_missing_valuesets: bool = False) -> Content:
    """Everything in the paths; nothing, where there are only measures of tables."""
    try:
        return Content.load(paths, allow_missing_valuesets=allow_missing_valuesets)
    except SalusError:
        if table_measures(paths):
            return Content()
        raise


def _measures_in(folder: Path) -> list[str]:
    return sorted({each.name for each in _content([folder]).measures()})


def show(tested: SuiteRun) -> None:
    """A line for the measure, the failures in words, and what no person of the tests made true or false."""
    console = Console(highlight=False, soft_wrap=True)
    failures = [each for each in tested.verdicts if each.problems]
    engines = tested.engines
    mark = "[red]FAIL[/red]" if tested.failed else "[green]pass[/green]"
    console.print(
        f"{mark}  [bold]{tested.measure}[/bold]: {tested.cases} tests on {engines} engine{'s' if engines > 1 else ''}"
    )
    for each in failures:
        about = f" ({each.case.about})" if each.case.about else ""
        console.print(f"      {each.case.name} on {each.engine}: {'; '.join(each.problems)}{about}", markup=False)
    for line in (
        *(told(tested.coverage) if tested.coverage.there else ()),
        *(f"warning: {text}" for text in tested.warnings),
    ):
        console.print(f"      {line}", style="dim", markup=False)


def summary(done: Sequence[SuiteRun]) -> str:
    """All of it in one line."""
    failed = sum(each.failed for each in done)
    cases = sum(each.cases for each in done)
    measures = f"{len(done)} measure{_s(len(done))}"
    return f"{cases} tests of {measures}: " + (f"{failed} failed" if failed else "all passed")


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _as_json(tested: SuiteRun) -> dict[str, Any]:
    return {
        "measure": tested.measure,
        "file": str(tested.file),
        "passed": not tested.failed,
        "tests": list(_cases_as_json(tested)),
        "coverage": {
            "seen": tested.coverage.seen,
            "of": tested.coverage.there,
            "never": [
                {"clause": each.text, "define": each.define, "was": each.missing} for each in tested.coverage.gaps
            ],
        },
    }


def _cases_as_json(tested: SuiteRun) -> Iterator[dict[str, Any]]:
    for each in tested.verdicts:
        yield {"test": each.case.name, "engine": each.engine, "problems": list(each.problems)}
