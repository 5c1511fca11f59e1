"""Fixtures of the exports: a folder to gather in."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".population.bulk"
