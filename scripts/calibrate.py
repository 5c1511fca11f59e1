"""How often the intervals hold the truth: simulated groups whose truth is known -> docs/calibration.md.

Each setting draws many families of groups; every inequality measure's 95% interval is held against the true value.
The page shows all of it, with what lies outside 93 to 97% marked and listed. `make calibration`; figures are never
written by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from resumable import in_parts
from salus.equity import design, dispersion, groups, intervals, pooling, shuffled, summary, unified
from salus.equity.contrasts import Measured

_TEST = "means "
PAGE = Path(__file__).resolve().parent.parent / "docs/calibration.md"
LOW, HIGH = 0.93, 0.97
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """True rates and sizes of a family's groups. With `alike` (an intraclass correlation) what is counted are stays,
    one to six of each person."""

    name: str
    rates: tuple[float, ...]
    sizes: tuple[int, ...]
    alike: float = 0.0


SETTINGS = (
    Setting("equal, 4 of 200", (0.5,) * 4, (200,) * 4),
    Setting("equal, 2 of 200", (0.3,) * 2, (200,) * 2),
    Setting("equal, 8 of 100", (0.4,) * 8, (100,) * 8),
    Setting("equal, unequal sizes", (0.3,) * 4, (20, 30, 500, 2000)),
    Setting("equal, small", (0.4,) * 4, (25,) * 4),
    Setting("equal, rare", (0.03,) * 4, (200,) * 4),
    Setting("graded, 4 of 200", (0.4, 0.5, 0.55, 0.6), (200,) * 4),
    Setting("wide, 4 of 200", (0.2, 0.4, 0.6, 0.8), (200,) * 4),
    Setting("graded, small", (0.3, 0.5, 0.6, 0.7), (30,) * 4),
    Setting("rare, 4 of 200", (0.02, 0.04, 0.05, 0.08), (200,) * 4),
    Setting("unequal sizes, small worst", (0.3, 0.35, 0.4, 0.5), (20, 30, 500, 2000)),
    Setting("unequal sizes, small best", (0.5, 0.4, 0.35, 0.3), (20, 30, 500, 2000)),
    Setting("one apart, 6 of 100", (0.2, 0.5, 0.5, 0.5, 0.5, 0.5), (100,) * 6),
    Setting("two and two, 4 of 200", (0.5, 0.5, 0.6, 0.6), (200,) * 4),
    Setting("stays, equal, 4 of 60", (0.3,) * 4, (60,) * 4, 0.3),
    Setting("stays, graded, 4 of 150", (0.2, 0.3, 0.4, 0.5), (150,) * 4, 0.3),
    Setting("stays, unequal sizes", (0.5, 0.35, 0.4, 0.3), (30, 60, 300, 900), 0.3),
)


@dataclass(frozen=True)
class Coverage:
    """Share of intervals that hold the truth, and of those that lie above and below it; `n` were defined."""

    held: float
    above: float
    below: float
    bias: float
    corrected: float | None
    n: int

    @property
    def good(self) -> bool:
        """Within 93 to 97%, give or take what the number of simulations allows (two standard errors)."""
        slack = 2.0 * np.sqrt(0.05 * 0.95 / max(self.n, 1))
        return bool(LOW - slack <= self.held <= HIGH + slack)


def measured(setting: Setting, families: int, draws: int) -> dict[str, Coverage]:
    """The coverage of every measure under one setting."""
    rng = np.random.default_rng(abs(hash_of(setting.name)))
    rates = np.array(setting.rates)
    x, n = _stays(setting, families, rng) if setting.alike else _people(setting, families, rng)
    taken, exact = groups.of_counts(x, n, True), groups.of_counts(rates * n, n, True)
    found = dict(_single(x, n, rates))
    for name, index in summary.ORDERED.items():
        found[name] = _coverage(index(taken), index(exact).value)
    for name, one in unified.inequality(taken, draws=draws).items():
        found[name] = _coverage(one, dispersion.FORMULAS[name](dispersion.figures(exact))[..., 0])
    return found


def _people(setting: Setting, families: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """x of n of every family's groups: people, each counted once."""
    sizes = np.array(setting.sizes)
    x = rng.binomial(sizes, setting.rates, (families, len(sizes)))
    return x.astype(np.float64), np.broadcast_to(sizes, x.shape).astype(np.float64)


def _stays(setting: Setting, families: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """x of n of as many people as say as much as the stays drawn."""
    made = [_family_of_stays(setting, rng) for _ in range(families)]
    x, n = (np.array([family[part] for family in made]) for part in (0, 1))
    return x, n


def _family_of_stays(setting: Setting, rng: np.random.Generator) -> tuple[Floats, Floats]:
    group = np.repeat(np.arange(len(setting.sizes)), setting.sizes)
    rate, spread = np.array(setting.rates)[group], 1.0 / setting.alike - 1.0
    stays = rng.integers(1, 7, len(group))
    met = rng.binomial(stays, rng.beta(rate * spread, (1.0 - rate) * spread)).astype(np.float64)
    effect = design.Repeats(stays, met).overall()
    return np.bincount(group, met) / effect, np.bincount(group, stays) / effect


def claims(kind: str, draws: int) -> list[float]:
    """How often two groups drawn alike, of the sizes of `UNEVEN`, have a p below each of `LEVELS`: Welch's, and that of
    the table of means."""
    few, people, draw = UNEVEN[kind]
    rng, inside = np.random.default_rng(hash_of(kind)), np.arange(people) < few
    told = np.zeros((2, len(LEVELS)))
    for _ in range(draws):
        values = draw(rng, people)
        p = float(stats.ttest_ind(values[inside], values[~inside], equal_var=False).pvalue)
        both = max(p, shuffled.permutation_p(values, np.ones(people), inside)) if p < LEVELS[0] else p
        told += [[each < level for level in LEVELS] for each in (p, both)]
    return [float(share) for share in (told / draws).ravel()]


LEVELS = (0.05, 0.01, 0.001)
Draw = Callable[[np.random.Generator, int], Floats]
UNEVEN: dict[str, tuple[int, int, Draw]] = {
    "15 of 600, normal": (15, 600, lambda rng, n: rng.normal(size=n)),
    "15 of 600, exponential": (15, 600, lambda rng, n: rng.exponential(size=n)),
    "15 of 600, lognormal (1.3)": (15, 600, lambda rng, n: rng.lognormal(0.0, 1.3, n)),
    "60 of 600, lognormal (1.3)": (60, 600, lambda rng, n: rng.lognormal(0.0, 1.3, n)),
    "11 of 40, exponential": (11, 40, lambda rng, n: rng.exponential(size=n)),
}


def hash_of(text: str) -> int:
    """A number of the text that is the same every time."""
    return int.from_bytes(text.encode()[:8].ljust(8), "big") % 2**31


def _single(x: Floats, n: Floats, rates: Floats) -> Iterator[tuple[str, Coverage]]:
    """The rate of the first group, its difference and ratio to the last, and all groups' pooled rates."""
    low, high = intervals.wilson(x[:, 0], n[:, 0])
    yield "rate", _held(low, high, rates[0])
    low, high = intervals.difference(x[:, 0], n[:, 0], x[:, -1], n[:, -1])
    yield "difference", _held(low, high, rates[0] - rates[-1])
    low, high = intervals.ratio(x[:, 0], n[:, 0], x[:, -1], n[:, -1])
    yield "ratio", _held(low, high, rates[0] / rates[-1])
    borrowed = pooling.borrowed(x, n)
    yield "pooled", _held(borrowed.low, borrowed.high, np.broadcast_to(rates, x.shape))


def _coverage(of: Measured, truth: Floats) -> Coverage:
    known = np.isfinite(of.value) & np.isfinite(truth)
    held = _held(of.low[known], of.high[known], truth[known])
    corrected = None if of.corrected is None else float(np.median((of.corrected - truth)[known]))
    bias = float(np.median((of.value - truth)[known])) if known.any() else float("nan")
    return Coverage(held.held, held.above, held.below, bias, corrected, int(known.sum()))


def _held(low: Floats, high: Floats, truth: Floats | float) -> Coverage:
    above, below = low > truth + 1e-12, high < truth - 1e-12
    mean = [float(np.mean(part)) if part.size else float("nan") for part in (~(above | below), above, below)]
    return Coverage(mean[0], mean[1], mean[2], 0.0, None, int(low.size))


# --- the page ---


def page(
    found: dict[str, dict[str, Coverage]], means: Mapping[str, Sequence[float]], families: int, draws: int, deals: int
) -> str:
    """The page in Markdown."""
    measures = list(next(iter(found.values())))
    lines = [HEAD.format(families=families, draws=draws, low=LOW, high=HIGH)]
    lines += _settings()
    lines += ["", "## Coverage of 95% intervals, in per cent", ""]
    lines += ["| | " + " | ".join(letters(i) for i in range(len(found))) + " |", "|---|" + "---:|" * len(found)]
    for name in measures:
        lines.append(f"| `{name}` | " + " | ".join(_cell(of[name]) for of in found.values()) + " |")
    lines += ["", "## Outside 93 to 97%", "", *_failures(found)]
    lines += ["", "## What chance adds, and what is left of it when it is taken out", "", *_bias(found)]
    lines += _means(means, deals)
    return "\n".join(lines) + "\n"


def _means(found: Mapping[str, Sequence[float]], draws: int) -> Iterator[str]:
    """The section on tests of means."""
    yield from ("", "## Claims about means of groups that are alike", "")
    yield (
        f"Two groups drawn from one distribution, {draws:,} times: how often p is below each level, by Welch's test "
        "and as the table of means has it (the permutation test where that is larger), in per cent."
    )
    heads = [f"{name} below {level:g}" for name in ("Welch", "table") for level in LEVELS]
    yield from ("", f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads))
    for kind, shares in found.items():
        yield f"| {kind} | " + " | ".join(f"{100 * share:.2f}" for share in shares) + " |"


HEAD = """# How often the intervals hold the truth

Made by `make calibration` (`scripts/calibrate.py`): {families} families of groups are drawn in each setting, and each
measure's 95% interval is held against the true value ({draws} samples behind each interval that is found by test
inversion). **Bold** is what lies outside {low:.0%} to {high:.0%} by more than two standard errors of the simulation.

Intervals that hold the truth more often than they say are longer than need be; those that hold it less often promise
too much. Both are listed below. Of equal groups all measures that cannot be negative are zero; the column of such a
setting says how often their intervals hold zero. `rate` is of the first group, `difference` and `ratio` of the first
and the last. `pooled` promises to hold the true rates of groups that come from one distribution; here the rates are
fixed, and a small group that lies apart is pulled to the rest: its rate as counted and that interval stand beside it.
*Stays* are several of one person, one to six, that resemble each other (an intraclass correlation of 0.3): intervals
are of counts divided by their design effect.

| | setting | true rates | people |
|---|---|---|---|"""


def _settings() -> list[str]:
    rows = []
    for place, setting in enumerate(SETTINGS):
        rates, sizes = (", ".join(str(v) for v in values) for values in (setting.rates, setting.sizes))
        rows.append(f"| {letters(place)} | {setting.name} | {rates} | {sizes} |")
    return rows


def letters(place: int) -> str:
    """A, B, C ..."""
    return chr(ord("A") + place)


def _cell(of: Coverage) -> str:
    text = "–" if np.isnan(of.held) else f"{of.held * 100:.1f}"
    return text if of.good or np.isnan(of.held) else f"**{text}**"


def _failures(found: dict[str, dict[str, Coverage]]) -> list[str]:
    """Each failure, with the side on which the interval misses."""
    rows = [
        (of.held, f"| {letters(i)} | `{name}` | {of.held:.1%} | {of.above:.1%} | {of.below:.1%} |")
        for i, setting in enumerate(found.values())
        for name, of in setting.items()
        if not np.isnan(of.held) and not of.good
    ]
    short = sum(held < LOW for held, _ in rows)
    total = sum(not np.isnan(of.held) for setting in found.values() for of in setting.values())
    head = [f"{len(rows)} of {total}: {short} hold the truth too seldom, {len(rows) - short} more often than need be."]
    table = ["", "| | measure | held | interval above the truth | below it |", "|---|---|---:|---:|---:|"]
    return head + table + [line for _, line in sorted(rows)]


def _bias(found: dict[str, dict[str, Coverage]]) -> list[str]:
    """Median error of the plain and of the corrected value, under some settings."""
    shown = [i for i in (0, 3, 6, 10) if i < len(found)]
    lines = ["Median distance of the estimate from the truth, as given and freed of noise.", ""]
    lines += ["| | " + " | ".join(f"{letters(i)} plain | corrected" for i in shown) + " |"]
    lines += ["|---|" + "---:|---:|" * len(shown)]
    settings = list(found.values())
    for name, of in settings[0].items():
        if of.corrected is not None:
            parts = (settings[i][name] for i in shown)
            lines.append(f"| `{name}` | " + " | ".join(f"{p.bias:.4f} | {p.corrected:.4f}" for p in parts) + " |")
    return lines


def part(key: str) -> Any:
    """One setting: families, draws and its place among the settings; or a test of means: draws and its name."""
    if key.startswith(_TEST):
        deals, kind = key.removeprefix(_TEST).split(" ", 1)
        return claims(kind, int(deals))
    families, draws, place = (int(number) for number in key.split())
    return {name: asdict(of) for name, of in measured(SETTINGS[place], families, draws).items()}


def main() -> None:
    """Simulate what is not there yet, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=600)
    parser.add_argument("--draws", type=int, default=299)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--deals", type=int, default=4000)
    options = parser.parse_args()
    keys = [f"{options.families} {options.draws} {place}" for place in range(len(SETTINGS))]
    tests = {kind: f"{_TEST}{options.deals} {kind}" for kind in UNEVEN}
    made = in_parts("calibration", [*tests.values(), *keys], part)
    found = {
        setting.name: {name: Coverage(**of) for name, of in made[key].items()}
        for setting, key in zip(SETTINGS, keys, strict=True)
    }
    means = {kind: made[key] for kind, key in tests.items()}
    text = page(found, means, options.families, options.draws, options.deals)
    options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
