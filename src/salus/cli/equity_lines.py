"""How `salus equity` puts its tables on a terminal: groups in columns, gaps in lines, and what to look for elsewhere.

At 80 columns as well: a name that is too long for its column has a line of its own. Every figure stands with its
interval. Leaves to others: the figures (`salus.equity`), the command and its files (`equity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.text import Text

from salus.equity.compare import COUNTED
from salus.equity.gaps import CLAIMS
from salus.equity.parts import METHOD
from salus.equity.results import Results
from salus.equity.sites import FEW
from salus.equity.tally import CROSS, OVERALL
from salus.publish import words

MOST_GROUPS = 15
"""Groups of one attribute printed; the files have all of them."""
MOST_LINES = 2_000
"""Groups of all attributes and measures printed; where there are more, the gaps alone are."""
MOST_GAPS, MOST_DOUBTED = 12, 5
"""Gaps printed, and those among them that are not sure; the file has all of them."""
_DOUBT = "not sure"
_BETWEEN = "  "
_NARROWEST = 12
_STYLES = {
    "worse": "bold red",
    "better": "blue",
    "reference": "bold",
    FEW: "dim",
    "no one": "dim",
    COUNTED: "dim",
}

Row = Mapping[str, Any]
Line = list[Text]


def print_groups(table: pa.Table, results: Results, console: Console) -> None:
    """Every measure with its groups, crossings left out; how many groups there is too little to say of."""
    alone = table.filter(pc.invert(pc.match_substring(table["attribute"], CROSS)))
    if len(alone) > MOST_LINES:
        console.print(f"{len(alone):,} groups are too many to list here; they are in equity.csv.", style="dim")
        return
    for (measure, group_id), rows in groupby(alone.to_pylist(), lambda r: (r["measure"], r["group_id"])):
        _print_measure(list(rows), results, measure, group_id, console)


def _print_measure(rows: Sequence[Row], results: Results, measure: str, group_id: str, console: Console) -> None:
    info = results.measure(measure, group_id)
    console.print()
    console.print(Text(info.label, style="bold"), Text(f"({measure}, group {group_id})", style="dim"))
    if not rows[0]["denominator"]:
        console.print("  No one counts: the denominator is empty.", style="dim")
        return
    level = f"{rows[0]['level']:.0%}"
    lines = [[Text(heading) for heading in ("", "n", "rate", level, "points", level, "verdict")]]
    for attribute, members in groupby(rows, lambda r: r["attribute"]):
        lines += _attribute(attribute, list(members))
    _in_columns(lines, console)


def _attribute(attribute: str, rows: Sequence[Row]) -> Iterator[Line]:
    if attribute != OVERALL:
        missing = rows[0]["missing_share"]
        note = f" ({words.percent(missing, 0)} not known)" if missing else ""
        yield [Text(words.attribute_label(attribute), style="bold") + Text(note, style="dim")]
    kept = sorted(rows, key=lambda r: -r["denominator"])[:MOST_GROUPS]
    yield from (_cells(row) for row in rows if row in kept)
    if len(rows) > len(kept):
        yield [Text(f"  and {len(rows) - len(kept)} smaller groups", style="dim")]


def _cells(row: Row) -> Line:
    overall = row["attribute"] == OVERALL
    name = "Everyone" if overall else "  " + words.group_label(row["attribute"], row["value"])
    verdict = "" if overall and row["verdict"] == "not compared" else row["verdict"]
    texts = [
        name,
        words.number(row["denominator"]),
        words.percent(row["rate"]),
        words.percent_range(row["low"], row["high"], 0),
        words.points(row["difference"]),
        words.points_range(row["difference_low"], row["difference_high"], 0),
    ]
    style = "dim" if row["reliability"] != "reliable" else ""
    return [Text(text, style=style) for text in texts] + [Text(verdict, style=_STYLES.get(verdict, ""))]


def _in_columns(lines: Sequence[Line], console: Console) -> None:
    """Names to the left, figures to the right, the verdict last; a line of one text is that text."""
    columns = list(zip(*(line[1:] for line in lines if len(line) > 1), strict=True))
    widths = [max(len(text) for text in column) for column in columns]
    room = console.width - sum(widths) - len(_BETWEEN) * len(widths)
    wide = max(_NARROWEST, min(room, max(len(line[0]) for line in lines if len(line) > 1)))
    for name, *figures in lines:
        if figures and len(name) > wide:
            console.print(name, highlight=False, soft_wrap=True)
            name = Text()
        cells = [_padded(text, width) for text, width in zip(figures[:-1], widths, strict=False)]
        line = Text(_BETWEEN).join([name + " " * (wide - len(name)), *cells, *figures[-1:]]) if figures else name
        line.rstrip()
        console.print(line, highlight=False, soft_wrap=True)


def _padded(text: Text, width: int) -> Text:
    return Text(" " * (width - len(text))) + text


# --- gaps ---


def print_gaps(gaps: pa.Table, table: pa.Table, results: Results, console: Console) -> None:
    """The first gaps of the list, in one line or two each: who, in what, how large, how many people, how sure."""
    rows = list(_once(gaps.to_pylist()))
    sure = [row for row in rows if row["sure"] != _DOUBT][:MOST_GAPS]
    shown = sure + [row for row in rows if row["sure"] == _DOUBT][: min(MOST_DOUBTED, MOST_GAPS - len(sure))]
    if rows:
        console.print()
        heading = "Gaps, the surest and largest first" if sure else "No gap is sure. What may be one, the largest first"
        console.print(Text(heading, style="bold"))
    for row in shown:
        _print_gap(row, results, console)
    if held := next((row["adjusted_by"] for row in shown if row["adjusted_by"]), None):
        console.print(f"  alike: points between people alike in {_listing(held)}", style="dim", highlight=False)
    if len(shown) > len(sure):
        tested = len(table) - table["q"].null_count
        note = f"  {_DOUBT}: among {tested:,} comparison{'s' * (tested != 1)} chance alone may show as much"
        console.print(note, style="dim", highlight=False)
    if gaps.num_rows > len(shown):
        console.print(f"  and {gaps.num_rows - len(shown):,} more in gaps.csv", style="dim")
    _print_silence(table, console)


def _once(rows: Sequence[Row]) -> Iterator[Row]:
    """Without groups that two attributes share: the first stands."""
    seen: set[tuple[Any, ...]] = set()
    for row in rows:
        mark = row["measure"], row["group_id"], row["denominator"], row["difference"]
        if mark not in seen:
            seen.add(mark)
            yield row


def _print_gap(row: Row, results: Results, console: Console) -> None:
    group, reference = (words.group_label(row["attribute"], row[of]) for of in ("value", "reference"))
    measure = results.measure(row["measure"]).label
    who = f"{words.attribute_label(row['attribute'])}: {group}, against {reference}: {measure}"
    head = Text(f"{row['rank']:<3}") + Text(who, style=_STYLES["worse"] if row["sure"] != _DOUBT else "")
    said = "; ".join([_size(row), *_people(row), row["sure"]])
    if len(head) + len(said) + 2 <= console.width:
        console.print(head + "  " + said, highlight=False, soft_wrap=True)
        return
    for line in (*head.wrap(console, console.width), *Text(f"   {said}").wrap(console, console.width)):
        console.print(line, highlight=False)


def _size(row: Row) -> str:
    ends = words.points_range(row["difference_low"], row["difference_high"], 0)
    size = f"{words.points(row['difference'])} points ({ends})"
    if row["adjusted"] is None:
        return size
    ends = words.points_range(row["adjusted_low"], row["adjusted_high"], 0)
    return f"{size}, alike {words.points(row['adjusted'])} ({ends})"


def _people(row: Row) -> Iterator[str]:
    """How many people a gap is about; nothing where the measure does not say what is better."""
    if row["people"] is not None:
        low, high = (max(row[name] or 0.0, 0.0) for name in ("people_low", "people_high"))
        yield f"{row['people']:,.0f} people ({low:,.0f} to {high:,.0f})"


def _listing(attributes: str) -> str:
    """ "age_band, sex" -> "age and sex"."""
    return words.listed([words.attribute_label(name).lower() for name in attributes.split(", ")])


def _print_silence(table: pa.Table, console: Console) -> None:
    """How many groups with people in are too small, or have too small a reference, for anything to be said."""
    compared = table.filter(pc.and_(pc.not_equal(table["attribute"], OVERALL), pc.greater(table["denominator"], 0)))
    few = pc.sum(pc.equal(compared["verdict"], FEW)).as_py() or 0
    if few:
        console.print(f"Too little data to say: {few:,} of {compared.num_rows:,} groups.", highlight=False)


# --- what else there is ---


def further(tables: Mapping[str, pa.Table], results: Results) -> Iterator[str]:
    """A line on each further table: what to look for in it."""
    if "parts" in tables:
        yield from _parts(tables["gaps"], tables["parts"], results)
    if "crossings" in tables:
        apart = [row for row in tables["crossings"].to_pylist() if row["verdict"] != "as expected"]
        yield f"\nCrossings that fare other than their attributes alone would have it: {len(apart)} of " + (
            f"{tables['crossings'].num_rows} (crossings.csv)."
        )
    if "sites" in tables:
        yield _sites([row["verdict"] for row in tables["sites"].to_pylist()])
    if "means" in tables:
        rows = [row for row in tables["means"].to_pylist() if row["p"] is not None]
        claimed = sum(row["verdict"] in CLAIMS for row in rows)
        yield f"\nMeans, times and ratios: {claimed} of {len(rows)} groups surely worse off or apart (means.csv)."


def _sites(verdicts: Sequence[str]) -> str:
    few = verdicts.count(FEW)
    outside = len(verdicts) - few - verdicts.count("within")
    rest = f"; of {few} more there is too little to say" if few else ""
    return f"\nSites outside the limits of their funnel: {outside} of {len(verdicts) - few}{rest} (sites.csv)."


def _parts(gaps: pa.Table, parts: pa.Table, results: Results) -> Iterator[str]:
    """What the first gap of the list that has parts goes with."""
    split: dict[tuple[str, ...], list[Row]] = {}
    for row in parts.to_pylist():
        if row["method"] == METHOD:
            split.setdefault(_gap_of(row), []).append(row)
    first = next((row for row in gaps.to_pylist() if _gap_of(row) in split), None)
    if first:
        measure = results.measure(first["measure"]).label
        yield f"\nWhat a gap goes with ({measure}, {words.group_label(first['attribute'], first['value'])}):"
        yield from ("  " + words.part(row) for row in split[_gap_of(first)])


def _gap_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in ("measure", "group_id", "attribute", "value"))
