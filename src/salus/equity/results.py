"""The results folder as `equity` and `publish` read it: determinations, attributes and what run.json says of
the run.

Leaves to others: writing the folder (`measure`), counting (`compare`). run.json is read tolerantly: a key
that is not there is said to be unknown, it does not stop a report.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from salus.errors import SalusError, UsageError

NEEDED = ("determinations.parquet", "attributes.parquet", "run.json")


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

    @property
    def label(self) -> str:
        """The title, or the name when there is none."""
        return self.title or self.name

    @property
    def is_rate(self) -> bool:
        """Whether a numerator over a denominator is what the measure means (proportion, or not stated)."""
        return self.scoring in ("", "proportion")


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
        """Read run.json of `folder`; SalusError names the file that is missing or cannot be read.

        `improvement` (measure name -> "increase" or "decrease") overrides what measures say of themselves:
        some published ones have it the wrong way round. UsageError: another direction, or a measure that is
        not there.
        """
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:
            raise SalusError(f"{folder} is no results folder of salus evaluate: it has no {', '.join(missing)}")
        try:
            run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise SalusError(f"{folder / 'run.json'} cannot be read: {problem}") from problem
        if not isinstance(run, dict):
            raise SalusError(f"{folder / 'run.json'} holds no JSON object")
        infos = [_measure(entry) for entry in run.get("measures") or [] if isinstance(entry, dict)]
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

    def measure(self, name: str) -> MeasureInfo:
        """What is known of a measure, or only its name."""
        return self.measures.get(name, MeasureInfo(name))


def _corrected(infos: Mapping[str, MeasureInfo], improvement: Mapping[str, str]) -> dict[str, MeasureInfo]:
    for name, direction in improvement.items():
        if direction not in ("increase", "decrease"):
            raise UsageError(f"improvement is increase or decrease, not {direction!r}")
        if name not in infos:
            raise UsageError(f"no measure {name}; there are: {', '.join(infos) or 'none'}")
    return {name: _turned(info, improvement.get(name)) for name, info in infos.items()}


def _turned(info: MeasureInfo, direction: str | None) -> MeasureInfo:
    if direction is None or direction == info.improvement:
        return info
    return replace(info, improvement=direction, published_improvement=info.improvement)


def _measure(entry: Mapping[str, Any]) -> MeasureInfo:
    fields = MeasureInfo.__dataclass_fields__
    return MeasureInfo(**{key: str(entry.get(key) or "") for key in fields if key in entry})


def _valueset(entry: object) -> str:
    if isinstance(entry, dict):
        url = str(entry.get("url") or entry.get("id") or entry.get("name") or "?")
        asked = entry.get("asked_by") or entry.get("library")
        return f"{url} (asked for by {asked})" if asked else url
    return str(entry)
