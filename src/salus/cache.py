"""Bytes kept on disk between runs, by key: a folder of small files that may vanish at any time.

Any number of processes may read and write it at once: a file is written aside and moved into place whole, and one whose
checksum does not fit is not used. Whatever goes wrong here costs time, never a run.
Leaves to others: what is kept, and what its key must hold.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_UNUSED_DAYS = 60


def cache_folder() -> Path:
    """`$SALUS_CACHE`, or the place the operating system has for such things."""
    if given := os.environ.get("SALUS_CACHE"):
        return Path(given)
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "salus"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "salus"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "salus"


@dataclass(frozen=True)
class Cache:
    """Keys are hexadecimal digests."""

    folder: Path

    def get(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            stored = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        checksum, data = stored[:64], stored[64:]
        return data if _checksum(data) == checksum else None

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            with os.fdopen(handle, "wb") as file:
                file.write(_checksum(data) + data)
            os.replace(aside, path)
            self._forget_unused(path.parent)
        except OSError:
            return

    def _path(self, key: str) -> Path:
        return self.folder / key[:1] / key

    def _forget_unused(self, folder: Path) -> None:
        before = time.time() - _UNUSED_DAYS * 86_400
        for path in folder.iterdir():
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
