"""Defines of a run evaluated on a population: content and period in, one Arrow table per wanted define out.

Leaves to others: which defines a measure wants and what they count for (`salus.measure`).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Protocol

from salus.elm.clauses import Clauses
from salus.elm.library import Includes, Library, LibrarySource
from salus.elm.narrative import Narrative
from salus.elm.types import IntervalOf
from salus.engine import duckdb as duckdb_engine
from salus.engine.asked import Answered, Criteria, Outcome, Wanted, left_out
from salus.engine.costs import per_define
from salus.engine.facts import Facts
from salus.logic.calendar import last
from salus.logic.clauses import Apart, taken_apart
from salus.logic.compiler import Compiler
from salus.logic.context import Ended, Unsupported
from salus.logic.data import Codes
from salus.logic.expr import TRUE, Const, forget
from salus.logic.plan import Output, Plan, columns_read, ordered, put_out, put_out_whole
from salus.logic.reach import value_sets_of
from salus.logic.values import DATETIME, Interval, Point, Value
from salus.store import Population

PERIOD = "Measurement Period"


class ValueSetCodes(Protocol):
    @property
    def codes(self) -> frozenset[tuple[str, str]]: ...


class Content(LibrarySource, Protocol):
    """Libraries and value sets, by name and by url; what is missing raises SalusError."""

    def value_set(self, url: str, version: str | None, asked_by: str) -> ValueSetCodes: ...
    def cql(self, name: str, version: str | None) -> str | None: ...


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage meanwhile: a plan has millions of nodes that stay, and content is large. Afterwards
    all there is counts as old, or the next look would go through every node."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        forget()
        if was:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


@_uncollected()
def run(
    population: Population,
    content: Content,
    wanted: Sequence[Wanted],
    period: tuple[date, date] | None,
    *,
    now: datetime | None = None,
    parameters: Mapping[str, Value] | None = None,
    parts: int | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Outcome:
    """Evaluate the wanted defines for every patient over the measurement period (both days included, UTC); without a
    period, that which the library states. `parts` is in how many parts the patients are taken (None: as many as memory
    asks for); it changes no answer. `meanwhile` is called while statements are under way (`duckdb.execute`)."""
    outcome = Outcome()
    given = {PERIOD: measurement_period(*period)} if period else {}
    setting = _Setting(population, content, {**given, **(parameters or {})}, now or _now())
    clock = time.perf_counter()
    wanted, compiled, compiler = _compile_all(setting, wanted, outcome.refused)
    outcome.timings["typing"] = setting.facts.seconds
    outcome.timings["compile"] = time.perf_counter() - clock - setting.facts.seconds
    clock = time.perf_counter()
    done = duckdb_engine.execute(population.con, compiled, parts, meanwhile)
    outcome.timings["execute"] = time.perf_counter() - clock
    outcome.warnings = [
        *(left_out(*each) for each in outcome.refused.items()),
        *compiler.errors,
        *compiler.includes.warnings(),
        *_renamed(compiler.includes, wanted),
        *done.warnings,
    ]
    outcome.gaps = list(compiler.gaps)
    outcome.defines = per_define(done.costs)
    outcome.reads = columns_read(compiled)
    outcome.values = {want: done.tables[str(index)] for index, want in enumerate(wanted)}
    return outcome


@_uncollected()
def exact_values(
    population: Population, content: Content, wanted: Wanted, *, now: datetime | None = None
) -> dict[int, str | None]:
    """A define's value for each patient (by pid) in its exact form (see `salus.logic.exact`), without parameters.

    A run-time error that the run noticed is raised here, as Ended.
    """
    setting = _Setting(population, content, {}, now or _now())
    includes = Includes(content)
    library = includes.open(wanted.library, wanted.version, "the run")
    compiled, compiler = _until_typed(setting, includes, lambda c: [put_out_whole(c, "value", library, wanted.define)])
    done = duckdb_engine.execute(population.con, compiled)
    if compiler.errors or done.warnings:
        raise Ended("; ".join([*compiler.errors, *done.warnings]))
    table = done.tables["value"]
    return dict(zip(table["pid"].to_pylist(), table["value"].to_pylist(), strict=True))


@_uncollected()
def clause_tests(
    population: Population, content: Content, asked: Sequence[Criteria], period: tuple[date, date]
) -> list[list[Answered]]:
    """The tests of every criterion, for every patient or resource that they are asked of."""
    setting = _Setting(population, content, {PERIOD: measurement_period(*period)}, _now())
    whole: set[tuple[int, str]] = set()
    while True:
        try:
            return _clause_tests(setting, asked, whole)
        except _Whole as problem:
            whole.add(problem.criterion)


class _Whole(Exception):
    """A criterion whose clauses cannot be compiled one by one, and is to be tested as a whole."""

    def __init__(self, criterion: tuple[int, str]) -> None:
        super().__init__()
        self.criterion = criterion


def _clause_tests(setting: _Setting, asked: Sequence[Criteria], whole: set[tuple[int, str]]) -> list[list[Answered]]:
    includes = Includes(setting.content)
    apart: list[list[Apart]] = []

    def outputs(compiler: Compiler) -> list[Output]:
        apart[:] = [_apart(compiler, place, each, setting.content, whole) for place, each in enumerate(asked)]
        return [criterion.output for group in apart for criterion in group]

    compiled, _ = _until_typed(setting, includes, outputs)
    tables = duckdb_engine.execute(setting.population.con, compiled).tables
    return [[Answered(each.clause, tables[each.output.name], each.asked_of) for each in group] for group in apart]


def _apart(
    compiler: Compiler, place: int, asked: Criteria, content: Content, whole: set[tuple[int, str]]
) -> list[Apart]:
    library = compiler.includes.open(asked.library, asked.version, "the run")
    narrative, told, made = Narrative(content.cql), set[tuple[str, str]](), []
    for number, (given, of) in enumerate(asked.defines):
        define, units = library.closest(given), library.closest(of)
        known = frozenset(told - {(library.label, define)})
        clauses = Clauses(compiler.includes, narrative, known, (place, define) in whole)
        try:
            made.append(taken_apart(compiler, clauses, library, define, f"{place}.{number}", units))
        except Unsupported:
            if clauses.whole:
                raise
            raise _Whole((place, define)) from None
        told.add((library.label, define))
    return made


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class _Setting:
    """What a compilation stands on."""

    population: Population
    content: Content
    parameters: Mapping[str, Value]
    now: datetime

    @cached_property
    def facts(self) -> Facts:
        """What is known of the population, remembered from one compilation to the next."""
        return Facts(self.population)


def _compile_all(
    setting: _Setting, wanted: Sequence[Wanted], refused: dict[Wanted, str]
) -> tuple[Sequence[Wanted], Plan, Compiler]:
    """The plan of everything wanted, without what is optional and cannot be compiled: `refused` is told of that."""
    try:
        return wanted, *_compile(setting, wanted)
    except Unsupported:
        refused |= _refused(setting, [want for want in wanted if want.optional])
        if not refused:
            raise
    kept = [want for want in wanted if want not in refused]
    return kept, *_compile(setting, kept)


def _refused(setting: _Setting, wanted: Sequence[Wanted]) -> dict[Wanted, str]:
    """What does not compile of what is wanted, and why: by halves, as most of it does."""
    try:
        _compile(setting, wanted)
    except Unsupported as error:
        if len(wanted) == 1:
            return {wanted[0]: str(error)}
        half = len(wanted) // 2
        return _refused(setting, wanted[:half]) | _refused(setting, wanted[half:])
    return {}


def _compile(setting: _Setting, wanted: Sequence[Wanted]) -> tuple[Plan, Compiler]:
    includes = Includes(setting.content)
    targets = [_target(includes, str(index), want) for index, want in enumerate(wanted)]
    named = [(library, define) for _, library, *defines in targets for define in defines if define is not None]
    for url, version, asked_by in value_sets_of(includes, named):
        setting.content.value_set(url, version, asked_by)

    def outputs(compiler: Compiler) -> list[Output]:
        return [put_out(compiler, *target) for target in targets]

    return _until_typed(setting, includes, outputs)


def _target(includes: Includes, name: str, want: Wanted) -> tuple[str, Library, str, str | None]:
    """What a wanted define is in its library. Measures name defines in another case than the library at times."""
    library = includes.open(want.library, want.version, "the run")
    return name, library, library.closest(want.define), want.over and library.closest(want.over)


def _renamed(includes: Includes, wanted: Sequence[Wanted]) -> list[str]:
    """A warning for each define that was found under another spelling."""
    found = {(want, _target(includes, "", want)[2]) for want in wanted}
    return [
        f'{want.library} has no define "{want.define}"; "{name}" is taken for it'
        for want, name in sorted(found, key=lambda pair: pair[1])
        if want.define != name
    ]


def _until_typed(
    setting: _Setting, includes: Includes, outputs: Callable[[Compiler], list[Output]]
) -> tuple[Plan, Compiler]:
    """Compile; type what was found missing; compile again, until nothing is."""
    facts = setting.facts

    def codes(url: str, version: str | None, asked_by: str) -> Codes:
        return setting.content.value_set(url, version, asked_by).codes

    while True:
        compiler = Compiler(includes, facts, codes, setting.parameters, setting.now)
        try:
            made = outputs(compiler)
        except Unsupported:  # which may be so only of what is not there
            if not facts.type_missing():
                raise
            continue
        if not facts.type_missing():
            return ordered(compiler, made), compiler
        del compiler, made
        gc.collect()  # a plan that is thrown away is large, and full of circles


def measurement_period(start: date, end: date) -> Interval:
    """The whole days from start to end, as a closed interval of instants."""
    first = datetime(start.year, start.month, start.day)
    final = last(datetime(end.year, end.month, end.day), "day")
    return Interval(
        Point(DATETIME, Const(first)), Point(DATETIME, Const(final)), TRUE, TRUE, TRUE, IntervalOf(DATETIME)
    )
