"""Fixtures of the exports: a folder to gather in."""

from __future__ import annotations

from pathlib import Path

import pytest

for needed in ("urllib3", "jwt", "cryptography"):
    pytest.importorskip(needed, reason=f"needs {needed}, which is not installed: make setup")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".population.bulk"
