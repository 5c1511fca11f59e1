"""What Salus can check of itself, for the clauses that ask for it: manifests, the audit log, certificates, trends.

Each check says what was found; none says that all is well. Leaves to others: the log (`publish.audit`), the certificate
(`publish.certificate`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from salus.errors import SalusError
from salus.files import digest
from salus.mission.sources import Source
from salus.mission.trend import Trend
from salus.publish import audit
from salus.publish.certificate import FILE

State = Literal["holds", "fails", "not there"]


@dataclass(frozen=True)
class Check:
    """What was looked at, whether it holds, and what was found."""

    name: str
    state: State
    said: str


@dataclass(frozen=True)
class Facts:
    """What the checks look at."""

    sources: Sequence[Source]
    trends: Sequence[Trend | None]


def check(name: str, facts: Facts) -> Check:
    """Carry out a check by its name in the mission file."""
    return _CHECKS[name](facts)


def _manifest(facts: Facts) -> Check:
    """Every run says its versions and the hash of every measure it evaluated."""
    runs = [source for source in facts.sources if source.inside]
    if not runs:
        return Check("Runs that can be made again", "not there", "A release does not carry the manifest of its run.")
    whole = [
        source for source in runs if source.run.get("versions") and (source.run.get("content") or {}).get("measures")
    ]
    state: State = "holds" if len(whole) == len(runs) else "fails"
    said = f"{len(whole)} of {_counted(len(runs), 'run')} say their versions and the hashes of their measures."
    return Check("Runs that can be made again", state, said)


def _audit(facts: Facts) -> Check:
    """The logs beside the folders are whole."""
    logs = sorted({log for source in facts.sources if (log := audit.place(source.folder)).is_file()})
    if not logs:
        return Check("A log that shows any change", "not there", "There is no audit log beside these folders.")
    try:
        checked = [audit.verify(log) for log in logs]
    except SalusError as problem:
        return Check("A log that shows any change", "fails", str(problem))
    broken = next((each.broken for each in checked if each.broken), None)
    if broken:
        return Check("A log that shows any change", "fails", broken)
    entries = sum(each.entries for each in checked)
    return Check(
        "A log that shows any change", "holds", f"{_counted(entries, 'entry', 'entries')}, the chain is whole."
    )


def _certificate(facts: Facts) -> Check:
    """Releases have their certificate, and their files are those it was given for."""
    name = "Releases with a certificate"
    found = [source.folder for source in facts.sources if source.kind == "release"]
    if not found:
        return Check(name, "not there", "No release is among these folders.")
    told = [(folder, _told(folder / FILE)) for folder in found]
    wrong = next((why for folder, about in told if (why := _changed(folder, about))), None)
    if wrong:
        return Check(name, "fails", wrong)
    return Check(name, "holds", " ".join(dict.fromkeys(str(about["statement"]) for _, about in told)))


def _told(certificate: Path) -> Mapping[str, Any]:
    """What a certificate says; nothing where there is none that can be read."""
    try:
        about = json.loads(certificate.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _changed(folder: Path, about: Mapping[str, Any]) -> str | None:
    """What of a release is not as its certificate says."""
    files = about.get("files")
    if "statement" not in about or not files or not isinstance(files, dict):
        return f"{folder} has no certificate that can be read."
    for name, said in files.items():
        path = folder / name
        if not path.is_file() or digest(path) != said:
            return f"{path} is not what the certificate was given for."
    return None


def _trend(facts: Facts) -> Check:
    """How many measures are followed over time, and how many of them moved."""
    followed = [each for each in facts.trends if each is not None]
    name = "Measures followed over time"
    if not followed:
        return Check(name, "not there", "Only one period is given: name the results of earlier ones too.")
    moved = sum(each.way in ("better", "worse", "higher", "lower") for each in followed)
    charts = sum(each.chart is not None for each in followed)
    said = f"{len(followed)} of {_counted(len(facts.trends), 'measure')}, {charts} with a control chart; {moved} moved."
    return Check(name, "holds", said)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


_CHECKS: Mapping[str, Callable[[Facts], Check]] = {
    "manifest": _manifest, "audit": _audit, "certificate": _certificate, "trend": _trend,
}  # fmt: skip
