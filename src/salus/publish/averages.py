"""Means, times and ratios of a release: which of them may be let out, and the table of those that are.

A mean is a total over a number of people; totals add up over groups as counts do, so they are cells of the same problem
(`tables`). A figure is about a few when its people are few, when nearly all of them have one value (it is then the
total of the others), or when one person makes nearly all of it (the p% rule: Hundepool et al. 2012, Statistical
Disclosure Control, ch. 4.2.2). What a reader gets for the hidden groups of an attribute together, everyone less those
shown, is held to the same. Leaves to others: the figures (`equity.means`), choosing (`suppress`), the proof
(`attack`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from salus.equity.compare import Settings
from salus.equity.estimate import reliability
from salus.equity.intervals import Floats
from salus.equity.mean_gaps import again
from salus.equity.means import SCHEMA, TESTS, Observations, Observed, tabled
from salus.equity.results import Results
from salus.equity.tally import NOT_KNOWN, OVERALL
from salus.publish.disclosure import NOT_SHOWN
from salus.publish.policy import Policy
from salus.publish.tables import NEAR, Average, Key, States

DIGITS = 4
"""Digits of a figure that are put out: the US Census Bureau's rule for means."""
LEFT_OUT = (
    "differences between people alike in age and sex, and what gaps go with: they are made of counts by age and sex "
    "within a group, which a release does not protect",
    "crossings of attributes and the models of them: a release has no lines by two attributes",
)
"""What results have and a release does not, and why."""
CLAIMS = ("worse", "better", "higher", "lower")
"""Verdicts that say something of a group, better ones among them."""
_FIGURES = ("figure", "low", "high")
_INSIDE = ("total", "units")
_STATES = ("figure_state", "people_state")


@dataclass(frozen=True)
class People:
    """One person each: what they add above and below the line of a figure."""

    top: Floats
    bottom: Floats

    def few(self, policy: Policy) -> bool:
        """Whether a figure of these people is about a few of them, or one."""
        counted = int((self.bottom > 0).sum())
        return policy.small(counted) or self._alike(policy) or _dominated(self.top) or _dominated(self.bottom)

    def _alike(self, policy: Policy) -> bool:
        """Whether nearly all have one value."""
        there = self.bottom > 0
        _, times = np.unique(self.top[there] / self.bottom[there], return_counts=True)
        most = int(times.max(initial=0))
        return 2 * most >= times.sum() and policy.small(int(times.sum()) - most)


def _dominated(amounts: Floats) -> bool:
    """Whether the second largest could tell the largest within p%: what the others add is less than that."""
    sizes = np.sort(np.abs(amounts))[::-1]
    return bool(sizes.size and sizes[0] > 0 and sizes[2:].sum() < NEAR * sizes[0])


def averages(observed: Observations, policy: Policy) -> dict[Key, Average]:
    """Every line of the table of means as a total over people."""
    found: dict[Key, Average] = {}
    for one in observed.measures:
        scale = _scale(one)
        for key, people in _lines(one, observed):
            n = len(people.top)
            total = float(people.top.sum()) * scale
            signed, few = bool((one.top < 0).any()), n > 0 and people.few(policy)
            found[key] = Average(total, n, few, signed, one.kind != "median" and _one_each(one), scale)
    return found


def _one_each(one: Observed) -> bool:
    """Whether everyone counts once."""
    return bool((one.bottom == 1.0).all())


def _scale(one: Observed) -> float:
    """What totals are multiplied by, so that they are of the size of counts: 1 where they are counts."""
    whole = bool((one.top == np.rint(one.top)).all())
    size = float(np.abs(one.top).sum())
    return 1.0 if (whole and size < 1e6) or size == 0 else len(one.top) / size


def _lines(one: Observed, observed: Observations) -> Iterator[tuple[Key, People]]:
    """The lines of one measure group, each with its people."""
    for name, code in observed.codes.items():
        of = code[one.person]
        for place, value in enumerate(observed.values[name]):
            inside = of == place
            if inside.any() or value not in NOT_KNOWN:
                yield (one.measure, one.group_id, name, value), People(one.top[inside], one.bottom[inside])


def told_together(observed: Observations, states: Mapping[Key, States], policy: Policy) -> set[Key]:
    """Lines to hide besides: where the hidden groups of an attribute together are about a few, the smallest group that
    is shown; where none is, everyone's line."""
    more: set[Key] = set()
    for one in observed.measures:
        families: dict[str, dict[Key, People]] = {}
        for key, people in _lines(one, observed):
            families.setdefault(key[2], {})[key] = people
        (whole,) = families.pop(OVERALL)
        for members in families.values():
            hidden = [people for key, people in members.items() if states[key].x != "open"]
            if not hidden or states[whole].x != "open" or not _joined(hidden).few(policy):
                continue
            shown = [key for key in members if states[key].x == "open" and len(members[key].top)]
            more.add(min(shown, key=lambda key: (len(members[key].top), key)) if shown else whole)
    return more


def _joined(people: Sequence[People]) -> People:
    return People(np.concatenate([p.top for p in people]), np.concatenate([p.bottom for p in people]))


# --- the table ---


def mean_release(
    observed: Observations, states: Mapping[Key, States], results: Results, settings: Settings, policy: Policy
) -> pa.Table:
    """The table of means with figures of `DIGITS` digits and people as the policy rounds them; differences, tests and
    verdicts are worked out again from what is shown, and claim nothing that is not claimed inside."""
    inside = tabled(observed, results, settings).to_pylist()
    keys = [(row["measure"], row["group_id"], row["attribute"], row["value"]) for row in inside]
    shown = [_shown(row, states[key], policy, settings.minimum) for row, key in zip(inside, keys, strict=True)]
    rows = [
        _claimed(_finished(row, states[key]), was)
        for row, key, was in zip(again(shown, results, settings), keys, inside, strict=True)
    ]
    each = {(one.measure, one.group_id): _one_each(one) for one in observed.measures}
    table = pa.Table.from_pylist(_shares(rows), schema=SCHEMA).drop_columns(list(_INSIDE))
    per = ["person" if each[key[:2]] else "unit" for key in keys]
    table = table.append_column("per", pa.array(per, pa.string()))
    for name, part in zip(_STATES, ("x", "n"), strict=True):
        marks = ["open" if getattr(states[key], part) == "open" else "suppressed" for key in keys]
        table = table.append_column(name, pa.array(marks, pa.string()))
    return table


def _shown(row: Mapping[str, Any], state: States, policy: Policy, minimum: int) -> dict[str, Any]:
    """A row with what may be said of it; hidden, it is compared as one of nobody."""
    said = {name: _digits(row[name]) if state == States() else None for name in _FIGURES}
    n = policy.shown(row["people"]) if state.n == "open" else 0
    method = row["method"].replace(TESTS, "welch")  # only that test is one of what is shown
    return {
        **row, **said, "people": n, "missing_share": None, "reliability": reliability(n, minimum), "method": method,
    }  # fmt: skip


def _digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _finished(row: dict[str, Any], state: States) -> dict[str, Any]:
    if state == States():
        return row
    people = row["people"] if state.n == "open" else None
    return row | {"people": people, "reliability": "suppressed", "verdict": NOT_SHOWN, "reference": None}


def _claimed(row: dict[str, Any], inside: Mapping[str, Any]) -> dict[str, Any]:
    """What is no claim inside is none outside."""
    if row["verdict"] in CLAIMS and inside["verdict"] != row["verdict"]:
        return row | {"verdict": "no clear difference", "p": None, "q": None}
    return row


def _shares(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the share of people not known, where every group's number is shown."""
    families: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault((row["measure"], row["group_id"], row["attribute"]), []).append(row)
    for members in families.values():
        told = [row["people"] for row in members]
        if None not in told and sum(told):
            share = sum(row["people"] for row in members if row["value"] in NOT_KNOWN) / sum(told)
            for row in members:
                row["missing_share"] = share
    return list(rows)
