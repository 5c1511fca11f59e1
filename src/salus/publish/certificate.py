"""Whether a release is safe to let out: what the attacker found, held to the policy and the truth, and put in writing.

The certificate says what was protected, by which rule, how the attack went, what was lost for it, and the hashes of the
files it covers. It is made of published figures and numbers of lines alone. Leaves to others: the attack (`attack`),
the release (`release`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salus import __version__
from salus.files import digest
from salus.publish.attack import Line, Range, Released, attack
from salus.publish.policy import Policy, listed
from salus.publish.tables import Average

FILE, TEXT = "certificate.json", "certificate.txt"
_NEAR = 1e-6
Truth = Mapping[Line, tuple[int, int]]
"""Numerator and denominator of every line, as they are."""


@dataclass(frozen=True)
class Guard:
    """A count of a line that must stay possible from least to most; `why` it is protected."""

    line: Line
    part: str
    least: float
    most: float
    why: str

    def holds(self, found: Range) -> bool:
        """Whether a reader who knows `found` still has to reckon with all of it."""
        slack = _NEAR * max(abs(self.least), abs(self.most)) if self.part == "total" else 0.0
        return found[0] <= self.least + slack and found[1] >= self.most - slack


@dataclass(frozen=True)
class Judgement:
    """Every guard, and those the attacker narrowed."""

    guards: Sequence[Guard]
    broken: Sequence[Guard]


def judge(
    release: Path,
    earlier: Sequence[Path],
    truth: Truth,
    policy: Policy,
    averages: Mapping[Line, Average] | None = None,
) -> Judgement:
    """Attack the release and hold what is found to what must stay unknown; `averages` are its means as they are."""
    guards = [*_guards(truth, policy), *_totals(averages or {}, policy)] if policy.hides else []
    guards += _growth(truth, policy, [Released.read(folder) for folder in earlier], Released.read(release).period)
    asked: dict[tuple[Line, str], Range] = {}
    for guard in guards:
        least, most = asked.get((guard.line, guard.part), (guard.least, guard.most))
        asked[guard.line, guard.part] = min(least, guard.least), max(most, guard.most)
    found = attack(release, earlier, asked)
    return Judgement(guards, [g for g in guards if not g.holds(found[g.line, g.part])])


def _guards(truth: Truth, policy: Policy) -> Iterator[Guard]:
    """Every count that is small."""
    for line, (x, n) in truth.items():
        for part, count in (("n", n), ("x", x), ("rest", n - x)):
            if policy.small(count) and not (part == "rest" and n == 0):
                yield Guard(line, part, policy.least, policy.threshold - 1, "small")


def _totals(averages: Mapping[Line, Average], policy: Policy) -> Iterator[Guard]:
    """The people of every mean of few, and the total of every mean that is about a few."""
    for line, of in averages.items():
        if policy.small(of.n):
            yield Guard(line, "n", policy.least, policy.threshold - 1, "small")
        ends = of.guard(policy)
        if ends and of.each and ends[0] < ends[1]:
            yield Guard(line, "total", ends[0] / of.scale, ends[1] / of.scale, "about a few")


def _growth(truth: Truth, policy: Policy, earlier: Iterable[Released], period: tuple[str, str]) -> list[Guard]:
    """The few by whom a group grew or shrank since an earlier release told its count."""
    found = []
    for release in earlier:
        for line in truth.keys() & release.lines.keys() if _overlap(release.period, period) else ():
            for part, count in (("n", truth[line][1]), ("x", truth[line][0])):
                known = release.count(line, part)
                if known and known[0] == known[1] and 0 < abs(count - known[0]) < policy.threshold:
                    ends = sorted(known[0] + (1 if count > known[0] else -1) * k for k in (1, policy.threshold - 1))
                    found.append(Guard(line, part, max(ends[0], 0), ends[1], "differs by few from an earlier release"))
    return sorted(found, key=lambda g: (g.line, g.part))


def _overlap(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two periods share a day; one that is not stated may."""
    return not (one[0] and other[0]) or (one[0] <= other[1] and other[0] <= one[1])


def write(
    folder: Path, judgement: Judgement, policy: Policy, earlier: Sequence[Path], lost: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the certificate into the release it covers, as JSON and as a line; what was written."""
    files = {path.name: digest(path) for path in sorted(folder.iterdir()) if path.name not in (FILE, TEXT)}
    about: dict[str, Any] = {
        "statement": _statement(judgement, policy, earlier, files),
        "policy": listed(policy),
        "files": files,
        "earlier": {path.name: digest(path / FILE) for path in earlier if (path / FILE).is_file()},
        "attack": {
            "method": "least and most of every protected count, by integer programming over all printed figures",
            "protected": len(judgement.guards),
            "narrowed": len(judgement.broken),
        },
        "lost": lost,
        "salus": __version__,
    }
    (folder / FILE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / TEXT).write_text(about["statement"] + "\n", encoding="utf-8")
    return about


def _statement(judgement: Judgement, policy: Policy, earlier: Sequence[Path], files: Mapping[str, str]) -> str:
    beside = f" beside {len(earlier)} earlier release{'s' * (len(earlier) > 1)}" if earlier else ""
    return (
        f"Under {policy.name} (no count of {policy.least} to {policy.threshold - 1}), an attacker who has these "
        f"{len(files)} files{beside} narrows none of {len(judgement.guards)} protected counts below what the policy "
        "leaves open."
        if policy.hides
        else f"Nothing is hidden in these {len(files)} files (profile {policy.name}): for use inside the house only."
    )
