"""`salus equity`: every measure by who people are, on the terminal and in files.

equity.* has every group, inequality.* one figure per attribute and index, gaps.* the list of gaps, surest and largest
first. Leaves to others: the figures (`salus.equity`), how they are printed (`equity_lines`), what may leave the house
(`salus report`, `salus publish`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from salus.cli.equity_lines import further, print_gaps, print_groups
from salus.equity.compare import Settings, write_table
from salus.equity.counting import Crossing, attribute_names
from salus.equity.crossings import crossing_tables
from salus.equity.estimate import MINIMUM
from salus.equity.gaps import gap_table
from salus.equity.means import mean_table
from salus.equity.parts import split_table
from salus.equity.results import Results
from salus.equity.sites import site_table
from salus.equity.summary import inequality_table
from salus.equity.tally import Tally
from salus.equity.visits import SITE
from salus.errors import UsageError
from salus.publish.audit import record

EVERY_PAIR = "all"
ALWAYS = ("equity", "inequality", "gaps")
"""Tables written also when they are empty."""
SOMETIMES = ("parts", "crossings", "sites", "means")


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
    print_groups(table, opened, console)
    print_gaps(gaps, table, opened, console)
    for line in further(tables, opened):
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
