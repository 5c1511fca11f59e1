"""Errors and messages (ELM §24; CQL 1.5, Appendix B "Errors and Messages")."""

from __future__ import annotations

from salus.engine.oracle.registry import Call, operator
from salus.engine.oracle.values import Value


@operator("Message")
def message(call: Call, source: Value, condition: Value, code: Value, severity: Value, text: Value) -> Value:
    """§24 Message: the source. An Error ends the evaluation of that value: null, and the message as a warning."""
    if condition is not True or severity in (None, "Trace", "Message"):
        return source
    said = f"{severity}: {text or code or 'no message'}"
    if severity != "Error":
        call.warn(said)
        return source
    call.error(said)
    return None
