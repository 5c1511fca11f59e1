"""What every test may ask for: the data beside the project, read in place and skipped loudly when absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("SALUS_CACHE", str(ROOT / ".pytest_cache" / "salus"))  # never the user's own
SHARED = Path(os.environ.get("SALUS_SHARED", ROOT.parent / "shared")) / "data"


@pytest.fixture
def salus(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs a command (`salus("test", folder)`) on a wide screen: its exit code, and what it said and complained of."""
    from salus.cli import main as cli

    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([str(each) for each in arguments])
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("ecqm/content")` is the path, or skips the test saying what is missing."""

    def locate(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            pytest.skip(f"needs {path}, which is not here")
        return path

    return locate
