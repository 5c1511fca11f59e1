"""The dot-and-interval picture of one attribute, as a Vega-Lite specification, and the same in words.

Only what may be shown comes in (`disclosure.Line`), so that nothing hidden can be read out of the page's
source. Colour is never alone: worse, better, reference and uncertain differ in shape too. Colours: Okabe and
Ito (2008).
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt

from salus.publish import words
from salus.publish.disclosure import Line

STEP = 38  # pixels per group
_WRAP = 24  # characters of a group's name per line: a phone must keep room for the picture
_STYLES = {  # kind: colour, shape
    "worse": ("#C2410C", "triangle-down"),
    "better": ("#0369A1", "triangle-up"),
    "reference": ("#1F2937", "diamond"),
    "no clear difference": ("#6B7280", "circle"),
    "too few to say": ("#9CA3AF", "circle"),
}
_KINDS = dict.fromkeys(("higher", "lower", "not compared"), "no clear difference")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def kind(line: Line) -> str:
    """Which of the five marks a group gets."""
    verdict = "reference" if line.is_reference and line.reliability == "reliable" else line.verdict
    return verdict if verdict in _STYLES else _KINDS.get(verdict, "too few to say")


def scale(lines: Sequence[Line]) -> tuple[float, float]:
    """The axis all pictures of a measure share: tens of percent around everything that is drawn."""
    ends = [v for li in lines for v in (li.figures["low"], li.figures["high"]) if v is not None]
    if not ends:
        return 0.0, 1.0
    low, high = int(min(ends) * 10) / 10, -(-max(ends) * 10 // 1) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


def forest(lines: Sequence[Line], overall: Line, domain: tuple[float, float]) -> dict[str, Any]:
    """A Vega-Lite specification: a row per group with its rate and interval, a dashed line for everyone's
    rate.
    """
    rows = _distinct([_row(line) for line in lines])
    order = [row["group"] for row in rows]
    y = alt.Y("group:N", sort=order, title=None, scale=alt.Scale(domain=order), axis=_names())
    layers = [*_backdrop(overall, domain), *_marks(rows, y, domain)]
    chart = alt.layer(*layers).properties(width="container", height=alt.Step(STEP))
    spec: dict[str, Any] = _styled(chart).to_dict()
    return spec


def _names() -> alt.Axis:
    """Group names beside their rows; one of two lines stands with its middle, not its top, at the row."""
    two_lines = {"test": "indexof(datum.label, '\\n') > 0", "value": "bottom"}
    return alt.Axis(
        labelExpr="split(datum.label, '\\n')",
        labelBaseline={"condition": two_lines, "value": "middle"},
        labelLimit=240,
        labelPadding=8,
        domain=False,
        ticks=False,
    )


def _row(line: Line) -> dict[str, Any]:
    label = words.group_label(line.attribute, line.value)
    open_row = not line.hidden and line.figures["rate"] is not None
    row: dict[str, Any] = {
        "group": _in_two_lines(label),
        "name": label,
        "kind": kind(line),
        "note": "" if open_row else _why_empty(line),
    }
    if open_row:
        shown = {"rate": line.figures["rate"], "low": line.figures["low"], "high": line.figures["high"]}
        row |= shown | {
            "label": words.percent(line.figures["rate"], 0),
            "interval": words.percent_range(line.figures["low"], line.figures["high"]),
            "count": f"{words.number(line.numerator)} of {words.number(line.denominator)}",
        }
    return row


def _in_two_lines(label: str) -> str:
    lines = textwrap.wrap(label, _WRAP, max_lines=2, placeholder=" …")
    return "\n".join(lines) or "(no name)"


def _distinct(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Names cut to the same lines stay rows of their own: invisible marks tell them apart."""
    seen: dict[str, int] = {}
    for row in rows:
        name = row["group"]
        row["group"] += "\u200b" * seen.get(name, 0)
        seen[name] = seen.get(name, 0) + 1
    return list(rows)


def _why_empty(line: Line) -> str:
    return line.verdict if line.hidden else "no one counted"


def _backdrop(overall: Line, domain: tuple[float, float]) -> list[alt.Chart]:
    """Everyone's rate as a dashed line behind the groups."""
    rate = overall.figures["rate"]
    if rate is None:
        return []
    data = alt.InlineData(values=[{"everyone": rate}])
    rule = alt.Chart(data).mark_rule(strokeDash=[3, 4], color="#94A3B8", strokeWidth=1.25)
    return [rule.encode(x=alt.X("everyone:Q", scale=alt.Scale(domain=list(domain))))]


def _marks(rows: Sequence[dict[str, Any]], y: alt.Y, domain: tuple[float, float]) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=list(rows))).encode(y=y)
    x = alt.X(
        "rate:Q", title=None, scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(format=".0%", tickCount=5, grid=True, domain=False, ticks=False, labelPadding=6),
    )  # fmt: skip
    kinds = list(_STYLES)
    colours, shapes = ([_STYLES[k][i] for k in kinds] for i in (0, 1))
    colour = alt.Color("kind:N", legend=None, scale=alt.Scale(domain=kinds, range=colours))
    shape = alt.Shape("kind:N", legend=None, scale=alt.Scale(domain=kinds, range=shapes))
    tooltip = [
        alt.Tooltip("name:N", title="Group"),
        alt.Tooltip("label:N", title="Rate"),
        alt.Tooltip("interval:N", title="Interval"),
        alt.Tooltip("count:N", title="Count"),
    ]
    drawn = base.transform_filter("isValid(datum.rate)").encode(color=colour)
    empty = base.transform_filter("datum.note != ''")
    note = {"x": alt.value(4), "text": "note:N"}
    return [
        drawn.mark_rule(strokeWidth=2.5, opacity=0.55).encode(x=alt.X("low:Q", title=None), x2="high:Q"),
        drawn.mark_point(filled=True, opacity=1, size=95).encode(x=x, shape=shape, tooltip=tooltip),
        drawn.mark_text(dy=-11, fontSize=11.5, fontWeight=600).encode(x=x, text="label:N"),
        *(
            empty.mark_text(align="left", fontStyle="italic", fontSize=12, **ink).encode(**note)
            for ink in ({"stroke": "white", "strokeWidth": 5}, {"color": "#5B6673"})
        ),
    ]  # fmt: skip


def _styled(chart: Any) -> Any:
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    return (
        chart.configure(font=FONT, background="transparent", aria=False, autosize=fit)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12.5, labelColor="#334155", gridColor="#E8EBEF")
    )


def in_words(lines: Sequence[Line], what: str) -> str:
    """The picture's text alternative: every group with its rate and interval, or why there is none."""
    parts = [_phrase(line) for line in lines]
    return f"Dot plot of {what}. " + "; ".join(parts) + "."


def _phrase(line: Line) -> str:
    label = words.group_label(line.attribute, line.value)
    if line.hidden or line.figures["rate"] is None:
        return f"{label}: {_why_empty(line)}"
    ends = words.percent_range(line.figures["low"], line.figures["high"])
    verdict = f", {line.verdict}" if line.verdict else ""
    return f"{label} {words.percent(line.figures['rate'])} ({ends}){verdict}"
