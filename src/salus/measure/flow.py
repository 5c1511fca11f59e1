"""Who of the initial population is in which population: the membership rules of each scoring.

A criterion says which units it holds for; membership follows from the implied dependencies of the scoring (Quality
Measure IG, "Measure Population Semantics", conformance requirement 3.10, and the scoring section of each type):

- proportion (3.11): the denominator lies inside the initial population, exclusions inside the denominator, the
  numerator inside the denominator without the exclusions, numerator exclusions inside the numerator, and exceptions
  inside what is then left of the denominator: neither excluded nor in the numerator.
- ratio (3.12): denominator and numerator lie inside the initial population, each beside the other; each has its own
  exclusions inside it. An excluded denominator may still be a numerator.
- continuous variable (3.13): measure population inside the initial population, exclusions inside it.
- cohort (3.14): the initial population alone.

An excluded unit stays marked as what it is excluded from; the score takes it off. Set at a time: one array of truth
values per criterion, a place per unit. Leaves to others: the truth of the criteria (`measure.units`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from salus.measure.definition import Group

if TYPE_CHECKING:  # the flow is known before there are arrays to lead through it
    import numpy as np
    import numpy.typing as npt

Flags: TypeAlias = "npt.NDArray[np.bool_]"

POPULATIONS: Final = (
    "initial_population",
    "denominator",
    "denominator_exclusion",
    "denominator_exception",
    "numerator",
    "numerator_exclusion",
    "measure_population",
    "measure_population_exclusion",
)
"""The population columns of a determination; a measure-population code is the same word with hyphens."""

CODES: Final = tuple(column.replace("_", "-") for column in POPULATIONS)
"""The same as codes."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "proportion": ("initial-population", "denominator", "numerator"),
    "ratio": ("initial-population", "denominator", "numerator"),
    "continuous-variable": ("initial-population", "measure-population"),
    "cohort": ("initial-population",),
}
"""Table 3-1 of the IG: the populations a scoring needs."""

PERMITTED: Final[Mapping[str, tuple[str, ...]]] = {
    "proportion": POPULATIONS[:6],
    "ratio": ("initial_population", "denominator", "denominator_exclusion", "numerator", "numerator_exclusion"),
    "continuous-variable": ("initial_population", "measure_population", "measure_population_exclusion"),
    "cohort": ("initial_population",),
}
"""Table 3-1 of the IG: the populations a scoring may have, by column."""

OBSERVED: Final[Mapping[str, str]] = {
    "denominator": "denominator_exclusion",
    "numerator": "numerator_exclusion",
    "measure_population": "measure_population_exclusion",
}
"""The populations whose units are observed, and the exclusion that spares a unit from it."""


_ASKED_AFTER: Final[Mapping[str, Mapping[str, tuple[tuple[str, bool], ...]]]] = {
    "proportion": {
        "denominator": (("initial_population", True),),
        "denominator_exclusion": (("denominator", True),),
        "numerator": (("denominator", True), ("denominator_exclusion", False)),
        "numerator_exclusion": (("numerator", True),),
        "denominator_exception": (("denominator", True), ("denominator_exclusion", False), ("numerator", False)),
    },
    "ratio": {
        "denominator": (("initial_population", True),),
        "denominator_exclusion": (("denominator", True),),
        "numerator": (("initial_population", True),),
        "numerator_exclusion": (("numerator", True),),
    },
    "continuous-variable": {
        "measure_population": (("initial_population", True),),
        "measure_population_exclusion": (("measure_population", True),),
    },
    "cohort": {},
}


def asked_after(scoring: str, column: str) -> tuple[tuple[str, bool], ...]:
    """The populations a unit has to be in (True) or not (False) before it is asked of another: the flow, told per
    population. Populations that a measure does not have are to be passed over.
    """
    return _ASKED_AFTER[scoring].get(column, ())


def column_of(code: str) -> str:
    """The population column that a measure-population code stands for."""
    return code.replace("-", "_")


def code_of(column: str) -> str:
    """The measure-population code of a population column."""
    return CODES[POPULATIONS.index(column)]


def columns_of(group: Group) -> tuple[str, ...]:
    """The population columns that a group fills, in the order of the contract."""
    there = {column_of(population.code) for population in group.criteria}
    return tuple(column for column in POPULATIONS if column in there)


def membership(scoring: str, criteria: Mapping[str, Flags]) -> dict[str, Flags]:
    """From raw criteria (by population column) to membership; the same columns out as in."""
    return _FLOWS[scoring](criteria)


def proportion(criteria: Mapping[str, Flags]) -> dict[str, Flags]:
    """The flow of a proportion."""
    inside = _nested(criteria, "initial_population", "denominator")
    left = inside["denominator"]
    if "denominator_exclusion" in inside:
        inside["denominator_exclusion"] = left & inside["denominator_exclusion"]
        left = left & ~inside["denominator_exclusion"]
    inside["numerator"] = left & inside["numerator"]
    if "numerator_exclusion" in inside:
        inside["numerator_exclusion"] = inside["numerator"] & inside["numerator_exclusion"]
    if "denominator_exception" in inside:
        inside["denominator_exception"] = left & ~inside["numerator"] & inside["denominator_exception"]
    return inside


def ratio(criteria: Mapping[str, Flags]) -> dict[str, Flags]:
    """The flow of a ratio."""
    inside = _nested(criteria, "initial_population", "denominator", "denominator_exclusion")
    return _nested(inside, "initial_population", "numerator", "numerator_exclusion")


def continuous_variable(criteria: Mapping[str, Flags]) -> dict[str, Flags]:
    """The flow of a continuous variable."""
    return _nested(criteria, "initial_population", "measure_population", "measure_population_exclusion")


def counted(column: str, flags: Mapping[str, Flags]) -> Flags:
    """The units of a population that its exclusion does not take off: those that count and are observed."""
    inside, exclusion = flags[column], flags.get(OBSERVED[column])
    return inside if exclusion is None else inside & ~exclusion


def _nested(criteria: Mapping[str, Flags], *columns: str) -> dict[str, Flags]:
    """Each of the columns that is there narrowed to the one before it."""
    inside = dict(criteria)
    outer, *rest = (column for column in columns if column in inside)
    for column in rest:
        inside[column] = inside[outer] & inside[column]
        outer = column
    return inside


_FLOWS: Final[Mapping[str, Callable[[Mapping[str, Flags]], dict[str, Flags]]]] = {
    "proportion": proportion,
    "ratio": ratio,
    "continuous-variable": continuous_variable,
    "cohort": dict,
}
