"""The errors Salus shows to a person.

Every message names the thing at fault (file, line, library, value set, value) and never holds a row's values.
Leaves to others: everything else. A `SalusError` that reaches the command line ends the run with exit code 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class SalusError(Exception):
    """The run failed; the message is for the user (exit code 1)."""


class UsageError(SalusError):
    """The command was wrong; nothing was started (exit code 2)."""


@contextmanager
def writing(what: str) -> Iterator[None]:
    """What the disk refuses meanwhile, in words: "cannot write the results out: No space left on device"."""
    try:
        yield
    except OSError as problem:
        raise SalusError(f"cannot write {what}: {problem.strerror or problem}") from problem
