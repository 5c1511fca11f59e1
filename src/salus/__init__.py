"""Salus: a learning health system engine.

One idea carries it: definition x subjects x period -> determinations; everything else is a function of
determinations and of who the subjects are.

`salus.load`, `salus.evaluate` and the others are those of `salus.api`, imported when they are first asked for, so that
`import salus` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salus.api import Equity, Population, Results, Scorecard, evaluate, load, population, results, scorecard

__version__ = "0.1.0"
__all__ = ["Equity", "Population", "Results", "Scorecard", "evaluate", "load", "population", "results", "scorecard"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'salus' has no attribute {name!r}")
    from salus import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
