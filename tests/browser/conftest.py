"""Pages are looked at with scripts/browser.py, and made of what the tests of `equity` and `api` make."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/equity"), str(ROOT / "tests/api")]
