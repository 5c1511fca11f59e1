"""Reading the tables of expected values in place: rows as dictionaries, columns as float arrays."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

SharedData = Callable[[str], Path]
Row = dict[str, str]
BLANK = ("", "NA")


def read(path: Path) -> list[Row]:
    """The rows of a CSV file; spaces around column names go, and rows with nothing in them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [{(k or "").strip(): v for k, v in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if any(value for value in row.values() if isinstance(value, str))]


def number(text: str) -> float:
    """The number a cell holds, nan where it holds none."""
    return float("nan") if text in BLANK else float(text)


def column(rows: Iterable[Row], name: str) -> npt.NDArray[np.float64]:
    """One column as floats."""
    return np.array([number(row[name]) for row in rows], dtype=np.float64)
