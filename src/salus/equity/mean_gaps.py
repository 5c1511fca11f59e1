"""Means, times and ratios of groups against a reference: differences, tests, verdicts.

Arrays by group of one attribute. Leaves to others: the figures themselves (`means`), rates (`compare`).

Sources: Welch (1947) Biometrika 34:28 for the difference; Newcombe (2011) Commun Stat 40:1743 (MOVER) for differences
of medians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from salus.equity import multiple
from salus.equity.compare import COUNTED, Settings
from salus.equity.intervals import Floats, z_value
from salus.equity.results import Results
from salus.equity.tally import NOT_KNOWN, OVERALL

Kind = Literal["mean", "median", "ratio"]
COMPARED = ("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high", "p")


@dataclass(frozen=True)
class Figures:
    """The figures of the groups of one attribute (arrays by group)."""

    total: Floats
    units: Floats
    people: Floats
    value: Floats
    error: Floats
    low: Floats
    high: Floats


def reference_of(name: str, values: Sequence[str], figures: Figures, settings: Settings) -> int | None:
    """The group asked for, else the known one with the most people."""
    if name == OVERALL:
        return None
    if settings.references.get(name) in values:
        return list(values).index(settings.references[name])
    known = [i for i, value in enumerate(values) if value not in NOT_KNOWN and figures.people[i]]
    return max(known, key=lambda i: figures.people[i], default=None)


def compared(figures: Figures, reference: int | None, kind: Kind, settings: Settings) -> dict[str, Floats]:
    """Difference, ratio and p of every group against the reference; nan without one and of itself."""
    if reference is None:
        return dict.fromkeys(COMPARED, np.full(len(figures.value), np.nan))
    value, other = figures.value, figures.value[reference]
    gap = value - other
    noise = np.hypot(figures.error, figures.error[reference])
    if kind == "median":
        low = gap - np.hypot(value - figures.low, figures.high[reference] - other)
        high = gap + np.hypot(figures.high - value, other - figures.low[reference])
        free = np.full(len(value), np.inf)
    else:
        free = _welch(figures, reference)
        half = stats.t.ppf(0.5 + settings.level / 2.0, free) * noise
        low, high = gap - half, gap + half
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2.0 * stats.t.sf(np.abs(gap) / noise, free)
    ratio, ratio_low, ratio_high = _quotients(figures, reference, settings.level)
    enough = np.minimum(figures.people, figures.people[reference]) >= settings.minimum
    found = {"difference": gap, "difference_low": low, "difference_high": high}
    found |= {"ratio": ratio, "ratio_low": ratio_low, "ratio_high": ratio_high, "p": np.where(enough, p, np.nan)}
    own = np.arange(len(value)) == reference
    return {key: np.where(own, np.nan, column) for key, column in found.items()}


def _welch(figures: Figures, reference: int) -> Floats:
    """Welch's degrees of freedom of each group against the reference."""
    own = figures.error**2
    other = own[reference]
    free, free0 = np.maximum(figures.people - 1.0, 1.0), max(float(figures.people[reference]) - 1.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (own + other) ** 2 / (own**2 / free + other**2 / free0)
    return np.where(np.isfinite(found), found, 1.0)


def _quotients(figures: Figures, reference: int, level: float) -> tuple[Floats, Floats, Floats]:
    """Ratios of positive figures with the interval of their logarithm."""
    value, other = figures.value, figures.value[reference]
    with np.errstate(invalid="ignore", divide="ignore"):
        good = (value > 0) & (other > 0)
        ratio = np.where(good, value / other, np.nan)
        spread = np.hypot(figures.error / value, figures.error[reference] / other)
    factor = np.exp(z_value(level) * np.where(good, spread, np.nan))
    return ratio, ratio / factor, ratio * factor


def again(rows: Sequence[Mapping[str, Any]], results: Results, settings: Settings) -> list[dict[str, Any]]:
    """Rows of the table of means compared anew, by the people, figures and intervals they say and nothing else; one
    without a figure is of nobody."""
    families: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        families.setdefault((row["measure"], row["group_id"], row["attribute"]), []).append(row)
    made = [each for (_, _, name), members in families.items() for each in _family(name, members, settings)]
    return judged(made, results, settings)


def _family(name: str, rows: Sequence[Mapping[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    figures = _said(rows, settings.level)
    values = [row["value"] for row in rows]
    reference = reference_of(name, values, figures, settings)
    against = compared(figures, reference, rows[0]["kind"], settings)
    named = None if reference is None else values[reference]
    return [
        {**row, **{key: column[i] for key, column in against.items()}, "reference": named} for i, row in enumerate(rows)
    ]


def _said(rows: Sequence[Mapping[str, Any]], level: float) -> Figures:
    """The figures of one attribute's groups as their rows say them; errors are read off the intervals."""
    value, low, high = (np.array([row[key] for row in rows], dtype=np.float64) for key in ("figure", "low", "high"))
    people = np.where(np.isnan(value), 0.0, np.array([row["people"] for row in rows], dtype=np.float64))
    none = np.zeros(len(rows))
    if rows[0]["kind"] == "median":
        error = (high - low) / (2.0 * z_value(level))
    else:
        error = (high - value) / stats.t.ppf(0.5 + level / 2.0, np.maximum(people - 1.0, 1.0))
    return Figures(none, none, people, value, error, low, high)


# --- verdicts ---


def judged(rows: Sequence[dict[str, Any]], results: Results, settings: Settings) -> list[dict[str, Any]]:
    """With q over all comparisons but those by what a measure counts itself, verdicts, and None for nan."""
    counted = np.array([results.measure(row["measure"]).counts(row["attribute"]) for row in rows], dtype=np.bool_)
    p = np.where(counted, np.nan, np.array([row["p"] for row in rows], dtype=np.float64))
    q = multiple.benjamini_hochberg(p) if settings.control else p
    whole = [{**row, "p": p[i], "q": q[i]} for i, row in enumerate(rows)]
    clean = [{k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()} for row in whole]
    return [row | {"verdict": _verdict(row, counted[i])} for i, row in enumerate(clean)]


def _verdict(row: Mapping[str, Any], counted: bool) -> str:
    if counted and row["people"]:
        return COUNTED
    if row["reliability"] != "reliable":
        return "no one" if row["reliability"] == "empty" else "too few to say"
    if row["reference"] is None or row["value"] == row["reference"]:
        return "not compared" if row["reference"] is None else "reference"
    if row["q"] is None:
        return "too few to say"
    if row["q"] >= 1.0 - row["level"] or not row["difference"]:
        return "no clear difference"
    if row["improvement"] not in ("increase", "decrease"):
        return "higher" if row["difference"] > 0 else "lower"
    return "better" if (row["difference"] > 0) == (row["improvement"] == "increase") else "worse"
