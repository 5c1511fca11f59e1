"""A folder of results, or a release, as a scorecard reads it: measures, lines of the equity table, gaps, manifest.

Results are for inside the house and hide nothing; a release shows what it shows. Leaves to others: opening results and
the figures (`equity`), what each says of a measure (`readings`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from salus.equity.compare import Settings, equity_table
from salus.equity.gaps import gap_table
from salus.equity.means import mean_table
from salus.equity.results import MeasureInfo, Results
from salus.errors import SalusError
from salus.publish.disclosure import Line, lines, protect
from salus.publish.evidence import attributes_of
from salus.publish.tables import States, key_of

Kind = Literal["results", "release"]
Row = Mapping[str, Any]
MANIFEST: Mapping[Kind, str] = {"results": "run.json", "release": "release.json"}
_OBJECTS = ("versions", "content", "columns_read", "titles", "policy")


@dataclass(frozen=True)
class Source:
    """An opened folder. `run` is its manifest as it stands; `gaps` are rows of the gap table, in its order; `means`
    rows of the table of means, which a release does not have; `inside` says whether what it holds is for inside the
    house only."""

    folder: Path
    kind: Kind
    period: tuple[str, str]
    run: Mapping[str, Any]
    measures: Mapping[str, MeasureInfo]
    lines: Sequence[Line]
    gaps: Sequence[Row]
    inside: bool
    results: Results | None = None
    means: Sequence[Row] = ()

    @cached_property
    def groups(self) -> Mapping[str, Mapping[str, Row]]:
        """What the manifest says of each measure's groups, by their ids; of a release, only that they are there."""
        found: dict[str, dict[str, Row]] = {}
        told = [*((li.measure, li.group_id) for li in self.lines), *((r["measure"], r["group_id"]) for r in self.means)]
        for measure, group_id in told:
            found.setdefault(measure, {}).setdefault(group_id, {})
        for entry, group in self.results.groups if self.results else ():
            found.setdefault(str(entry["name"]), {})[str(group["id"])] = group
        return found

    def measure(self, name: str, group_id: str) -> MeasureInfo:
        """What is known of a group of a measure, or only the measure's name."""
        return self.measures.get(name, MeasureInfo(name)).of(group_id)


def open_source(
    folder: Path, by: Sequence[str], settings: Settings, improvement: Mapping[str, str] | None = None
) -> Source:
    """Open a results folder, or a release of one. SalusError: it is neither; UsageError: as of `Results.open`."""
    if (folder / MANIFEST["release"]).is_file():
        return _release(folder)
    results = Results.open(folder, improvement)
    _check(results.run, folder / MANIFEST["results"])
    names = attributes_of(results, by)
    table = equity_table(results, names, settings)
    told = protect(table, threshold=1)
    means = mean_table(results, names, settings).to_pylist()
    measures, period = dict(results.measures), _period(results.period, folder)
    return Source(folder, "results", period, results.run, measures, told, _gaps(table), True, results, means)


def _release(folder: Path) -> Source:
    try:
        about = json.loads((folder / MANIFEST["release"]).read_text(encoding="utf-8"))
        _check(about, folder / MANIFEST["release"])
        inside = about["policy"]["threshold"] <= about["policy"]["least"]
        table = pq.read_table(folder / "equity.parquet")
        told = lines(table, {key_of(row): _states(row) for row in table.to_pylist()})
        period = tuple(str(day) for day in about["period"])
        versions = dict(about["measures"])
        averages = folder / "means.parquet"
        means = pq.read_table(averages).to_pylist() if averages.is_file() else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as problem:
        raise SalusError(f"{folder} is no release of salus publish: {problem}") from problem
    titles, groups = about.get("titles") or {}, _groups(told, means)
    measures = {
        name: MeasureInfo(name, titles.get(name, ""), str(version), groups=groups.get(name, {}))
        for name, version in versions.items()
    }
    return Source(folder, "release", _period(period, folder), about, measures, told, _gaps(table), inside, None, means)


def _groups(told: Sequence[Line], means: Sequence[Row]) -> Mapping[str, dict[str, tuple[str, str]]]:
    """Of each measure the scoring of each group that has a line, and which way is better."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for line in told:
        found.setdefault(line.measure, {})[line.group_id] = "proportion", line.improvement or ""
    for row in means:
        scoring = "ratio" if row["kind"] == "ratio" else "continuous-variable"
        found.setdefault(row["measure"], {})[row["group_id"]] = scoring, row["improvement"] or ""
    return found


def _states(row: Row) -> States:
    hidden = [row[f"{part}_state"] != "open" for part in ("numerator", "denominator")]
    return States(*("complementary" if each else "open" for each in hidden))


def _gaps(table: pa.Table) -> list[Row]:
    found: list[Row] = gap_table(table).to_pylist()
    return found


def _period(given: tuple[str, ...] | None, folder: Path) -> tuple[str, str]:
    if given is None or len(given) != 2:
        raise SalusError(f"{folder} does not say for which period it is: a scorecard needs it")
    try:
        first, last = (date.fromisoformat(day[:10]) for day in given)
    except ValueError as problem:
        raise SalusError(f"{folder}: its period, {' to '.join(given)}, is not of days: {problem}") from problem
    if first > last:
        raise SalusError(f"{folder}: its period starts ({given[0]}) after it ends ({given[1]})")
    return given[0], given[1]


def _check(manifest: Any, path: Path) -> None:
    """SalusError, naming file and key, for a manifest in another shape; what it leaves out is not known."""
    if not isinstance(manifest, dict):
        raise SalusError(f"{path} holds no JSON object")
    objects = [(key, manifest.get(key)) for key in _OBJECTS]
    wrong = next((key for key, value in objects if not isinstance(value or {}, dict)), None)
    if wrong:
        raise SalusError(f"{path}: {wrong} is no object")
    if not isinstance((manifest.get("content") or {}).get("measures") or {}, dict):
        raise SalusError(f"{path}: content.measures is no object")
