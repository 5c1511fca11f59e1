"""Counts and scores of a group from its determinations alone.

- proportion: (numerator - numerator exclusions) / (denominator - exclusions - exceptions)
- ratio: aggregate numerator / aggregate denominator, where a side without observation is counted, less its exclusions
- continuous variable: the aggregate of its (first) observation
- cohort: no score
- composite (weighted): the mean of the components' proportions by their weights, of those that have one

(Quality Measure IG, "Proportion measure scoring", "Ratio measure scoring", "Continuous variable measure scoring",
"Weighted Scoring".)
Leaves to others: who is in which population (`measure.scoring`), how a score is told (`measure.report`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.measure.definition import Group
from salus.measure.flow import OBSERVED, columns_of, counted
from salus.measure.observations import Observation, observations
from salus.measure.perpatient import whole

Doubles = npt.NDArray[np.float64]

_AGGREGATES: Final[Mapping[str, Callable[[Doubles], float]]] = {
    "sum": np.sum,
    "count": len,
    "average": np.mean,
    "median": np.median,
    "minimum": np.min,
    "maximum": np.max,
}


def counts(rows: pa.Table, group: Group) -> dict[str, int]:
    """How many units of `rows` (determinations of the group) are in each population it has, by column."""
    return {name: pc.sum(rows[name]).as_py() or 0 for name in columns_of(group)}


def observed(rows: pa.Table, group: Group) -> dict[str, Doubles]:
    """The numbers of each observation of the group, by its id; those that cannot be told are left out."""
    listed = observations(group)
    if not listed or not len(rows):
        return {each.id: np.zeros(0) for each in listed}
    cells = np.stack([_observed(rows, each) for each in listed], axis=1)
    owners = np.nonzero(cells.ravel())[0] % len(listed)
    numbers = pc.list_flatten(whole(rows["observations"]))
    mine = [numbers.filter(pa.array(owners == place)).drop_null() for place in range(len(listed))]
    return {each.id: each_numbers.to_numpy() for each, each_numbers in zip(listed, mine, strict=True)}


def score(rows: pa.Table, group: Group) -> float | None:
    """The score of a group; None when it has none: a cohort, nothing to divide by, nothing observed."""
    match group.scoring:
        case "proportion":
            return _proportion(counts(rows, group))
        case "ratio":
            numbers = observed(rows, group)
            below = _side("denominator", rows, group, numbers)
            above = _side("numerator", rows, group, numbers)
            return above / below if below and above is not None else None
        case "continuous-variable":
            numbers = observed(rows, group)
            first = next(iter(observations(group)), None)
            return aggregate(first.method, numbers[first.id]) if first and len(numbers[first.id]) else None
        case "composite":
            return _weighted(rows, group)
    return None


def aggregate(method: str, numbers: Doubles) -> float | None:
    """Numbers as one. The sum and the count of none are 0; nothing else can be said of none.

    A method that is not known gives None.
    """
    if method not in _AGGREGATES or (not len(numbers) and method not in ("sum", "count")):
        return None
    return float(_AGGREGATES[method](numbers))


def _proportion(tally: Mapping[str, int]) -> float | None:
    taken_off = tally.get("denominator_exclusion", 0) + tally.get("denominator_exception", 0)
    rest = tally.get("denominator", 0) - taken_off
    return (tally.get("numerator", 0) - tally.get("numerator_exclusion", 0)) / rest if rest else None


def _weighted(rows: pa.Table, group: Group) -> float | None:
    components = group.composite.components if group.composite else ()
    parts = [(each.weight, rows.filter(pc.equal(rows["unit_id"], each.key))) for each in components]
    scores = [(weight, found) for weight, part in parts if (found := _proportion(counts(part, group))) is not None]
    whole = sum(weight for weight, _ in scores)
    return sum(weight * found for weight, found in scores) / whole if whole else None


def _side(column: str, rows: pa.Table, group: Group, numbers: Mapping[str, Doubles]) -> float | None:
    """What a ratio divides or divides by: the aggregate of the side's observation, else how many units count."""
    for each in observations(group):
        if each.column == column:
            return aggregate(each.method, numbers[each.id])
    tally = counts(rows, group)
    return float(tally[column] - tally.get(OBSERVED[column], 0))


def _observed(rows: pa.Table, observation: Observation) -> npt.NDArray[np.bool_]:
    names = (observation.column, OBSERVED[observation.column])
    flags = {name: rows[name] for name in names if rows[name].null_count < len(rows)}
    arrays = {name: np.asarray(pc.fill_null(column, False), dtype=np.bool_) for name, column in flags.items()}
    return counted(observation.column, arrays)
