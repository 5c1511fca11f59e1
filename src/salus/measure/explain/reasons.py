"""From what was found to why: the sentences that decide a criterion, and what became of it in the scoring flow.

Leaves to others: the findings (`walk`), the flow itself (`measure.flow`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from salus.measure.explain.model import Finding, Truth
from salus.measure.flow import asked_after, column_of


def spelled(column: str) -> str:
    """A population in words."""
    return column.replace("_", " ").replace("-", " ")


def blocked(code: str, scoring: str, row: Mapping[str, bool | None]) -> str:
    """Why a unit is not asked about a population, "" when it is: "it is not in the denominator"."""
    for column, wanted in asked_after(scoring, column_of(code)):
        if row.get(column) is not None and bool(row[column]) is not wanted:
            return f"it is {'not ' if wanted else ''}in the {spelled(column)}"
    return ""


def standing(code: str, scoring: str, met: Truth, row: Mapping[str, bool | None]) -> str:
    """What became of a unit in a population, in one sentence."""
    name, why = spelled(code), blocked(code, scoring, row)
    if row.get(column_of(code)):
        return f"In the {name}."
    if why:
        told = {True: "The criterion is met, but", False: "Not met; besides,", None: "Not certain; besides,"}[met]
        return f"Not in the {name}. {told} {why}, which comes first."
    if met is None:
        return f"Not in the {name}: the records cannot tell, and unknown counts as no."
    return f"Not in the {name}: the criterion is not met."


def reasons(finding: Finding) -> tuple[str, ...]:
    """The sentences that decide a criterion, each once: what holds when it is true, what lacks when it is not."""
    own = f"{finding.named[0]}: " if finding.named else ""
    return tuple(dict.fromkeys(each.removeprefix(own) for each in _reasons(finding, "")))


def _reasons(finding: Finding, name: str) -> Iterator[str]:
    name = finding.named[-1] if finding.named else name
    if finding.kind == "if":
        yield from _reasons(finding.parts[-1], name)
    elif finding.kind in ("all", "any", "not"):
        for part in finding.decisive():
            yield from _reasons(part, name)
    else:
        said = _said(finding)
        yield f"{name}: {said}" if name else said


def _said(finding: Finding) -> str:
    """One finding and, where nothing passed, what the row that came closest lacks."""
    sentence = finding.sentence
    if finding.kind == "test" and not finding.parts and sentence in _BARE:
        return f"{finding.text}: {sentence}"
    if not finding.parts:
        return sentence
    closest = finding.parts[0]
    lacking = "; ".join(dict.fromkeys(_said(each) for part in closest.parts for each in _ends(part)))
    return f"{sentence}; closest is {closest.text}: {lacking}" if lacking else sentence


_BARE = {"holds", "does not hold", "cannot be told"}


def _ends(finding: Finding) -> Iterator[Finding]:
    """The decisive findings at the ends."""
    if finding.kind in ("all", "any", "not", "if"):
        for part in finding.decisive() if finding.kind != "if" else finding.parts[-1:]:
            yield from _ends(part)
    else:
        yield finding
