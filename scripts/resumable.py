"""Long simulations in parts, on all cores, that go on where they were stopped.

Each part's result is a line of a file below build/, named by the code it was made with; a part that is there is not
done again, and other code begins anew. Leaves to others: what a part is.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


def in_parts(
    name: str, keys: Sequence[str], work: Callable[[str], Any], folder: Path = BUILD, workers: int | None = None
) -> dict[str, Any]:
    """The result of `work` for each key, in the order of the keys; results are what JSON can hold.

    `work` must be a function of a module, for it runs in processes of their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / f"{name}-{code()}.jsonl"
    found = _there(store)
    missing = [key for key in keys if key not in found]
    started = time.perf_counter()
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool, store.open("a", encoding="utf-8") as file:
        asked = {pool.submit(work, key): key for key in missing}
        for place, future in enumerate(as_completed(asked), 1):
            found[asked[future]] = future.result()
            file.write(json.dumps([asked[future], found[asked[future]]]) + "\n")
            file.flush()
            print(f"{place} of {len(missing)}: {time.perf_counter() - started:.0f} s", flush=True)
    return {key: found[key] for key in keys}


def _there(store: Path) -> dict[str, Any]:
    """What was done before; a line that was cut off does not count, and goes."""
    lines = store.read_text(encoding="utf-8").splitlines(keepends=True) if store.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        store.write_text("".join(whole), encoding="utf-8")
    return dict(json.loads(line) for line in whole)


def code() -> str:
    """A short name of the sources that results depend on."""
    known = sha256()
    for part in ("src/salus/equity", "src/salus/publish", "scripts", "tests/equity", "tests/publish"):
        for path in sorted((ROOT / part).glob("*.py")):
            known.update(path.name.encode() + path.read_bytes())
    return known.hexdigest()[:12]
