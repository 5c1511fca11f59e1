"""Figures in words: how a report and a terminal write rates, gaps, groups and what is hidden.

Leaves to others: which figures may be written (`disclosure`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from salus.equity.attributes import ATTRIBUTES
from salus.equity.gaps import sure
from salus.equity.tally import CROSS, DECLINED, UNKNOWN
from salus.publish.disclosure import THRESHOLD, Line

_LABELS = {a.name: a.label for a in ATTRIBUTES}
_GROUPS = {UNKNOWN: "Not known", DECLINED: "Declined to say"}
_UNINSURED = {"yes": "Uninsured", "no": "Insured"}
HIDDEN = "hidden"


def attribute_label(name: str) -> str:
    """How an attribute is called: "Age"; a name Salus does not know, with blanks for underscores; "Race × Sex"."""
    if CROSS in name:
        return CROSS.join(attribute_label(part) for part in name.split(CROSS))
    return _LABELS.get(name) or name.replace("_", " ").strip().capitalize()


def group_label(attribute: str, value: str) -> str:
    """How a group is called: "Uninsured" for uninsured = yes, "18-44 years" for a band, "Not known"."""
    if CROSS in attribute:
        parts = zip(attribute.split(CROSS), value.split(CROSS), strict=False)
        return CROSS.join(group_label(*part) for part in parts)
    if value in _GROUPS:
        return _GROUPS[value]
    if attribute == "uninsured":
        return _UNINSURED.get(value, value)
    return f"{value.replace('-', '–')} years" if attribute == "age_band" else value


def percent(value: float | None, digits: int = 1) -> str:
    """0.4567 -> "45.7%"; a dash for no value. Never rounds to 0% or 100% what is not."""
    if value is None:
        return "–"
    text = f"{value * 100:.{digits}f}"
    if value > 0 and float(text) == 0.0:
        return f"<{10**-digits:g}%"
    if value < 1 and float(text) == 100.0:
        return f">{100 - 10**-digits:g}%"
    return f"{text}%"


def percent_range(low: float | None, high: float | None, digits: int = 1) -> str:
    """The two ends of an interval: "41.2 to 48.9%"."""
    if low is None or high is None:
        return "–"
    return f"{low * 100:.{digits}f} to {high * 100:.{digits}f}%"


def points(value: float | None, digits: int = 1) -> str:
    """A difference of rates in percentage points, signed: "−12.3"."""
    if value is None:
        return "–"
    text = f"{abs(value) * 100:.{digits}f}"
    if float(text) == 0.0:
        return text
    return ("−" if value < 0 else "+") + text


def points_range(low: float | None, high: float | None, digits: int = 1) -> str:
    """The two ends of an interval of a difference: "−18.0 to −6.4"."""
    return "–" if low is None or high is None else f"{points(low, digits)} to {points(high, digits)}"


def factor(value: float | None) -> str:
    """A ratio with two decimals, ∞ where it has no upper end."""
    if value is None:
        return "–"
    return "∞" if value == float("inf") else f"{value:.2f}"


def factor_range(low: float | None, high: float | None) -> str:
    """The two ends of an interval of a ratio."""
    return "–" if low is None or high is None else f"{factor(low)} to {factor(high)}"


def number(value: float | None) -> str:
    """A count with separators: "12,345"; a dash for none."""
    return "–" if value is None else f"{round(value):,}"


def count(value: int | None, state: str, threshold: int = THRESHOLD) -> str:
    """A count as it may be shown: the number, "<11" for a small one, "hidden" for one that protects it."""
    if value is not None:
        return number(value)
    return f"<{threshold}" if state == "small" else HIDDEN


def p_value(value: float | None) -> str:
    """A p or q value with three decimals; "<0.001" below."""
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def day(text: str) -> str:
    """An ISO day as "1 January 2026"; other text as it is."""
    try:
        when = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{when.day} {when:%B} {when.year}"


def span(period: tuple[str, str] | None) -> str:
    """The measurement period in words."""
    return f"{day(period[0])} to {day(period[1])}" if period else "period not stated"


def gap(line: Line, reference_rate: float | None, noun: str = "people") -> tuple[str, str]:
    """Two sentences on a credible gap: the rates with their difference, and how many people it is about."""
    figures = line.figures
    group = group_label(line.attribute, line.value)
    reference = group_label(line.attribute, line.reference or "")
    difference = figures["difference"] or 0.0
    ends = sorted(abs(figures[k] or 0.0) for k in ("difference_low", "difference_high"))
    direction = "lower" if difference < 0 else "higher"
    first = (
        f"{group} {percent(figures['rate'], 0)}, {reference} {percent(reference_rate, 0)}: "
        f"{abs(difference) * 100:.0f} points {direction} "
        f"({line.level:.0%} interval {ends[0] * 100:.0f} to {ends[1] * 100:.0f})."
    )
    return first, _people(line, reference, noun)


def _people(line: Line, reference: str, noun: str) -> str:
    about = line.figures["people"]
    if about is None or about <= 0:
        return ""
    low, high = line.figures["people_low"] or 0.0, line.figures["people_high"] or 0.0
    better = line.improvement == "increase"
    outcome = f"more {noun} would have met the measure" if better else f"fewer {noun} would have fared badly"
    return f"At the rate of {reference}, {number(about)} {outcome} ({number(low)} to {number(high)})."


def amount(value: float | None, signed: bool = False) -> str:
    """A mean, time or ratio with three figures that count: "41.3", "0.0215"; with its sign."""
    if value is None:
        return "–"
    text = f"{abs(value):,.0f}" if abs(value) >= 1000 else f"{abs(value):.3g}"
    return ("−" if value < 0 else "+" if signed and value > 0 else "") + text


def certainty(line: Line) -> str:
    """How sure a gap is, in a sentence."""
    q = line.figures["q"]
    if q is None:
        return ""
    said = sure(q, line.level)
    chance = "less than 1 in 1,000" if q < 0.001 else f"at most {q:.1%}"
    return f"{said.capitalize()}: of gaps this clear, {chance} come of chance."


def alike(line: Line) -> str:
    """The gap between people of the same age and sex."""
    figures = line.figures
    gap, low, high = (figures[name] for name in ("adjusted", "adjusted_low", "adjusted_high"))
    if gap is None or low is None or high is None or not line.adjusted_by:
        return ""
    held = listed([attribute_label(name).lower() for name in line.adjusted_by.split(", ")])
    few = figures["adjusted_support"] or 0.0
    about = f", for the {percent(few, 0)} of the group who have a like" if few < 0.95 else ""
    return f"Between people alike in {held} it is {points(gap, 0)} points ({points_range(low, high, 0)}{about})."


def goes_with(parts: Sequence[Mapping[str, Any]]) -> str:
    """How many points of a gap go with other attributes, each taken alone; those of less than half a point together."""
    told = [row for row in parts if abs(row["goes_with"]) >= 0.005]
    rest = [attribute_label(row["by"]).lower() for row in parts if abs(row["goes_with"]) < 0.005]
    texts = [f"{points(row['goes_with'], 0)} points go with {attribute_label(row['by']).lower()}" for row in told]
    said = f"Of it, {listed(texts)}." if texts else ""
    return said + (f"{' ' * bool(said)}None of it goes with {listed(rest)}." if rest else "")


def whoever(line: Line) -> str:
    """What the people whose group is not known could make of a gap."""
    low, high, gone = (line.figures[name] for name in ("bound_low", "bound_high", "missing_share"))
    if low is None or high is None or not gone:
        return ""
    ends = f"{points(low, 0)} and {points(high, 0)}"
    return f"Whoever the {percent(gone, 0)} not known are, it lies between {ends}."


def listed(texts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)


def part(row: Mapping[str, Any]) -> str:
    """How much of a gap goes with an attribute, of a row of the table of parts."""
    label = attribute_label(row["by"]).lower()
    ends = f"{points(row['goes_with'])} of {points(row['difference'])} points with {label}"
    left = points_range(row["remains_low"], row["remains_high"])
    rest = f"{points(row['remains'])} ({left}) remain between people alike in it"
    return f"{ends} ({points_range(row['goes_with_low'], row['goes_with_high'])}); {rest}"


def direction(improvement: str | None) -> str:
    """What a good rate is, in words."""
    return {"increase": "Higher is better", "decrease": "Lower is better"}.get(
        improvement or "", "The measure does not say whether higher or lower is better"
    )
