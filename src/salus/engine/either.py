"""Defines answered by the database, and one patient at a time where it cannot: a new measure is slow at worst.

What does not compile to SQL (a list carried along by an aggregate, say) is answered by the oracle, which means the
same; the run's warnings name it, and why. What is optional and does not compile is left out: it is worth no slow run.
Leaves to others: the engines themselves (`run`, `oracle`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from salus.engine.asked import Outcome, Wanted, left_out
from salus.engine.run import Content
from salus.engine.run import run as by_database
from salus.store import Population


def run(
    population: Population,
    content: Content,
    wanted: Sequence[Wanted],
    period: tuple[date, date] | None,
    meanwhile: Callable[[], object] | None = None,
) -> Outcome:
    """The outcome of `salus.engine.run.run`, with nothing refused that the oracle answers; `meanwhile` as there.

    Raises SalusError for a define that neither engine can evaluate.
    """
    needed = [each for each in wanted if not each.optional]
    asked = [replace(each, optional=True) for each in wanted]
    outcome = by_database(population, content, asked, period, meanwhile=meanwhile)
    slow = [each for each in needed if each in outcome.refused]
    if not slow:
        return outcome
    from salus.engine import oracle  # only when it is needed: most runs start without it

    second = oracle.run(population, content, slow, period)
    instead = {left_out(each, outcome.refused[each]): _one_by_one(each, outcome.refused[each]) for each in slow}
    told = [instead.get(text, text) for text in outcome.warnings]
    outcome.warnings = [*told, *(text for text in second.warnings if text not in told)]
    outcome.refused = {each: why for each, why in outcome.refused.items() if each not in slow}
    outcome.values |= second.values
    outcome.timings |= {f"one by one, {step}": seconds for step, seconds in second.timings.items()}
    return outcome


def _one_by_one(want: Wanted, why: str) -> str:
    return f'"{want.define}" of {want.library} is evaluated one patient at a time, which is slow: {why}'
