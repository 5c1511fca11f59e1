"""The operators of ELM, one file per chapter; importing this package registers them all."""

from salus.engine.oracle.operators import (
    aggregates,
    arithmetic,
    clinical,
    comparison,
    datetimes,
    intervals,
    lists,
    logical,
    messages,
    nullological,
    parts,
    spreading,
    strings,
    types,
)

__all__ = [
    "aggregates",
    "arithmetic",
    "clinical",
    "comparison",
    "datetimes",
    "intervals",
    "lists",
    "logical",
    "messages",
    "nullological",
    "parts",
    "spreading",
    "strings",
    "types",
]
