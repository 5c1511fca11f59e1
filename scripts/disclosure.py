"""Random releases attacked: what comes back from them, and from plain suppression of small cells -> docs/disclosure.md.

    scripts/disclosure.py [N] [--page FILE]

N draws (200) of people, measures and two periods. Each is released under a profile, the second period beside the first,
and attacked; the same results with nothing but their small cells blanked are attacked as well. Exit code 1 when a
certified release gives anything back. The page of a release is left out: it draws the same lines.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/publish"), str(ROOT / "tests/equity")]

from random_releases import results  # noqa: E402

from resumable import in_parts  # noqa: E402
from salus.equity.counting import count_cells  # noqa: E402
from salus.equity.means import observe  # noqa: E402
from salus.equity.results import Results  # noqa: E402
from salus.errors import SalusError  # noqa: E402
from salus.publish import certificate, release  # noqa: E402
from salus.publish.averages import averages  # noqa: E402
from salus.publish.policy import PROFILES, Policy  # noqa: E402
from salus.publish.tables import Average  # noqa: E402

BY = ("race", "payer", "uninsured")
RULES = ("cms11", "opensafely", "census")
FIGURES = ("rate", "low", "high", "difference", "difference_low", "difference_high", "ratio", "people")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draws", nargs="?", type=int, default=200)
    parser.add_argument("--page", type=Path, default=ROOT / "docs/disclosure.md")
    asked = parser.parse_args()
    tallies: dict[str, Counter[str]] = {name: Counter() for name in RULES}
    for draw, tally in in_parts("disclosure", [str(draw) for draw in range(asked.draws)], part).items():
        tallies[RULES[int(draw) % len(RULES)]] += Counter(tally)
    asked.page.write_text("\n".join(page(asked.draws, tallies)) + "\n", encoding="utf-8")
    return 1 if any(tally["narrowed"] for tally in tallies.values()) else 0


def part(draw: str) -> dict[str, int]:
    """One draw, under the rule whose turn it is."""
    release.render = lambda *_: "<!doctype html>"
    with tempfile.TemporaryDirectory() as folder:
        return fought(Path(folder), int(draw), PROFILES[RULES[int(draw) % len(RULES)]])


def fought(folder: Path, draw: int, rule: Policy) -> Counter[str]:
    """One draw: two releases, the second beside the first, and the plain one."""
    tally: Counter[str] = Counter()
    order = release.Order(by=BY, policy=rule)
    first = Results.open(results(folder / "a", draw))
    later = Results.open(results(folder / "b", draw, "2026-09-30", more=draw % 40))
    made = released(first, folder / "one", order, tally)
    before = (made.out,) if made else ()
    released(later, folder / "two", replace(order, earlier=before), tally)
    inside = release.publish(first, folder / "inside", release.Order(by=BY, policy=PROFILES["none"]))
    truth, means = truth_of(first), means_of(first, rule)
    blanked(inside.out / "equity.csv", {key: smalls(counts, rule) for key, counts in truth.items()}, FIGURES)
    few = {key: [rule.small(of.n), of.guard(rule) is not None] for key, of in means.items()}
    blanked(inside.out / "means.csv", few, ("low", "high", "difference"))
    judged = certificate.judge(inside.out, (), truth, rule, means)
    tally["plain"] += len(judged.guards)
    tally["plain narrowed"] += len(judged.broken)
    return tally


def released(opened: Results, out: Path, order: release.Order, tally: Counter[str]) -> release.Done | None:
    """A release with its certificate; a refusal is counted, and that is all that comes of it."""
    try:
        done = release.publish(opened, out, order)
    except SalusError:
        tally["refused"] += 1
        return None
    truth, means = truth_of(opened), means_of(opened, order.policy)
    judged = certificate.judge(out, order.earlier, truth, order.policy, means)
    small = [smalls(counts, order.policy)[1] for counts in truth.values()]
    small += [of.guard(order.policy) is not None for of in means.values()]
    tally.update(
        {
            "small": sum(small),
            "releases": 1,
            "protected": len(judged.guards),
            "narrowed": len(judged.broken),
            "lines": done.lines,
            "hidden": done.hidden,
        }
    )
    return done


def truth_of(opened: Results) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    return {(c.measure, c.group_id, c.attribute, c.value): (c.x, c.n) for c in count_cells(opened, BY)}


def means_of(opened: Results, rule: Policy) -> dict[tuple[str, str, str, str], Average]:
    return averages(observe(opened, BY), rule)


def smalls(counts: tuple[int, int], rule: Policy) -> list[bool]:
    """Whether a line's denominator is small, and whether anything of it is."""
    x, n = counts
    return [rule.small(n), rule.small(x) or rule.small(n - x) or rule.small(n)]


def blanked(table: Path, lines: dict[tuple[str, str, str, str], list[bool]], figures: tuple[str, ...]) -> None:
    """Plain primary suppression: the lines with a small count (its people; anything of it) lose it and their figures;
    nothing else."""
    of = ("people", "figure") if "means" in table.name else ("denominator", "numerator")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        small = lines[row["measure"], row["group_id"], row["attribute"], row["value"]]
        row |= {name: "" for name, gone in zip(of, small, strict=True) if gone}
        row |= dict.fromkeys(figures, "") if any(small) else {}
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def page(draws: int, tallies: dict[str, Counter[str]]) -> Iterator[str]:
    yield from ("# Disclosure control, attacked", "", "Written by `make disclosure`; never by hand.", "")
    yield (
        f"{draws} draws at random of people, two rates, a mean, a ratio and two periods (60 to 540 people; by race, "
        "payer and insurance, which repeats a group of payer). Each period is released, the second beside the first, "
        "and an attacker that shares no code with the protector works out the least and the most of every protected "
        "count, and of the totals behind means that are about a few people."
    )
    yield from (
        "",
        "| profile | releases | refused | protected counts | narrowed | small of their own | lines without rate |",
        "|---|---|---|---|---|---|---|",
    )
    yield from (
        f"| {name} | {t['releases']} | {t['refused']} | {t['protected']:,} | {t['narrowed']} | {share(t, 'small')} "
        f"| {share(t, 'hidden')} |"
        for name, t in tallies.items()
    )
    yield ""
    yield (
        "*Small of their own* are lines with a small numerator, denominator or rest between them, and means that are "
        "about a few: the least that must be hidden, but for what rounding alone keeps."
    )
    yield from ("", "The same results with their small cells blanked and nothing else hidden or rounded:", "")
    yield from ("| small by | protected counts | narrowed by the same attacker |", "|---|---|---|")
    for name, t in tallies.items():
        yield f"| {name} | {t['plain']:,} | {t['plain narrowed']:,} |"


def share(tally: Counter[str], of: str) -> str:
    return f"{tally[of] / tally['lines']:.0%}" if tally["lines"] else "–"


if __name__ == "__main__":
    raise SystemExit(main())
