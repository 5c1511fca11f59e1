"""The results folder as `equity` and `publish` read it: determinations, attributes and what run.json says of
the run.

Leaves to others: writing the folder (`measure`), counting (`compare`). run.json is read tolerantly: a key
that is not there is said to be unknown, it does not stop a report. One that holds something else than it should does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from salus.equity.tally import CROSS
from salus.errors import SalusError, UsageError

NEEDED = ("determinations.parquet", "attributes.parquet", "run.json")
COLUMNS = {
    "determinations.parquet": (
        *("measure", "group_id", "subject_id", "unit_id", "initial_population", "denominator"),
        *("denominator_exclusion", "denominator_exception", "numerator", "numerator_exclusion"),
    ),
    "attributes.parquet": ("subject_id",),
}
"""Columns without which nothing can be counted."""


@dataclass(frozen=True)
class MeasureInfo:
    """What run.json says about one measure; texts are empty when it says nothing."""

    name: str
    title: str = ""
    version: str = ""
    scoring: str = ""
    improvement: str = ""
    description: str = ""
    rationale: str = ""
    published_improvement: str = ""
    """What the measure says itself, where a user has set `improvement` right."""
    not_by: tuple[str, ...] = ()
    """Attributes that the measure counts itself: that more of the uninsured are uninsured is no gap."""
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The scoring and improvement of each of its groups, by id; empty texts where a group says nothing of its own."""

    @property
    def label(self) -> str:
        """The title, or the name when there is none."""
        return self.title or self.name

    @property
    def is_rate(self) -> bool:
        """Whether a numerator over a denominator is what the measure means (proportion, or not stated)."""
        return self.scoring in ("", "proportion")

    @property
    def has_rates(self) -> bool:
        """Whether any of its groups is a rate."""
        return any(self.of(each).is_rate for each in self.groups) if self.groups else self.is_rate

    def of(self, group_id: str) -> MeasureInfo:
        """What is known of one of its groups: one measure may have rates, means and counts in its groups."""
        scoring, improvement = self.groups.get(group_id, ("", ""))
        return replace(self, scoring=scoring or self.scoring, improvement=improvement or self.improvement)

    def counts(self, attribute: str) -> bool:
        """Whether the measure counts this attribute itself, or one that a crossing is made of."""
        return not set(self.not_by).isdisjoint(attribute.split(CROSS))


@dataclass(frozen=True)
class Results:
    """An opened results folder; `run` is run.json as it stands."""

    folder: Path
    run: Mapping[str, Any]
    measures: Mapping[str, MeasureInfo]
    areas: Path | None = None
    """A table of what is known of ZIP codes, to be joined to the attributes (`counting`)."""

    @classmethod
    def open(cls, folder: Path, improvement: Mapping[str, str] | None = None) -> Results:
        """Read run.json of `folder`; SalusError names the file that is missing or cannot be read, or what it lacks.

        `improvement` (measure name -> "increase" or "decrease") overrides what measures say of themselves:
        some published ones have it the wrong way round. UsageError: another direction, or a measure that is
        not there.
        """
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:
            raise SalusError(f"{folder} is no results folder of salus evaluate: it has no {', '.join(missing)}")
        for name, columns in COLUMNS.items():
            _check_columns(folder / name, columns)
        run = _read_run(folder / "run.json")
        infos = [_measure(entry) for entry in run.get("measures") or []]
        return cls(folder, run, _corrected({info.name: info for info in infos}, improvement or {}))

    @property
    def determinations(self) -> Path:
        """One row per unit and measure group."""
        return self.folder / "determinations.parquet"

    @property
    def attributes(self) -> Path:
        """One row per subject."""
        return self.folder / "attributes.parquet"

    @property
    def period(self) -> tuple[str, str] | None:
        """First and last day of the measurement period as text, if stated."""
        given = self.run.get("period")
        if isinstance(given, dict) and {"start", "end"} <= given.keys():
            return str(given["start"]), str(given["end"])
        if isinstance(given, list | tuple) and len(given) == 2:
            return str(given[0]), str(given[1])
        return None

    @property
    def warnings(self) -> Sequence[str]:
        """The run's warnings as text."""
        return tuple(str(w) for w in self.run.get("warnings") or [])

    @property
    def missing_valuesets(self) -> Sequence[str]:
        """Value sets the run went on without: whatever needs them counts nobody."""
        return tuple(_valueset(v) for v in self.run.get("missing_valuesets") or [])

    @property
    def groups(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """What run.json says of every measure, with each of its groups."""
        for entry in self.run.get("measures") or []:
            for group in entry.get("groups") or []:
                yield entry, group

    def measure(self, name: str, group_id: str = "") -> MeasureInfo:
        """What is known of a measure (and of a group of it), or only its name."""
        return self.measures.get(name, MeasureInfo(name)).of(group_id)

    def telling(self, table: pa.Table) -> pa.Table:
        """The rows of a table of measures and attributes, without those of attributes that their measure counts."""
        pairs = zip(table["measure"].to_pylist(), table["attribute"].to_pylist(), strict=True)
        return table.filter(pa.array([not self.measure(name).counts(by) for name, by in pairs], pa.bool_()))


def _check_columns(file: Path, needed: Sequence[str]) -> None:
    try:
        there = pq.read_schema(file).names
    except (OSError, pa.ArrowException) as problem:
        raise SalusError(f"{file} cannot be read as Parquet: {problem}") from problem
    if gone := [name for name in needed if name not in there]:
        raise SalusError(f"{file} has no column {', '.join(gone)}")


def _read_run(file: Path) -> dict[str, Any]:
    """run.json, with measures, their groups and what those observe in the form that all that read them rely on."""
    try:
        run = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SalusError(f"{file} cannot be read: {problem}") from problem
    if not isinstance(run, dict):
        raise SalusError(f"{file} holds no JSON object")
    for key in ("warnings", "missing_valuesets"):
        _listed(run, key, f"{file}")
    for place, entry in enumerate(_objects(run, "measures", f"{file}", "name"), 1):
        measure = f"{file}: measure {place} ({entry['name']})"
        _listed(entry, "not_by", measure)
        for group in _objects(entry, "groups", measure, "id"):
            _objects(group, "observations", f"{measure}, group {group['id']}")
    return run


def _objects(of: Mapping[str, Any], key: str, where: str, *needed: str) -> list[dict[str, Any]]:
    """A list of objects that may not be there; SalusError names what is none, or lacks a key that is needed."""
    for place, each in enumerate(_listed(of, key, where), 1):
        if not isinstance(each, dict) or any(each.get(name) is None for name in needed):
            lacking = f" with {', '.join(needed)}" if needed else ""
            raise SalusError(f"{where}: entry {place} of {key} is no object{lacking}")
    return list(of.get(key) or [])


def _listed(of: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = of.get(key) or []
    if not isinstance(found, list):
        raise SalusError(f"{where}: {key} is no list")
    return found


def _corrected(infos: Mapping[str, MeasureInfo], improvement: Mapping[str, str]) -> dict[str, MeasureInfo]:
    for name, direction in improvement.items():
        if direction not in ("increase", "decrease"):
            raise UsageError(f"improvement is increase or decrease, not {direction!r}")
        if name not in infos:
            raise UsageError(f"no measure {name}; there are: {', '.join(infos) or 'none'}")
    return {name: _turned(info, improvement.get(name)) for name, info in infos.items()}


def _turned(info: MeasureInfo, direction: str | None) -> MeasureInfo:
    if direction is None:
        return info
    published = "" if direction == info.improvement else info.improvement
    groups = {id_: (scoring, direction) for id_, (scoring, _) in info.groups.items()}
    return replace(info, improvement=direction, published_improvement=published, groups=groups)


def _measure(entry: Mapping[str, Any]) -> MeasureInfo:
    texts = {key for key in MeasureInfo.__dataclass_fields__ if key not in ("not_by", "groups") and key in entry}
    told = {key: str(entry[key] or "") for key in texts}
    groups = {str(group["id"]): _group(group) for group in entry.get("groups") or ()}
    return MeasureInfo(**told, not_by=tuple(map(str, entry.get("not_by") or ())), groups=groups)


def _group(entry: Mapping[str, Any]) -> tuple[str, str]:
    return str(entry.get("scoring") or ""), str(entry.get("improvement") or "")


def _valueset(entry: object) -> str:
    if isinstance(entry, dict):
        url = str(entry.get("url") or entry.get("id") or entry.get("name") or "?")
        asked = entry.get("asked_by") or entry.get("library")
        return f"{url} (asked for by {asked})" if asked else url
    return str(entry)
