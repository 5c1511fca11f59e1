"""What stands in no patient's context, evaluated over the records of all patients at once.

An unfiltered define has one value, whoever asks. It may ask for a define of each patient, and has all patients' values
of it: a list of them, or where they are lists themselves, all their elements. Leaves to others: everything else of the
language (`interpreter`). Source: CQL 1.5, Author's Guide, "Context".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from salus.elm import nodes as n
from salus.elm.library import UNFILTERED, Library
from salus.engine.oracle.interpreter import Interpreter, Setting
from salus.engine.oracle.records import Patients
from salus.engine.oracle.scope import Scope
from salus.engine.oracle.values import Value


def look_after(setting: Setting, patients: Callable[[], Patients]) -> None:
    """Have unfiltered defines evaluated over all patients, who are read when the first one is asked for."""
    setting.everyone = cache(lambda: Everyone(setting, patients()))


class Everyone(Interpreter):
    """Evaluates unfiltered expressions."""

    def __init__(self, setting: Setting, patients: Patients) -> None:
        super().__init__(setting, patients.together())
        self._each = [Interpreter(setting, records) for records in patients]

    def _defined(self, library: Library, definition: n.ExpressionDef) -> Value:
        if definition.context in UNFILTERED:
            return self.evaluate(definition.expression, Scope(library, definition.name))
        found = [each.define(library, definition.name) for each in self._each]
        if any(isinstance(value, list) for value in found):
            return [item for value in found for item in value or ()]
        return found
