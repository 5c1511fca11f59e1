"""The errors Salus shows to a person.

Every message names the thing at fault (file, line, library, value set, value) and never holds a row's values.
Leaves to others: everything else. A `SalusError` that reaches the command line ends the run with exit code 1.
"""


class SalusError(Exception):
    """The run failed; the message is for the user (exit code 1)."""


class UsageError(SalusError):
    """The command was wrong; nothing was started (exit code 2)."""
