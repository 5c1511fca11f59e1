"""Intervals of measures that cannot be negative, right also where there is nothing to find, and values freed of noise.

The plain estimate of such a measure lies too high, and an interval around it misses equality. Here the interval is
turned round: it holds every degree of inequality under which the estimate would be nothing unusual. Degrees lie on a
ray from equality through the observed figures; under each of them samples are drawn as chance would draw them. At
equality all of the chance of error lies on the side of too much inequality, and the more surely inequality would be
seen, the more evenly both sides share it: so the interval leaves out equality exactly when the test of it rejects, and
is an ordinary two-sided one far away. The value freed of noise is the degree under which half of all samples would
show more. The observed figures are one guess at the pattern of inequality; what other patterns that chance may have
hidden would allow is let in (`patterns`).

Several measures share the samples. Leaves to others: the formulas (`dispersion`), patterns (`patterns`).

Sources: Feldman and Cousins (1998) Phys Rev D 57:3873 for one interval for both cases; Chuang and Lai (2000) Stat
Sinica 10:1 for resampling along a family through the estimate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from salus.equity.contrasts import Measured
from salus.equity.dispersion import EXTREME, REFERENCE_ONLY, SPREAD, Formula, figures, first_axis
from salus.equity.groups import Groups
from salus.equity.intervals import Floats
from salus.equity.patterns import EXTREME_PATTERNS, SPREAD_PATTERNS, Pattern, ray

DRAWS = 299
SEED = 20260101
_LARGEST = 250_000  # figures drawn at once: what a processor's own memory holds


def inequality(groups: Groups, reference: Floats | None = None, draws: int = DRAWS) -> dict[str, Measured]:
    """All measures of `dispersion` by their short names, of every family; MDR only against a reference, for without
    one it is MDB."""
    asked = {name: formula for name, formula in EXTREME.items() if reference is not None or name not in REFERENCE_ONLY}
    patterns = dict.fromkeys(asked, EXTREME_PATTERNS) | dict.fromkeys(SPREAD, SPREAD_PATTERNS)
    return unified(groups, {**asked, **SPREAD}, patterns, reference, draws)


def unified(
    groups: Groups,
    formulas: Mapping[str, Formula],
    patterns: Mapping[str, tuple[Pattern, ...]],
    reference: Floats | None = None,
    draws: int = DRAWS,
) -> dict[str, Measured]:
    """Each formula's value, standard error, interval and value freed of noise; shape of the groups' leading axes.

    `patterns` are each formula's; one that several share is drawn once. The standard error is the spread of samples
    under the corrected degree of the first pattern. The same groups give the same answer: samples are drawn from a
    fixed seed. A value that is not finite has no interval (nan).
    """
    flat = _families(groups)
    families, width = flat.value.shape
    step = max(1, _LARGEST // (draws * width))
    chosen = None if reference is None else reference.reshape(families, width)

    def part(start: int) -> dict[str, Measured]:
        some = slice(start, start + step)
        base = None if chosen is None else chosen[some]
        found: dict[str, list[Measured]] = {name: [] for name in formulas}
        for pattern in dict.fromkeys(pattern for those in patterns.values() for pattern in those):
            held = {name: formula for name, formula in formulas.items() if pattern in patterns[name]}
            for name, measured in _along(_slice(flat, some), held, pattern, base, draws).items():
                found[name].append(measured)
        return {name: reduce(_widest, of) for name, of in found.items()}

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        parts = list(pool.map(part, range(0, families, step)))
    shape = groups.value.shape[:-1]
    return {name: _joined([part[name] for part in parts], shape) for name in formulas}


@dataclass(frozen=True, slots=True)
class Family:
    """What one measure is under each degree (degree, family) and in samples under it, in order (degree, family,
    sample)."""

    truth: Floats
    samples: Floats


def _along(
    groups: Groups, formulas: Mapping[str, Formula], pattern: Pattern, reference: Floats | None, draws: int
) -> dict[str, Measured]:
    """The measures with the interval along one ray."""
    observed = figures(groups, reference)
    rng = np.random.default_rng(SEED)
    degrees = ray(groups, observed, pattern)
    shape = (len(degrees), observed.mean.shape[0], draws)
    families = {name: Family(np.empty(shape[:2]), np.empty(shape)) for name in formulas}
    for place, truth in enumerate(degrees):
        exact, drawn = observed.drawn(truth), observed.drawn(_drawn(groups, truth, draws, rng))
        for name, formula in formulas.items():
            families[name].truth[place] = formula(exact)[..., 0]
            families[name].samples[place] = formula(drawn)
    return {name: _measured(f(observed)[..., 0], families[name], groups.level) for name, f in formulas.items()}


def _drawn(groups: Groups, truth: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Samples of the figures: shape (groups, families, draws)."""
    shape = (*truth.shape[:-1], draws)
    if not groups.counted:
        return np.asarray(truth + first_axis(groups.error) * rng.standard_normal(shape), dtype=np.float64)
    there = first_axis(groups.size)  # of units that are several of one person less than one may be left
    size = np.maximum(np.rint(there), there > 0).astype(np.int64)
    return np.asarray(rng.binomial(size, truth, shape) / np.maximum(size, 1), dtype=np.float64)


def _measured(value: Floats, family: Family, level: float) -> Measured:
    samples = np.sort(family.samples, axis=-1)
    usual = _quantile(samples[0], np.full(value.shape, level))
    seen = (samples > usual[:, None]).mean(axis=-1)
    share = np.clip((seen - seen[0]) / np.maximum(1.0 - seen[0], 1e-9), 0.0, 1.0)
    below = np.maximum.accumulate((1.0 - level) / 2.0 * share, axis=0)
    low, _ = _first(_quantile(samples, level + below), value, family.truth)
    high = _last(_quantile(samples, below), value, family.truth)
    corrected, place = _first(_quantile(samples, np.full(below.shape, 0.5)), value, family.truth)
    error = np.take_along_axis(_spread(samples), place[None], axis=0)[0]
    known = np.isfinite(value)
    parts = (value, error, np.minimum(low, high), np.maximum(low, high), np.minimum(corrected, value))
    return Measured(*(np.where(known, part, np.nan) for part in parts))


def _widest(one: Measured, other: Measured) -> Measured:
    """The first with an interval that holds both."""
    corrected = None if one.corrected is None or other.corrected is None else one.corrected
    return replace(one, low=np.minimum(one.low, other.low), high=np.maximum(one.high, other.high), corrected=corrected)


def _spread(samples: Floats) -> Floats:
    """The standard deviation over samples, of the finite ones."""
    finite = np.isfinite(samples)
    n = np.maximum(finite.sum(axis=-1), 1)
    kept = np.where(finite, samples, 0.0)
    mean = kept.sum(axis=-1) / n
    return np.asarray(np.sqrt(np.where(finite, (kept - mean[..., None]) ** 2, 0.0).sum(axis=-1) / n), dtype=np.float64)


def _quantile(ordered: Floats, share: Floats) -> Floats:
    """Quantiles of samples in order along the last axis, each at its own share."""
    last = ordered.shape[-1] - 1
    place = np.clip(share * (last + 2) - 1.0, 0.0, last)
    left = np.floor(place).astype(np.int64)
    low, high = (np.take_along_axis(ordered, at[..., None], -1)[..., 0] for at in (left, np.minimum(left + 1, last)))
    with np.errstate(invalid="ignore"):
        between = low + (place - left) * (high - low)
    return np.where(low == high, low, between)


def _first(curve: Floats, value: Floats, truth: Floats) -> tuple[Floats, np.ndarray]:
    """The truth at the first degree whose curve reaches the value, and the degree's place."""
    reached = curve >= value
    place = np.where(reached.any(axis=0), reached.argmax(axis=0), len(curve) - 1)
    return _between(curve, value, truth, np.maximum(place - 1, 0), place), place


def _last(curve: Floats, value: Floats, truth: Floats) -> Floats:
    """The truth at the last degree whose curve does not exceed the value."""
    inside = curve <= value
    place = np.where(inside.any(axis=0), len(curve) - 1 - inside[::-1].argmax(axis=0), 0)
    return _between(curve, value, truth, place, np.minimum(place + 1, len(curve) - 1))


def _between(curve: Floats, value: Floats, truth: Floats, left: np.ndarray, right: np.ndarray) -> Floats:
    """Truth on the straight line between two degrees, where the curve on it meets the value."""
    a, b, at_a, at_b = (
        np.take_along_axis(table, at[None], axis=0)[0]
        for table, at in ((curve, left), (curve, right), (truth, left), (truth, right))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip(np.nan_to_num((value - a) / (b - a)), 0.0, 1.0)
        met = at_a + part * (at_b - at_a)
    return np.asarray(np.where(np.isfinite(met), met, at_b), dtype=np.float64)


# --- families as one axis ---


def _families(groups: Groups) -> Groups:
    width = groups.value.shape[-1]
    parts = {name: getattr(groups, name).reshape(-1, width) for name in ("value", "error", "size", "down", "up")}
    return replace(groups, favourable=groups.favourable.reshape(-1), **parts)


def _slice(groups: Groups, some: slice) -> Groups:
    parts = {n: getattr(groups, n)[some] for n in ("value", "error", "size", "down", "up", "favourable")}
    return replace(groups, **parts)


def _joined(parts: list[Measured], shape: tuple[int, ...]) -> Measured:
    names = ("value", "error", "low", "high", "corrected")
    return Measured(*(np.concatenate([getattr(part, n) for part in parts]).reshape(shape) for n in names))
