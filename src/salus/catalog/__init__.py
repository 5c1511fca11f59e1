"""Salus's own measures, with the value sets they need and people to try them on.

`content/` holds FHIR Measure, Library (CQL) and ValueSet resources of openly usable codes, ready
for `salus evaluate --content`; `sources/` what they are built from (`scripts/build_catalog.py`).
`synth` writes the people. How measures are evaluated is the business of `engine` and `measure`.
"""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["content_paths", "measure_names"]


def content_paths() -> list[Path]:
    """The folders of FHIR content that ship with Salus, to be given to `--content`."""
    return [Path(__file__).resolve().parent / "content"]


def measure_names() -> list[str]:
    """The names of the measures that ship with Salus."""
    paths = [path for folder in content_paths() for path in sorted(folder.rglob("Measure-*.json"))]
    return [str(json.loads(path.read_text(encoding="utf-8"))["name"]) for path in paths]
