"""One at a time: a lock beside a file or folder, which goes with the process that holds it, whatever ends it.

Leaves to others: what is done meanwhile (`scratch`, `measure.folder`).
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from salus.errors import SalusError


@contextmanager
def alone(at: Path, busy: str) -> Iterator[None]:
    """Hold the lock of `at`. Raises SalusError with the words `busy` when another process does, or OSError."""
    lock = at.with_name(f".{at.name}.lock")
    while True:
        file = os.open(lock, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            os.close(file)
            if problem.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise SalusError(busy) from problem
            raise
        # Who held it before may have taken the name away between our opening and locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(lock)):
                break
        os.close(file)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(file)
