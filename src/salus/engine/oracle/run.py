"""Defines evaluated for every patient of a population, one patient at a time: the same questions and answers as
`salus.engine.run`.

Leaves to others: what an expression is (`interpreter`), what a measure wants (`salus.measure`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from salus.elm.library import Includes, Library
from salus.engine.asked import Outcome, Wanted, left_out
from salus.engine.oracle.elements import is_resource
from salus.engine.oracle.errors import Refused
from salus.engine.oracle.everyone import look_after
from salus.engine.oracle.interpreter import Interpreter, Setting
from salus.engine.oracle.moments import DateTime
from salus.engine.oracle.records import Patients
from salus.engine.oracle.shapes import table_of
from salus.engine.oracle.values import Interval, Value
from salus.engine.run import PERIOD, Content
from salus.errors import SalusError
from salus.store import Population


def measurement_period(start: date, end: date) -> Interval:
    """The whole days from start to end, as a closed interval of DateTimes."""
    first = DateTime((start.year, start.month, start.day, 0, 0, 0, 0))
    return Interval(first, DateTime((end.year, end.month, end.day, 23, 59, 59, 999)))


def setting(
    content: Content,
    period: tuple[date, date] | None,
    *,
    now: datetime | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Setting:
    """What every patient's evaluation stands on."""
    given = {**({PERIOD: measurement_period(*period)} if period else {}), **(parameters or {})}
    return Setting(Includes(content), content, given, now or datetime.now(UTC))


def run(
    population: Population,
    content: Content,
    wanted: Sequence[Wanted],
    period: tuple[date, date] | None,
    *,
    now: datetime | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Outcome:
    """Evaluate the wanted defines for every patient over the measurement period (both days included, UTC).

    See `salus.engine.run.run` for the shape of the outcome. A define that ends in an error for a patient is null for
    that patient, with a warning; one that cannot be evaluated at all raises SalusError.
    """
    outcome, clock = Outcome(), time.perf_counter()
    basis = setting(content, period, now=now, parameters=parameters)
    libraries = [basis.includes.open(each.library, each.version, "the run") for each in wanted]
    patients = Patients(population)
    look_after(basis, lambda: patients)
    outcome.timings["read"] = time.perf_counter() - clock
    clock = time.perf_counter()
    found: list[list[tuple[int, Value]]] = [[] for _ in wanted]
    refused: dict[Wanted, str] = {}
    for records in patients:
        interpreter = Interpreter(basis, records)
        for values, library, want in zip(found, libraries, wanted, strict=True):
            if want not in refused:
                _answer(values, interpreter, library, want, refused)
    for want, values in zip(wanted, found, strict=True):
        if want in refused:
            continue
        outcome.values[want] = table_of(values, over=want.over is not None)
    outcome.timings["execute"] = time.perf_counter() - clock
    odd = (f"{text} ({times} times)" for text, times in basis.warnings.items())
    outcome.warnings = [*refused.values(), *basis.includes.warnings(), *odd]
    return outcome


def _answer(
    values: list[tuple[int, Value]],
    interpreter: Interpreter,
    library: Library,
    want: Wanted,
    refused: dict[Wanted, str],
) -> None:
    """Add a patient's value; a refused define that is optional is noted instead."""
    try:
        values.append((interpreter.records.pid, value_of(interpreter, library, want)))
    except Refused as error:
        if not want.optional:
            raise
        refused[want] = left_out(want, error)


def value_of(interpreter: Interpreter, library: Library, want: Wanted) -> Value:
    """A define's value; with `over`, pairs of a resource of that list and the function's value for it."""
    define = library.closest(want.define)
    if want.over is None:
        return interpreter.define(library, define)
    units = interpreter.define(library, library.closest(want.over)) or []
    if not isinstance(units, list) or not all(is_resource(unit) for unit in units):
        raise SalusError(f'{library.label}: "{define}" is asked for over "{want.over}", which is no list of resources')
    return [(unit, interpreter.apply(library, define, unit)) for unit in units]
