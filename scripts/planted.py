"""Planted gaps against those found: many communities, each with its truth -> docs/planted.md.

Draws the scenario `standard` and the scenario `null` under many seeds (the truth alone, no records), counts the units
of every measure by group as the record has it, and makes the equity table of each. Its intervals are held against the
gaps to be expected in the population at large (the true chances of all communities together), its claims against what
was planted. `make planted`; figures are never written by hand.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from salus.catalog.synth.block import draw_block
from salus.catalog.synth.counted import Counted
from salus.catalog.synth.dice import BLOCK
from salus.catalog.synth.scenario import Effect, Scenario
from salus.catalog.synth.steps import CARE, MEASURES
from salus.equity.compare import Settings, compared
from salus.equity.intervals import Floats
from salus.equity.results import MeasureInfo, Results
from salus.equity.tally import CROSS, Bools

PAGE = Path(__file__).resolve().parent.parent / "docs/planted.md"
LOW, HIGH, LEVEL = 0.93, 0.97, 0.95
CROSSINGS = (("race", "sex"),)
REFERENCES = {
    "race": "White",
    "ethnicity": "Not Hispanic or Latino",
    "sex": "Female",
    "age_band": "45-64",
    "language": "English",
    "zip": "00010",
    "payer": "Private",
    "uninsured": "no",
    "race × sex": "White × Male",
}
SIZES = ((11, 30), (31, 100), (101, 300), (301, 10**9))


@dataclass(frozen=True)
class Outcome:
    """One community's table, each of shape (rows, columns); `n` is the smaller of the two denominators compared."""

    low: Floats
    high: Floats
    q: Floats
    p: Floats
    gap: Floats
    n: Floats


@dataclass(frozen=True)
class Study:
    """All communities of a scenario: arrays with the seeds first; `truth` is the gap to be expected."""

    counted: Counted
    outcome: Outcome
    truth: Floats
    effects: tuple[Effect, ...]

    @cached_property
    def compared(self) -> Bools:
        """Which comparisons were made, and have a truth."""
        made: Bools = ~np.isnan(self.outcome.p) & ~np.isnan(self.truth)
        return made

    @cached_property
    def held(self) -> Bools:
        return (self.outcome.low <= self.truth + 1e-12) & (self.truth - 1e-12 <= self.outcome.high)

    @cached_property
    def claimed(self) -> Bools:
        with np.errstate(invalid="ignore"):
            return self.compared & (self.outcome.q < 1 - LEVEL)

    @cached_property
    def false(self) -> Bools:
        """Claims of a gap where there is none, or of the other sign."""
        return self.claimed & (np.sign(self.outcome.gap) != np.sign(self.truth))


def community(task: tuple[str, int, int]) -> tuple[Counted, Outcome]:
    """One seed of a scenario, counted and compared."""
    name, seed, people = task
    scenario, counted = Scenario.named(name), Counted(CROSSINGS)
    for block in range(people // BLOCK):
        counted.add(draw_block(scenario, seed, block, records=False))
    table = compared(counted.tally(), results(), Settings(level=LEVEL, references=REFERENCES))
    shape = counted.all.shape
    low, high, q, p, gap = (
        table[name].to_numpy(zero_copy_only=False).astype(np.float64).reshape(shape)
        for name in ("difference_low", "difference_high", "q", "p", "difference")
    )
    return counted, Outcome(
        low, high, q, p, gap, np.minimum(counted.all, counted.all[:, places(counted)]).astype(float)
    )


def results() -> Results:
    """What the equity table asks of a run: which way is better."""
    measures = {
        each.name: MeasureInfo(each.name, improvement="increase" if each.more_is_better else "decrease")
        for each in MEASURES.values()
    }
    return Results(Path(), {}, measures)


def places(counted: Counted) -> list[int]:
    """For each column the one it is compared with; itself where there is none."""
    at = {column: place for place, column in enumerate(counted.columns)}
    return [at.get((name, REFERENCES.get(name, value)), place) for (name, value), place in at.items()]


def study(name: str, seeds: int, people: int, workers: int) -> Study:
    tasks = [(name, seed, people) for seed in range(1, seeds + 1)]
    total, outcomes = Counted(CROSSINGS), []
    with ProcessPoolExecutor(workers) as pool:
        for counted, outcome in pool.map(community, tasks, chunksize=4):
            total.join(counted)
            outcomes.append(outcome)
    fields = Outcome.__dataclass_fields__
    stacked = Outcome(**{name: np.stack([getattr(each, name) for each in outcomes]) for name in fields})
    effects = Scenario.named(name).effects
    return Study(total, stacked, truth(total, effects), effects)


def truth(total: Counted, effects: tuple[Effect, ...]) -> Floats:
    """The expected gaps: those of all communities' chances; nothing at all in measures without an effect."""
    gaps: Floats = total.expected - total.expected[:, places(total)]
    planted = {effect.measure for effect in effects}
    untouched = np.array([name not in planted for name in CARE])
    gaps[untouched] = np.where(np.isnan(gaps[untouched]), np.nan, 0.0)
    return gaps


# --- the page ---

HEAD = """# Planted against found

Made by `make planted` (`scripts/planted.py`): {seeds} synthetic communities of {people:,} people in each of two
scenarios ([synth.md](synth.md)). In `standard` {effects} gaps are planted, in `null` none. Of every community the
equity table is made: {rows} measures (and groups of measures) by eight attributes and one crossing, {compared:,.0f}
comparisons on average where both groups have at least 11. Intervals are 95%; a gap is claimed at a false discovery
rate of 5%. Groups are those of the record, with what it leaves unsaid.

The truth is the gap to be expected in the population at large: the difference of the mean true chances over all
communities together. It holds what confounding adds: the uninsured are younger and live elsewhere, so a gap planted
among them is one of neighbourhoods too.
**Bold** lies outside {low:.0%} to {high:.0%} by more than two standard errors of the simulation.
"""


def page(standard: Study, null: Study, seeds: int, people: int) -> str:
    """The page in Markdown."""
    head = HEAD.format(
        seeds=seeds,
        people=people,
        effects=len(standard.effects),
        rows=len(CARE),
        compared=standard.compared.sum() / seeds,
        low=LOW,
        high=HIGH,
    )
    return (
        "\n".join([head, *planted_table(standard), *coverage_table(standard, null), *false_table(standard, null)])
        + "\n"
    )


def planted_table(of: Study) -> Iterator[str]:
    yield "## Each planted gap\n"
    yield "How often the report claims the gap grows with the people there are; here it is small. The last column moves"
    yield f"by {2 * error(len(of.outcome.p)):.1%} either way by chance alone (two standard errors).\n"
    yield "| measure | step | who | against | planted gap | claimed | with the wrong sign | interval holds it |"
    yield "|---|---|---|---|---:|---:|---:|---:|"
    for effect in of.effects:
        row, column = cell(of.counted, effect)
        made = of.compared[:, row, column]
        right = (of.claimed & ~of.false)[:, row, column].sum() / max(made.sum(), 1)
        wrong = of.false[:, row, column].sum() / max(made.sum(), 1)
        who, against = CROSS.join(effect.who.values()), CROSS.join(effect.against.values())
        gap, held = of.truth[row, column] * 100, share(of.held[:, row, column], made)
        yield (
            f"| {MEASURES[effect.measure].name} | {effect.step} | {CROSS.join(effect.who)}: {who} | {against} "
            f"| {gap:+.1f} | {right:.0%} | {wrong:.0%} | {held} |"
        )


def cell(counted: Counted, effect: Effect) -> tuple[int, int]:
    """The place of an effect's group in the table."""
    column = (CROSS.join(effect.who), CROSS.join(effect.who.values()))
    return CARE.index(effect.measure), counted.columns.index(column)


def coverage_table(standard: Study, null: Study) -> Iterator[str]:
    yield "\n## How often the interval of a difference holds the truth\n"
    yield "| the smaller group has | `standard` | comparisons | `null` | comparisons |\n|---|---:|---:|---:|---:|"
    for low, high in ((11, 10**9), *SIZES):
        cells = [f"{low} or more" if high == 10**9 else f"{low} to {high}"]
        for of in (standard, null):
            made = of.compared & (of.outcome.n >= low) & (of.outcome.n <= high)
            cells += [share(of.held, made), f"{made.sum():,}"]
        yield "| " + " | ".join(cells) + " |"
    yield "\n| measure | `standard` | `null` |\n|---|---:|---:|"
    for row, (name, group) in enumerate(standard.counted.rows):
        shown = [share(of.held[:, row], of.compared[:, row]) for of in (standard, null)]
        yield f"| {name}{'' if group == '1' else ', ' + group} | " + " | ".join(shown) + " |"


def error(seeds: int) -> float:
    """The standard error of a coverage that is what it should be, from so many communities."""
    return float(np.sqrt(LEVEL * (1 - LEVEL) / seeds))


def share(held: Bools, made: Bools) -> str:
    """Coverage in per cent, marked where it is not what it should be; seeds are what is independent."""
    if not made.any():
        return "–"
    value = float(held[made].mean())
    slack = 2 * error(int(made.any(axis=tuple(range(1, made.ndim))).sum()))
    text = f"{value:.1%}"
    return text if LOW - slack <= value <= HIGH + slack else f"**{text}**"


def false_table(standard: Study, null: Study) -> Iterator[str]:
    yield "\n## False reports\n"
    yield "A claim is false where there is no gap, or one of the other sign. Where nothing is planted every claim is"
    yield "false, and the false discovery rate is the share of communities with any claim at all.\n"
    yield "| | `standard` | `null` |\n|---|---:|---:|"
    both = (standard, null)
    claims = [of.claimed.sum(axis=(1, 2)) for of in both]
    wrong = [of.false.sum(axis=(1, 2)) for of in both]
    rates = [float(np.mean(w / np.maximum(c, 1))) for w, c in zip(wrong, claims, strict=True)]
    yield f"| claims in a community, mean | {claims[0].mean():.1f} | {claims[1].mean():.2f} |"
    yield f"| false ones among them, mean | {wrong[0].mean():.2f} | {wrong[1].mean():.2f} |"
    yield f"| **false discovery rate** (stated: at most 5%) | {rates[0]:.1%} | {rates[1]:.1%} |"
    raw = [float((of.outcome.p[of.compared & (of.truth == 0)] < 1 - LEVEL).mean()) for of in both]
    yield f"| for comparison: p below 0.05 where there is no gap | {raw[0]:.1%} | {raw[1]:.1%} |"


def main() -> None:
    """Draw, compare, write the page, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=600)
    parser.add_argument("--people", type=int, default=4000, help=f"a multiple of {BLOCK:,}")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    if min(options.seeds, options.workers) < 1 or options.people < BLOCK or options.people % BLOCK:
        parser.error(f"--seeds and --workers are 1 or more, --people a multiple of {BLOCK:,}")
    if not options.page.parent.is_dir() or options.page.is_dir():
        parser.error(f"--page {options.page}: no file of that name can be written")
    start = time.perf_counter()
    found = [study(name, options.seeds, options.people, options.workers) for name in ("standard", "null")]
    options.page.write_text(page(*found, options.seeds, options.people), encoding="utf-8")
    print(f"{options.page} written in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
