"""Salus's own measures, with the value sets they need and people to try them on.

`content/` is what `salus evaluate --content` reads: a folder for each measure, by clause of the mission, with its CQL,
what it says of itself (`measure.toml`) and its tests (`tests.toml`); `valuesets/` by domain, all of codes that anyone
may use; `shared/` the one library that measures include. `entries` reads what they say of themselves, `template` starts
another, `synth` writes the people. How measures are evaluated is the business of `engine` and `measure`.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["content_paths", "measure_names"]


def content_paths() -> list[Path]:
    """The folders of content that ship with Salus, to be given to `--content`."""
    return [Path(__file__).resolve().parent / "content"]


def measure_names() -> list[str]:
    """The names of the measures that ship with Salus: those of their folders."""
    return sorted(file.parent.name for folder in content_paths() for file in folder.rglob("measure.toml"))
