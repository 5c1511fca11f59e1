"""The dot-and-interval picture of one attribute, as a Vega-Lite specification, and the same in words.

Only what may be shown comes in (`disclosure.Line`), so that nothing hidden can be read out of the page's
source. Colour is never alone: worse, better, reference and uncertain differ in shape too. Colours: Okabe and
Ito (2008).
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from salus.equity.compare import COUNTED
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
_KINDS = dict.fromkeys(("higher", "lower", "not compared", COUNTED), "no clear difference")
Json = dict[str, Any]
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


def forest(lines: Sequence[Line], overall: Line, domain: tuple[float, float]) -> Json:
    """A Vega-Lite specification: a row per group with its rate and interval, a dashed line for everyone's
    rate.
    """
    rows = _distinct([_row(line) for line in lines])
    order = [row["group"] for row in rows]
    y = {"field": "group", "type": "nominal", "sort": order, "title": None, "scale": {"domain": order}, "axis": _NAMES}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "config": _CONFIG,
        "data": {"values": rows},
        "width": "container",
        "height": {"step": STEP},
        "layer": [*_backdrop(overall, domain), *_marks(y, domain)],
    }


_TWO_LINES = {"test": "indexof(datum.label, '\\n') > 0", "value": "bottom"}
_NAMES: Json = {
    "labelExpr": "split(datum.label, '\\n')",
    "labelBaseline": {"condition": _TWO_LINES, "value": "middle"},
    "labelLimit": 240, "labelPadding": 8, "domain": False, "ticks": False,
}  # fmt: skip
"""Group names beside their rows; one of two lines stands with its middle, not its top, at the row."""


def _row(line: Line) -> Json:
    label = words.group_label(line.attribute, line.value)
    open_row = not line.hidden and line.figures["rate"] is not None
    row: Json = {
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


def _distinct(rows: Sequence[Json]) -> list[Json]:
    """Names cut to the same lines stay rows of their own: invisible marks tell them apart."""
    seen: dict[str, int] = {}
    for row in rows:
        name = row["group"]
        row["group"] += "\u200b" * seen.get(name, 0)
        seen[name] = seen.get(name, 0) + 1
    return list(rows)


def _why_empty(line: Line) -> str:
    return line.verdict if line.hidden else "no one counted"


def _backdrop(overall: Line, domain: tuple[float, float]) -> list[Json]:
    """Everyone's rate as a dashed line behind the groups."""
    rate = overall.figures["rate"]
    if rate is None:
        return []
    mark = {"type": "rule", "strokeDash": [3, 4], "color": "#94A3B8", "strokeWidth": 1.25}
    x = {"field": "everyone", "type": "quantitative", "scale": {"domain": list(domain)}}
    return [{"data": {"values": [{"everyone": rate}]}, "mark": mark, "encoding": {"x": x}}]


def _marks(y: Json, domain: tuple[float, float]) -> list[Json]:
    x = {"field": "rate", "type": "quantitative", "title": None, "axis": _PERCENT}
    x["scale"] = {"domain": list(domain), "nice": False, "zero": False}
    low, high = {"field": "low", "type": "quantitative", "title": None}, {"field": "high"}
    interval = {"type": "rule", "strokeWidth": 2.5, "opacity": 0.55}
    point = {"type": "point", "filled": True, "opacity": 1, "size": 95}
    label = {"type": "text", "dy": -11, "fontSize": 11.5, "fontWeight": 600}
    note = {"type": "text", "align": "left", "fontStyle": "italic", "fontSize": 12}
    halo, ink = {**note, "stroke": "white", "strokeWidth": 5}, {**note, "color": "#5B6673"}
    coloured = {"y": y, "color": _of_kind(0)}
    noted = {"y": y, "x": {"value": 4}, "text": {"field": "note"}}
    return [
        _layer("isValid(datum.rate)", interval, {**coloured, "x": low, "x2": high}),
        _layer("isValid(datum.rate)", point, {**coloured, "x": x, "shape": _of_kind(1), "tooltip": _TOOLTIP}),
        _layer("isValid(datum.rate)", label, {**coloured, "x": x, "text": {"field": "label"}}),
        *(_layer("datum.note != ''", mark, noted) for mark in (halo, ink)),
    ]


def _layer(where: str, mark: Json, encoding: Json) -> Json:
    return {"transform": [{"filter": where}], "mark": mark, "encoding": encoding}


def _of_kind(place: int) -> Json:
    """The colour (0) or the shape (1) of a mark."""
    scale = {"domain": list(_STYLES), "range": [style[place] for style in _STYLES.values()]}
    return {"field": "kind", "type": "nominal", "legend": None, "scale": scale}


_PERCENT: Json = {
    "format": ".0%", "tickCount": 5, "grid": True, "domain": False, "ticks": False, "labelPadding": 6,
}  # fmt: skip
_TOOLTIP: list[Json] = [
    {"field": field, "type": "nominal", "title": title}
    for field, title in (("name", "Group"), ("label", "Rate"), ("interval", "Interval"), ("count", "Count"))
]
_CONFIG: Json = {
    "font": FONT,
    "background": "transparent",
    "aria": False,
    "autosize": {"type": "fit-x", "contains": "padding"},
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12.5, "labelColor": "#334155", "gridColor": "#E8EBEF"},
}


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
