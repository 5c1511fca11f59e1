"""Reports are tested on the results folders that the tests of `equity` make."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "equity")]
