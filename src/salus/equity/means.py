"""Means, times and ratios by who people are: measures whose figure is not a share of people.

A continuous variable is the mean (or, where the measure says so, the median) of what it observes; a ratio is what is
observed or counted of its numerator over the same of its denominator. A mean is a ratio as well: what was observed over
how often. Both are sums over people, whose own units belong together; so the error is that of a ratio of two sums over
people (linearised), with Student's interval over the number of people. Leaves to others: groups against a
reference (`mean_gaps`), rates (`compare`), which units are observed (`salus.measure`).

Source: Cochran (1977) Sampling Techniques, 3rd ed, eq 6.13 for the ratio estimator's variance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from salus.equity import counts, shuffled
from salus.equity.areas import gather_attributes
from salus.equity.compare import Settings
from salus.equity.counting import Codes, check_names, read_people
from salus.equity.design import by_person
from salus.equity.intervals import Floats, quotient, z_value
from salus.equity.mean_gaps import COMPARED, Figures, Kind, compared, judged, reference_of
from salus.equity.relations import parquet, quoted
from salus.equity.results import Results
from salus.equity.tally import EVERYONE, NOT_KNOWN, OVERALL

_NUMBERS = ("figure", "low", "high", *COMPARED, "q")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("measure", "group_id", "attribute", "value", "kind")]
    + [("total", pa.float64()), ("units", pa.float64()), ("people", pa.int64())]
    + [(name, pa.float64()) for name in _NUMBERS]
    + [(name, pa.string()) for name in ("reliability", "reference", "verdict", "improvement")]
    + [("missing_share", pa.float64()), ("level", pa.float64()), ("method", pa.string())]
)
"""Columns of the table of means; docs/attributes.md says what each means."""
TESTS = "welch and permutation tests"
METHODS = {
    "mean": f"ratio of sums over people, student; {TESTS}",
    "ratio": f"ratio of sums over people, student; {TESTS}",
    "median": "order statistics; mover",
}


@dataclass(frozen=True)
class Observed:
    """What is known of one measure group: for each person, `top` over `bottom` (sums over the person's units).

    `values` are single observations with their people, of medians only.
    """

    measure: str
    group_id: str
    kind: Kind
    person: Codes
    top: Floats
    bottom: Floats
    values: tuple[Codes, Floats] | None = None


@dataclass(frozen=True)
class Observations:
    """What was observed of each measure group, and who the people are: of each attribute, everyone first, the group of
    each person's place (`codes`) and the groups' names (`values`)."""

    measures: tuple[Observed, ...]
    codes: Mapping[str, Codes] = field(default_factory=dict)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


def mean_table(results: Results, by: Sequence[str] = (), settings: Settings | None = None) -> pa.Table:
    """Every group's figure in every measure that is a continuous variable or a ratio (SCHEMA), and against a reference.

    `by` and `settings` as of `compare.equity_table`; `minimum` is of people. `total` is the sum, `units` what it is
    divided by, `people` how many these are about. Empty where there is no such measure. UsageError: an attribute that
    is not there.
    """
    return tabled(observe(results, by), results, settings or Settings())


def observe(results: Results, by: Sequence[str] = ()) -> Observations:
    """What was observed of whom, in every measure that is a continuous variable or a ratio. UsageError: an attribute
    that is not there."""
    with duckdb.connect() as con:
        known = gather_attributes(con, results)
        check_names(known, by)
        listed = list(_listed(results))
        if not listed:
            return Observations(())
        people, codes, values = read_people(con, results, list(dict.fromkeys(by or known)))
        observed = [one for group in listed if (one := _read(con, results, group)) is not None]
    everyone = np.zeros(people + 1, dtype=np.int32)
    return Observations(tuple(observed), {OVERALL: everyone, **codes}, {OVERALL: (EVERYONE,), **values})


def tabled(observed: Observations, results: Results, settings: Settings) -> pa.Table:
    """The table of means (SCHEMA) of what was observed."""
    rows = [
        row
        for one in observed.measures
        for name, code in observed.codes.items()
        for row in _attribute(one, (name, observed.values[name], code), results, settings)
    ]
    return pa.Table.from_pylist(judged(rows, results, settings), schema=SCHEMA)


def _listed(results: Results) -> Iterator[Listed]:
    """Every group that is no rate and can be told."""
    for entry, group in results.groups:
        scoring = group.get("scoring") or entry.get("scoring")
        if scoring == "ratio" or (scoring == "continuous-variable" and group.get("observations")):
            yield str(entry["name"]), str(group["id"]), {**group, "scoring": scoring}


# --- reading ---

_EXCLUSIONS = {
    "measure_population": "measure_population_exclusion",
    "denominator": "denominator_exclusion",
    "numerator": "numerator_exclusion",
}


def _in(column: str) -> str:
    return f"(coalesce({column}, false) AND NOT coalesce({_EXCLUSIONS[column]}, false))"


Listed = tuple[str, str, Mapping[str, Any]]
"""Measure, group of the measure, and what run.json says of it."""


def _read(con: duckdb.DuckDBPyConnection, results: Results, listed: Listed) -> Observed | None:
    """None: sides that are neither counted nor summed, and measures nobody is in."""
    measure, group_id, group = listed
    kind, sides = _sides(group)
    if not sides:
        return None
    above, below = sides
    query = f"""
        SELECT coalesce(p.place, (SELECT count(*) FROM person))::INTEGER AS person, {above} AS top, {below} AS bottom
        FROM {parquet(results.determinations)} d LEFT JOIN person p USING (subject_id)
        WHERE measure = {quoted(measure)} AND group_id = {quoted(group_id)} AND initial_population
        """
    found = con.sql(f"SELECT * FROM ({query}) WHERE bottom > 0 OR top <> 0").fetchnumpy()
    person, met, size = (np.asarray(found[name]) for name in ("person", "top", "bottom"))
    values = (person.astype(np.int32), met.astype(np.float64)) if kind == "median" else None
    # one entry per person: a person without attributes (the last place) is told apart no further
    places, where = np.unique(person, return_inverse=True)
    top, bottom = (_totals(where, part.astype(np.float64), len(places)) for part in (met, size))
    return Observed(measure, group_id, kind, places.astype(np.int32), top, bottom, values)


def _totals(of: npt.NDArray[Any], values: Floats, groups: int) -> Floats:
    return np.bincount(of, values, groups).astype(np.float64)


def _sides(group: Mapping[str, Any]) -> tuple[Kind, tuple[str, str] | None]:
    """SQL of what each unit adds above and below the line."""
    observations = group.get("observations") or []
    if group["scoring"] == "continuous-variable":
        value = f"(CASE WHEN {_in('measure_population')} THEN observations[1] END)"
        kind: Kind = "median" if observations[0].get("method") == "median" else "mean"
        return kind, (f"coalesce({value}, 0.0)", f"({value} IS NOT NULL)::DOUBLE")
    found = [_side(column, observations) for column in ("numerator", "denominator")]
    return "ratio", (found[0], found[1]) if all(found) else None


def _side(column: str, observations: Sequence[Mapping[str, Any]]) -> str:
    """A side of a ratio: its observation summed up, else its units counted; "" where it is neither.

    A unit's list has no place for an observation of a population it is not in (`salus.measure.observations`).
    """
    place = "1"
    for each in observations:
        if each.get("of") == column:
            if each.get("method") not in ("sum", "count"):
                return ""
            value = f"(CASE WHEN {_in(column)} THEN observations[{place}] END)"
            return f"coalesce({value}, 0.0)" if each["method"] == "sum" else f"({value} IS NOT NULL)::DOUBLE"
        place += f" + {_in(str(each.get('of')))}::INTEGER" if each.get("of") in _EXCLUSIONS else ""
    return f"{_in(column)}::DOUBLE"


# --- figures ---


def _attribute(
    one: Observed, groups: tuple[str, Sequence[str], Codes], results: Results, settings: Settings
) -> Iterator[dict[str, Any]]:
    name, values, code = groups
    figures = _medians(one, code, len(values), settings.level) if one.values else None
    figures = figures or _ratios(one, code, len(values), settings.level)
    reference = reference_of(name, values, figures, settings)
    gone = sum(float(figures.units[i]) for i, value in enumerate(values) if value in NOT_KNOWN)
    total = float(figures.units.sum())
    against = compared(figures, reference, one.kind, settings)
    if reference is not None and one.values is None:
        against["p"] = _surely(one, code[one.person], reference, against["p"], settings)
    for i, value in enumerate(values):
        if figures.people[i] or value not in NOT_KNOWN:
            n = int(figures.people[i])
            yield {
                "measure": one.measure, "group_id": one.group_id, "attribute": name, "value": value, "kind": one.kind,
                "total": figures.total[i], "units": figures.units[i], "people": n,
                "figure": figures.value[i], "low": figures.low[i], "high": figures.high[i],
                **{key: column[i] for key, column in against.items()},
                "reliability": "empty" if n == 0 else "too few" if n < settings.minimum else "reliable",
                "reference": None if reference is None else values[reference],
                "improvement": results.measure(one.measure, one.group_id).improvement or None,
                "missing_share": gone / total if total else None, "level": settings.level,
                "method": METHODS[one.kind] + ("; benjamini-hochberg" if settings.control else ""),
            }  # fmt: skip


def _surely(one: Observed, of: Codes, reference: int, p: Floats, settings: Settings) -> Floats:
    """The p of Welch's test, or of the permutation test where that is larger: asked where a small group would be
    claimed to differ."""
    people, found = np.bincount(of, minlength=len(p)), p.copy()
    for group in np.flatnonzero(p < 1.0 - settings.level):
        if min(people[group], people[reference]) < shuffled.LARGEST:
            both = (of == group) | (of == reference)
            mixed = shuffled.permutation_p(one.top[both], one.bottom[both], of[both] == group)
            found[group] = max(p[group], mixed)
    return found


def _ratios(one: Observed, code: Codes, groups: int, level: float) -> Figures:
    """Each group's ratio of sums over its people, with the linearised error and Student's interval."""
    of = code[one.person]

    top, bottom, people = (_totals(of, part, groups) for part in (one.top, one.bottom, np.ones(len(of))))
    value = quotient(top, bottom)
    away = one.top - np.nan_to_num(value)[of] * one.bottom
    enough = people > 1
    free = np.where(enough, people - 1.0, 1.0)
    error = np.where(enough, quotient(np.sqrt(_totals(of, away**2, groups) * people / free), bottom), np.nan)
    half = stats.t.ppf(0.5 + level / 2.0, free) * error
    low = value - half if one.kind == "mean" else np.maximum(value - half, 0.0)
    return Figures(top, bottom, people, value, error, low, value + half)


def _medians(one: Observed, code: Codes, groups: int, level: float) -> Figures:
    """Each group's median with its interval by order statistics, of as many people as say as much as the units."""
    assert one.values is not None
    person, values = one.values
    repeats = by_person(person, values <= np.median(values), len(code) - 1) if len(values) else None
    effect = 1.0 if repeats is None else repeats.overall()
    rows = [counts.median(values[code[person] == group], level, effect) for group in range(groups)]
    value, low, high = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    units = np.bincount(code[person], minlength=groups).astype(np.float64)
    total = _totals(code[person], values, groups)
    people = np.bincount(code[one.person], minlength=groups).astype(np.float64)
    return Figures(total, units, people, value, (high - low) / (2.0 * z_value(level)), low, high)
