"""Measure observations: what is observed over which population, and the numbers as a determination lists them.

Each unit that is in the observed population and not in its exclusion is observed (Quality Measure IG, "Individual
Observations" of ratio and continuous variable measures). A determination lists the numbers in the order in which the
measure lists its observations: no place for one that does not observe the unit, null for one that does
and cannot be told.
Leaves to others: the numbers (`engine`), what is made of them (`measure.score`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from salus.measure.definition import OBSERVATIONS, Group, Population
from salus.measure.flow import OBSERVED, column_of

METHODS: Final[Mapping[str, str]] = {
    "sum": "sum",
    "average": "average",
    "avg": "average",
    "mean": "average",
    "median": "median",
    "minimum": "minimum",
    "min": "minimum",
    "maximum": "maximum",
    "max": "maximum",
    "count": "count",
}
"""Spellings of the aggregate methods, in lower case, and the method each means."""

_SIDES: Final = ("denominator", "numerator")


@dataclass(frozen=True)
class Observation:
    """One observation of a group: the function, and the population (by column and by define) whose units it observes.

    `guessed`: the criteria reference names nothing in the group; what it observes is taken from names or from order.
    """

    id: str
    expression: str
    method: str
    column: str
    over: str
    guessed: bool = False


@cache
def observations(group: Group) -> tuple[Observation, ...]:
    """The observations of a group, in the order of the measure; none that observes nothing that is there."""
    listed = [population for population in group.populations if population.code in OBSERVATIONS]
    return tuple(filter(None, (_observation(group, each, place) for place, each in enumerate(listed))))


def notes(group: Group) -> Iterator[str]:
    """What the user should know of how the observations were understood."""
    for each in observations(group):
        if each.guessed:
            yield (
                f"group {group.id}: observation {each.id} refers to a criterion that the group does not have;"
                f" it is taken to observe the {each.column.replace('_', ' ')}"
            )


def _observation(group: Group, listed: Population, place: int) -> Observation | None:
    target = _referred(group, listed.criteria_reference)
    guessed = target is None and (listed.criteria_reference is not None or group.scoring == "ratio")
    target = target or _guess(group, listed, place)
    if target is None:
        return None
    method = (listed.aggregate_method or "").lower()
    column = column_of(target.code) if group.scoring == "ratio" else "measure_population"
    return Observation(listed.id, listed.expression, METHODS.get(method, method), column, target.expression, guessed)


def _referred(group: Group, reference: str | None) -> Population | None:
    """The population that a criteria reference names: by its id, else by its code."""
    there = [p for p in group.criteria if column_of(p.code) in OBSERVED or group.scoring == "continuous-variable"]
    by_id = [population for population in there if reference and population.id == reference]
    return next(iter(by_id or [population for population in there if population.code == reference]), None)


def _guess(group: Group, listed: Population, place: int) -> Population | None:
    """Without a reference that leads anywhere: a continuous variable observes its measure population; in a ratio the
    side that the function's name speaks of, else the denominator first and the numerator second.
    """
    if group.scoring != "ratio":
        return group.population("measure-population")
    named = [side for side in _SIDES if side in listed.expression.lower()]
    return group.population(named[0] if len(named) == 1 else _SIDES[min(place, 1)])
