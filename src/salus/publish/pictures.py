"""Drawings in the page itself: a funnel of sites, a gap through periods. Plain SVG with a title; the table beside each
says the same.

Leaves to others: what is drawn (`views`), dot plots of groups (`charts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import floor, log10

from markupsafe import Markup

from salus.publish import words
from salus.publish.views import Course, Sites

_WIDE, _TALL = 440.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 12.0, 40.0
_COLOURS = {"above": "#0369A1", "below": "#C2410C"}
_INSIDE = "#4B5563"


class _Plot:
    """Places of values in a drawing."""

    def __init__(self, across: tuple[float, float], up: tuple[float, float], tall: float = _TALL) -> None:
        self.across, self.up, self.tall = across, up, tall

    def x(self, value: float) -> float:
        low, high = self.across
        return _LEFT + (value - low) / ((high - low) or 1.0) * (_WIDE - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.up
        return self.tall - _BOTTOM - (value - low) / ((high - low) or 1.0) * (self.tall - _TOP - _BOTTOM)

    def svg(self, title: str, parts: Sequence[str]) -> Markup:
        name = escape(title, quote=True)
        head = f'<svg class="drawn" viewBox="0 0 {_WIDE:g} {self.tall:g}" role="img" aria-label="{name}">'
        return Markup(head + f"<title>{escape(title)}</title>" + "".join(parts) + "</svg>")

    def path(self, points: Sequence[tuple[float, float]], style: str) -> str:
        steps = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        return f'<polyline points="{steps}" fill="none" {style}></polyline>'

    def level(self, value: float, style: str) -> str:
        return f'<path d="M{_LEFT:g} {self.y(value):.1f}H{_WIDE - _RIGHT:g}" fill="none" {style}></path>'

    def left(self, values: Sequence[float], text: Sequence[str]) -> Iterator[str]:
        for value, said in zip(values, text, strict=True):
            yield self.level(value, 'stroke="#E8EBEF"')
            yield f'<text x="{_LEFT - 7:g}" y="{self.y(value) + 4:.1f}" text-anchor="end">{escape(said)}</text>'

    def below(self, values: Sequence[float], text: Sequence[str]) -> Iterator[str]:
        for value, said in zip(values, text, strict=True):
            place = self.tall - _BOTTOM + 17
            yield f'<text x="{self.x(value):.1f}" y="{place:g}" text-anchor="middle">{escape(said)}</text>'


def funnel(of: Sites) -> Markup:
    """Sites by size and rate, within and outside the limits."""
    rates = [v for _, *ends in of.curve for v in ends] + [site.rate for site in of.sites]
    plot = _Plot((of.curve[0][0], of.curve[-1][0]), (max(min(rates) - 0.02, 0.0), min(max(rates) + 0.02, 1.0)))
    up, across = _ticks(*plot.up), _ticks(*plot.across)
    parts = [*plot.left(up, [f"{v:.0%}" for v in up]), *plot.below(across, [words.number(v) for v in across])]
    for place, style in ((1, "4 4"), (2, "4 4"), (3, ""), (4, "")):
        dashes = f' stroke-dasharray="{style}"' if style else ""
        parts.append(plot.path([(p[0], p[place]) for p in of.curve], f'stroke="#94A3B8"{dashes}'))
    parts.append(plot.level(of.target, 'stroke="#0d5256" stroke-width="1.5"'))
    parts += [_mark(plot, site.n, site.rate, site.verdict, site.name) for site in of.sites]
    middle = (_LEFT + _WIDE - _RIGHT) / 2
    parts.append(f'<text x="{middle:g}" y="{_TALL - 5:g}" text-anchor="middle">people counted</text>')
    outside = sum(site.verdict in _COLOURS for site in of.sites)
    return plot.svg(f"Funnel plot of {len(of.sites)} groups of {of.label.lower()}, {outside} outside the limits", parts)


def _mark(plot: _Plot, n: float, rate: float, verdict: str, name: str) -> str:
    """A dot; outside the limits a triangle that points the way, with the name."""
    x, y, colour = plot.x(n), plot.y(rate), _COLOURS.get(verdict, _INSIDE)
    tip = f"<title>{escape(name)}: {rate:.1%}</title>"
    if verdict not in _COLOURS:
        return f'<g><circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity=".75"></circle>{tip}</g>'
    way = -6 if verdict == "above" else 6
    shape = f"M{x:.1f} {y + way:.1f}l6 {-1.7 * way:.1f}h-12z"
    side = "end" if x > _WIDE * 0.7 else "start"
    label = (
        f'<text x="{x + (-9 if side == "end" else 9):.1f}" y="{y + 4:.1f}" text-anchor="{side}">{escape(name)}</text>'
    )
    return f'<g><path d="{shape}" fill="{colour}"></path>{label}{tip}</g>'


def course(of: Course) -> Markup:
    """A gap through periods with its intervals, zero drawn."""
    ends = [v for point in of.points for v in (point.low, point.high)] + [0.0]
    plot = _Plot((-0.4, len(of.points) - 0.6), (min(ends) - 0.01, max(ends) + 0.01), 190.0)
    up, places = _ticks(*plot.up), [float(i) for i in range(len(of.points))]
    parts = [*plot.left(up, [words.points(v, 0) for v in up])]
    every = max(1, len(places) // 5)
    parts += plot.below(places[::every], [point.period for point in of.points[::every]])
    parts.append(plot.level(0.0, 'stroke="#1F2937"'))
    parts.append(plot.path([(i, of.points[int(i)].difference) for i in places], 'stroke="#C2410C" stroke-width="1.5"'))
    for i, point in zip(places, of.points, strict=True):
        parts.append(plot.path([(i, point.low), (i, point.high)], 'stroke="#C2410C" stroke-width="3" opacity=".45"'))
        parts.append(
            f'<circle cx="{plot.x(i):.1f}" cy="{plot.y(point.difference):.1f}" r="4.5" fill="#C2410C"></circle>'
        )
    return plot.svg(f"The gap of {of.title} in {len(of.points)} periods, in percentage points", parts)


def _ticks(low: float, high: float) -> list[float]:
    """About five round values within an axis."""
    step = 10.0 ** floor(log10(max(high - low, 1e-9) / 4.0))
    step *= next(m for m in (1.0, 2.0, 5.0, 10.0) if (high - low) / (step * m) <= 5.0)
    first = -floor(-low / step)
    return [round(i * step, 10) for i in range(int(first), floor(high / step) + 1)]
