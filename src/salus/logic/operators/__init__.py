"""The operators of CQL, a module per chapter of the reference (Appendix B), on structured values.

A module registers its operators by ELM name; `compiler` looks them up in `OPERATORS`. Each cites its section.
"""

from salus.logic.operators import (  # noqa: F401  (registration on import)
    aggregates,
    arithmetic,
    clinical,
    comparison,
    construction,
    datetimes,
    expansion,
    interval_lists,
    intervals,
    lists,
    logical,
    nullological,
    precision,
    strings,
    types,
)
from salus.logic.operators.registry import OPERATORS

__all__ = ["OPERATORS"]
