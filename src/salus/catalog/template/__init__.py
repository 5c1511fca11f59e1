"""A measure to begin with: the files of this folder, in which NAME stands for the measure's name.

Leaves to others: what is in them (docs/authoring.md).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from salus.catalog import content_paths
from salus.errors import UsageError, writing

_FILES: Final = ("NAME.cql", "measure.toml", "valuesets.toml", "tests.toml")


def start(name: str, into: Path) -> Path:
    """Write a folder for a measure of that name, with the library that the catalog's measures share; returns it.

    Raises UsageError for a name CQL would not have, or a folder that is there.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,63}", name):
        raise UsageError(f"{name!r} is no name for a measure: a letter, then letters and digits, as in FluVaccine")
    folder = into / name
    if folder.exists():
        raise UsageError(f"{folder} is there; it stays as it is")
    with writing(f"the measure {folder}"):
        folder.mkdir(parents=True)
        for file in _FILES:
            text = (Path(__file__).parent / file).read_text(encoding="utf-8")
            (folder / file.replace("NAME", name)).write_text(text.replace("NAME", name), encoding="utf-8")
        for shared in (content_paths()[0] / "shared").iterdir():
            (folder / shared.name).write_bytes(shared.read_bytes())
    return folder
