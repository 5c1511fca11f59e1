"""`salus equity`: every measure by who people are, on the terminal and in files.

equity.* has every group, inequality.* one figure per attribute and index, gaps.* the list of gaps, surest and largest
first. Leaves to others: the figures (`salus.equity`), what may leave the house (`salus report`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from salus.equity.compare import COUNTED, Settings, write_table
from salus.equity.counting import Crossing, attribute_names
from salus.equity.crossings import crossing_tables
from salus.equity.estimate import MINIMUM
from salus.equity.gaps import CLAIMS, gap_table
from salus.equity.means import mean_table
from salus.equity.parts import METHOD, split_table
from salus.equity.results import Results
from salus.equity.sites import site_table
from salus.equity.summary import inequality_table
from salus.equity.tally import CROSS, OVERALL, Tally
from salus.equity.visits import SITE
from salus.errors import UsageError
from salus.publish import words
from salus.publish.audit import record

MOST_GROUPS = 15
"""Groups of one attribute printed; the files have all of them."""
MOST_LINES = 2_000
"""Groups of all attributes and measures printed; where there are more, the gaps alone are."""
MOST_GAPS = 12
"""Gaps printed; the file has all of them."""
EVERY_PAIR = "all"
ALWAYS = ("equity", "inequality", "gaps")
"""Tables written also when they are empty."""
SOMETIMES = ("parts", "crossings", "sites", "means")

_STYLES = {
    "worse": "bold red",
    "better": "blue",
    "reference": "bold",
    "too few to say": "dim",
    "no one": "dim",
    COUNTED: "dim",
}


def equity_command(
    results: Path,
    by: Sequence[str] = (),
    level: float = 0.95,
    minimum: int = MINIMUM,
    references: Sequence[str] = (),
    control: bool = True,
    improvement: Sequence[str] = (),
    console: Console | None = None,
    cross: Sequence[str] = (),
    ordered: Sequence[str] = (),
    areas: Path | None = None,
    standard: Sequence[str] | None = None,
    split: Sequence[str] = (),
    site: str = SITE,
) -> None:
    """Compare the groups of the attributes `by` (default: all) and of their crossings; print and write the tables.

    `standard` is held equal in adjusted differences, gaps are split by `split`, `site` names sites; each has a default.
    `references` are "attribute=group" texts, `improvement` "measure=decrease" ones (to set right a measure
    whose published direction is wrong), `cross` "race,sex" ones or "all" (every pair), `ordered` "attribute" or
    "attribute=least,...,most"; `areas` is a table of ZIP codes whose columns become attributes. The table and the files
    are for use inside the house: they hide no small cells. Raises UsageError (exit 2) or SalusError (exit 1).
    """
    opened = replace(Results.open(results, parse_pairs(improvement, "measure=decrease")), areas=areas)
    standardise = None if standard is None else tuple(standard)
    settings = Settings(level, minimum, parse_pairs(references, "attribute=group"), control, standardise)
    orders = parse_orders(ordered)
    tables = _tables(opened, by, parse_crossings(opened, by, cross), settings, orders, Splits(tuple(split), site))
    table, gaps = tables["equity"], tables["gaps"]
    written = {name: write_table(one, results, name) for name, one in tables.items()}
    _tidy(results, tables)
    record("equity", results / "equity.parquet", {"results": results}, by=by, inside=True)
    console = console or Console()
    _print(table, opened, console)
    _print_gaps(gaps, opened, console)
    for line in _also(tables, opened):
        console.print(line, highlight=False)
    console.print()
    for name, (parquet, csv) in written.items():
        console.print(f"{parquet} and {csv} written: {tables[name].num_rows:,} rows.", highlight=False)
    console.print("They are for use inside the house: small cells are not hidden.", style="dim")


@dataclass(frozen=True)
class Splits:
    """By what gaps are split, and which attribute names sites."""

    by: tuple[str, ...] = ()
    site: str = SITE


def _tables(
    results: Results,
    by: Sequence[str],
    crossings: Sequence[Crossing],
    settings: Settings,
    orders: Mapping[str, Sequence[str]],
    splits: Splits,
) -> dict[str, pa.Table]:
    """Every table by its file's name; those that would be empty are left out, but for the first three."""
    made = split_table(results, by, settings, crossings, splits.by)
    inequality, strata = _inequality(results, made.cells, settings.level, orders)
    found = {"equity": made.table, "inequality": results.telling(inequality), "gaps": gap_table(made.table)}
    found |= {"parts": made.parts, "crossings": results.telling(strata)}
    found |= {"sites": results.telling(site_table(made.cells, splits.site))}
    found |= {"means": mean_table(results, by, settings)}
    return {name: one for name, one in found.items() if one.num_rows or name in ALWAYS}


def _tidy(folder: Path, tables: Mapping[str, pa.Table]) -> None:
    """Take away what an earlier run wrote and this one did not."""
    for name in SOMETIMES:
        for kind in ("parquet", "csv") if name not in tables else ():
            (folder / f"{name}.{kind}").unlink(missing_ok=True)


def _inequality(
    results: Results, cells: Tally, level: float, orders: Mapping[str, Sequence[str]]
) -> tuple[pa.Table, pa.Table]:
    """Every attribute's indices, then every crossing's share of the variation; and the crossings themselves."""
    alone = inequality_table(results, cells, level, orders)
    indices, strata = crossing_tables(cells, level)
    return pa.concat_tables([alone, indices]), strata


def parse_orders(texts: Sequence[str]) -> dict[str, list[str]]:
    """["deprivation", "age=young,old"] -> {"deprivation": [], "age": ["young", "old"]}."""
    pairs = [text.partition("=") for text in texts]
    return {name.strip(): [g.strip() for g in groups.split(",") if g.strip()] for name, _, groups in pairs}


def parse_crossings(results: Results, by: Sequence[str], texts: Sequence[str]) -> list[Crossing]:
    """["race,sex"] -> [("race", "sex")]; "all" is every pair of the attributes compared."""
    found: list[Crossing] = []
    for text in texts:
        names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        if names == (EVERY_PAIR,):
            found += combinations(by or attribute_names(results), 2)
        elif len(names) < 2:
            raise UsageError(f"a crossing is written race,sex (or all, for every pair), not {text!r}")
        else:
            found.append(names)
    return found


def parse_pairs(texts: Sequence[str], form: str) -> dict[str, str]:
    """["race=White"] -> {"race": "White"}; UsageError, showing `form`, for a text that is no pair."""
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, (name, sign, _) in zip(texts, pairs, strict=True) if not sign or not name]
    if wrong:
        raise UsageError(f"this is written {form}, not {wrong[0]!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _print(table: pa.Table, results: Results, console: Console) -> None:
    alone = table.filter(pc.invert(pc.match_substring(table["attribute"], CROSS)))
    if len(alone) > MOST_LINES:
        console.print(f"{len(alone):,} groups are too many to list here; they are in equity.csv.", style="dim")
        return
    for (measure, group_id), rows in groupby(alone.to_pylist(), lambda r: (r["measure"], r["group_id"])):
        _print_measure(list(rows), results, measure, group_id, console)


def _print_measure(
    rows: Sequence[Mapping[str, Any]], results: Results, measure: str, group_id: str, console: Console
) -> None:
    info = results.measure(measure)
    console.print()
    console.print(Text(info.label, style="bold"), Text(f"({measure}, group {group_id})", style="dim"))
    if not rows[0]["denominator"]:
        console.print("  No one counts: the denominator is empty.", style="dim")
        return
    level = f"{rows[0]['level']:.0%}"
    grid = Table(box=None, pad_edge=False)
    for heading in ("", "n", "rate", level, "points", level, "verdict"):
        justify: Literal["left", "right"] = "left" if heading in ("", "verdict") else "right"
        grid.add_column(heading, justify=justify, no_wrap=bool(heading))
    for attribute, members in groupby(rows, lambda r: r["attribute"]):
        _add_attribute(grid, attribute, list(members))
    console.print(grid)


def _add_attribute(grid: Table, attribute: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if attribute != OVERALL:
        missing = rows[0]["missing_share"]
        note = f"{words.percent(missing, 0)} not known" if missing else ""
        grid.add_row(Text(words.attribute_label(attribute), style="bold"), *[""] * 5, Text(note, style="dim"))
    kept = sorted(rows, key=lambda r: -r["denominator"])[:MOST_GROUPS]
    for row in (r for r in rows if r in kept):
        grid.add_row(*_cells(row))
    if len(rows) > len(kept):
        grid.add_row(Text(f"  and {len(rows) - len(kept)} smaller groups", style="dim"))


def _cells(row: Mapping[str, Any]) -> list[Text]:
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
        verdict,
    ]
    style = "dim" if row["reliability"] != "reliable" else ""
    return [Text(text, style=style) for text in texts[:-1]] + [Text(verdict, style=_STYLES.get(verdict, ""))]


def _print_gaps(gaps: pa.Table, results: Results, console: Console) -> None:
    """The first gaps of the list: who, in what, how large, how sure, how many people."""
    rows = gaps.slice(0, MOST_GAPS).to_pylist()
    if not rows:
        return
    console.print()
    console.print(Text("Gaps, the surest and largest first", style="bold"))
    grid = Table(box=None, pad_edge=False)
    for heading in ("", "group", "against", "measure", "points", "alike", "people", "at least", ""):
        right = heading in ("points", "alike", "people", "at least")
        grid.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        grid.add_row(
            *(Text(text, style=_STYLES["worse"] if not i else "") for i, text in enumerate(_gap_cells(row, results)))
        )
    console.print(grid)
    if held := next((row["adjusted_by"] for row in rows if row["adjusted_by"]), None):
        console.print(f"  alike: points between people alike in {_listing(held)}", style="dim", highlight=False)
    if gaps.num_rows > len(rows):
        console.print(f"  and {gaps.num_rows - len(rows):,} more in gaps.csv", style="dim")


def _listing(attributes: str) -> str:
    """ "age_band, sex" -> "age and sex"."""
    *first, last = (words.attribute_label(name).lower() for name in attributes.split(", "))
    return f"{', '.join(first)} and {last}" if first else last


def _also(tables: Mapping[str, pa.Table], results: Results) -> Iterator[str]:
    """A line on each further table: what to look for in it."""
    if "parts" in tables:
        yield from _parts(tables["gaps"], tables["parts"], results)
    if "crossings" in tables:
        apart = [row for row in tables["crossings"].to_pylist() if row["verdict"] != "as expected"]
        yield f"\nCrossings that fare other than their attributes alone would have it: {len(apart)} of " + (
            f"{tables['crossings'].num_rows} (crossings.csv)."
        )
    if "sites" in tables:
        outside = [row for row in tables["sites"].to_pylist() if row["verdict"] != "within"]
        yield f"\nSites outside the limits of their funnel: {len(outside)} of {tables['sites'].num_rows} (sites.csv)."
    if "means" in tables:
        claimed = [row for row in tables["means"].to_pylist() if row["verdict"] in CLAIMS]
        yield f"\nMeans, times and ratios: {len(claimed)} of {tables['means'].num_rows} groups apart (means.csv)."


def _parts(gaps: pa.Table, parts: pa.Table, results: Results) -> Iterator[str]:
    """What the first gap of the list that has parts goes with."""
    split: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in parts.to_pylist():
        if row["method"] == METHOD:
            split.setdefault(_gap_of(row), []).append(row)
    first = next((row for row in gaps.to_pylist() if _gap_of(row) in split), None)
    if first:
        measure = results.measure(first["measure"]).label
        yield f"\nWhat a gap goes with ({measure}, {words.group_label(first['attribute'], first['value'])}):"
        yield from ("  " + words.part(row) for row in split[_gap_of(first)])


def _gap_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in ("measure", "group_id", "attribute", "value"))


def _gap_cells(row: Mapping[str, Any], results: Results) -> list[str]:
    group = words.group_label(row["attribute"], row["value"])
    least = row["people_low"]
    return [
        str(row["rank"]),
        f"{words.attribute_label(row['attribute'])}: {group}",
        words.group_label(row["attribute"], row["reference"]),
        results.measure(row["measure"]).label,
        words.points(row["difference"]),
        words.points(row["adjusted"]),
        "" if row["people"] is None else f"{row['people']:,.0f}",
        "" if least is None else f"{max(least, 0.0):,.0f}",
        row["sure"],
    ]
