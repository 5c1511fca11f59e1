"""What the steps give back: a population, results, their comparison by group, a scorecard.

Each is a view of files on disk, or of tables in memory, and takes the next step as a method. Leaves to others: the work
(`store`, `measure`, `equity`, `publish`, `mission`), options in full (`steps`), how it looks (`shown`).
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from salus.api.shown import Showing, Shown
from salus.equity.compare import Settings, equity_table, write_table
from salus.equity.gaps import gap_table
from salus.equity.results import Results as Opened
from salus.mission import files, page
from salus.mission.scorecard import Kept
from salus.mission.scorecard import Scorecard as Card
from salus.publish import words
from salus.publish.audit import record
from salus.publish.policy import profile as policy_of
from salus.publish.release import Order as ReleaseOrder
from salus.publish.release import publish
from salus.publish.report import Options, write_report
from salus.store import Population as Store
from salus.store.contents import Contents, contents

MOST: Final = 12
"""Rows shown of a long table; the table itself has all of them."""


@dataclass(frozen=True, repr=False)
class Population(Showing):
    """A population file. `warnings` are those of the load that made it."""

    path: Path
    warnings: tuple[str, ...] = ()

    def contents(self) -> Contents:
        """What is inside, in counts: resources, dates, what is missing, what was set aside."""
        with Store.open(self.path) as population:
            return contents(population)

    def shown(self) -> Shown:
        """Types of records, how many, and from when to when."""
        found = self.contents()
        rows = [
            (one.type, f"{one.resources:,}", f"{one.patients:,}", f"{one.first} to {one.last}" if one.first else "")
            for one in found.types
        ]
        aside = sum(found.quarantine.values())
        note = f"{aside:,} set aside as unreadable." if aside else ""
        headings = ("type", "resources", "patients", "dates")
        headline = f"Population {self.path}: {found.patients:,} patients"
        return Shown(headline, headings, rows, note, frozenset({"resources", "patients"}))


class Passing:
    """A folder for as long as somebody holds on to this."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="salus-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@dataclass(frozen=True, repr=False)
class Results(Showing):
    """A results folder. `keep` holds on to one that is to vanish with the object."""

    folder: Path
    keep: Passing | None = field(default=None, compare=False)

    def opened(self, improvement: Mapping[str, str] | None = None) -> Opened:
        """The folder as `equity` and `publish` read it."""
        return Opened.open(self.folder, improvement)

    @property
    def run(self) -> Mapping[str, Any]:
        """run.json: versions, hashes, period, timings, warnings."""
        return self.opened().run

    @property
    def determinations(self) -> pa.Table:
        """One row per unit and measure group: who is in which population."""
        return pq.read_table(self.folder / "determinations.parquet")

    @property
    def attributes(self) -> pa.Table:
        """One row per subject: who they are."""
        return pq.read_table(self.folder / "attributes.parquet")

    @property
    def scores(self) -> pa.Table:
        """One row per measure group: counts of each population and the score, as the run says."""
        return pa.Table.from_pylist(_scores(self.run))

    def equity(
        self,
        by: Sequence[str] = (),
        *,
        cross: Sequence[Sequence[str]] = (),
        references: Mapping[str, str] | None = None,
        improvement: Mapping[str, str] | None = None,
        areas: str | Path | None = None,
        **settings: Any,
    ) -> Equity:
        """Compare groups in every measure: by the attributes named (default: all), and by crossings of them.

        `references` maps an attribute to the group to compare with, `improvement` a measure to "increase" or "decrease"
        where it has it wrong, `areas` is a table with a column zip whose columns become attributes; `settings` are
        level, minimum and control. UsageError: an attribute or group that is not there.
        """
        opened = replace(self.opened(improvement), areas=Path(areas) if areas else None)
        table = equity_table(opened, by, Settings(references=references or {}, **settings), [*map(tuple, cross)])
        return Equity(opened, table)

    def report(self, out: str | Path, by: Sequence[str] = (), *, show_small: bool = False) -> Path:
        """Write the report of these results: one HTML file that opens without a network."""
        options = Options(tuple(by), threshold=1) if show_small else Options(tuple(by))
        path = write_report(self.opened(), Path(out), options)
        record("report", path, {"results": self.folder}, by=list(by), show_small=show_small)
        return path

    def publish(self, out: str | Path, profile: str = "cms11", *, earlier: Sequence[str | Path] = ()) -> Path:
        """Write a release with its certificate, or raise SalusError; gives the folder of the release."""
        before = tuple(map(Path, earlier))
        done = publish(self.opened(), Path(out), ReleaseOrder(policy=policy_of(profile), earlier=before))
        record("publish", done.out, {"results": self.folder, "earlier": list(before)}, profile=profile)
        return done.out

    def shown(self) -> Shown:
        """A line per measure group."""
        opened = self.opened()
        rows = [
            (
                each["title"] or each["name"],
                _count(each.get("denominator", each.get("measure_population"))),
                _count(each.get("numerator")),
                _score(each),
            )
            for each in _scores(opened.run)
        ]
        headline = f"Results {self.folder}, {words.span(opened.period)}"
        note = f"{len(opened.warnings)} warnings: results.run['warnings']" if opened.warnings else ""
        headings = ("measure", "denominator", "numerator", "score")
        return Shown(headline, headings, rows, note, frozenset(headings[1:]))


def _scores(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **{name: str(measure.get(name) or "") for name in ("name", "title", "scoring", "improvement")},
            "group_id": str(group.get("id")),
            **(group.get("counts") or {}),
            "score": group.get("score"),
        }
        for measure in run.get("measures") or ()
        for group in measure.get("groups") or ()
    ]


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _score(each: Mapping[str, Any]) -> str:
    score = each["score"]
    if score is None:
        return "–"
    return words.percent(score) if each["scoring"] in ("", "proportion") else f"{score:,.4g}"


@dataclass(frozen=True, repr=False)
class Equity(Showing):
    """Results compared by group. `table` has a row per measure group, attribute and group (docs/attributes.md)."""

    opened: Opened
    table: pa.Table

    @property
    def gaps(self) -> pa.Table:
        """The gaps, the surest and largest first, each with how many people it is about."""
        return gap_table(self.table)

    def write(self, folder: str | Path | None = None) -> None:
        """Write equity.* and gaps.*, Parquet and CSV, into the results folder or another; for inside the house."""
        where = self.opened.folder if folder is None else Path(folder)
        for name, table in (("equity", self.table), ("gaps", self.gaps)):
            write_table(table, where, name)
        record("equity", where / "equity.parquet", {"results": self.opened.folder}, inside=True)

    def shown(self) -> Shown:
        """The first gaps."""
        gaps = self.gaps
        rows = [self._row(row) for row in gaps.slice(0, MOST).to_pylist()]
        sure = sum(each != "not sure" for each in gaps["sure"].to_pylist())
        headline = f"{gaps.num_rows} gaps, of which {sure} chance does not explain"
        note = (
            f"{gaps.num_rows - len(rows)} more in .gaps; every group is in .table" if gaps.num_rows > len(rows) else ""
        )
        headings = ("measure", "group", "against", "points", "interval", "people", "how sure")
        return Shown(headline, headings, rows, note, frozenset({"points", "interval", "people"}))

    def _row(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        group = words.group_label(row["attribute"], row["value"])
        return (
            self.opened.measure(row["measure"]).label,
            f"{words.attribute_label(row['attribute'])}: {group}",
            words.group_label(row["attribute"], row["reference"]),
            words.points(row["difference"]),
            words.points_range(row["difference_low"], row["difference_high"], 0),
            words.number(row["people"]),
            row["sure"],
        )


@dataclass(frozen=True, repr=False)
class Scorecard(Showing):
    """The mission beside what was measured; `card` has all of it."""

    card: Card

    def write(self, out: str | Path) -> Path:
        """Write the page, and .json and .csv of the same name beside it."""
        path, _, _ = files.write(self.card, Path(out))
        read = {"folders": [s.folder for s in self.card.sources], "mission": self.card.mission.path}
        record("scorecard", path, read, inside=self.card.inside)
        return path

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, as in scorecard.json."""
        return files.as_json(self.card)

    def page(self) -> str:
        """The page as text, as it would stand in the working folder."""
        return page.render(self.card, Path("scorecard.html"))

    def shown(self) -> Shown:
        """A line per clause."""
        rows = [
            (kept.clause.words, kept.state, _figures(kept), str(len(kept.certain) or "")) for kept in self.card.clauses
        ]
        done = self.card.count("measured")
        headline = f"{self.card.mission.title}: {done} of {len(self.card.clauses)} clauses measured"
        return Shown(headline, ("clause", "", "measures", "sure gaps"), rows, "", frozenset({"sure gaps"}))


def _figures(kept: Kept) -> str:
    """The figures of a clause; one about every measure has them elsewhere."""
    if kept.clause.every:
        return ""
    return "; ".join(f"{each.reading.title} {each.reading.figure}" for each in kept.measures)
