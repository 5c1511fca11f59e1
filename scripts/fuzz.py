"""Draws expressions and populations at random, asks both engines, and prints where they differ, made small.

    scripts/fuzz.py [N] [--seed SEED] [--defines D] [--depth DEPTH] [--constants]

N populations (50), each with a library of D defines. Each disagreement is printed once: the smallest part of the
expression on which the engines differ already, the records it needs, and both answers. Then how often what was
refused. Exit code 1 when there was a disagreement.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisWarning

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "engine")]

from generated.agreement import Disagreement, Judge, disagreements, refusals, smallest  # noqa: E402
from generated.expressions import Drawn, libraries  # noqa: E402
from generated.populations import populations  # noqa: E402

Json = dict[str, Any]


class Search:
    """What a run has found so far."""

    def __init__(self) -> None:
        self.asked = 0
        self.found: dict[str, Disagreement] = {}
        self.refused: Counter[tuple[str, str]] = Counter()

    def look(self, resources: list[Json], drawn: Drawn) -> None:
        """Ask both engines about one library over one population."""
        defines, functions = drawn.elm["defines"], drawn.elm["functions"]
        self.asked += len(defines)
        with Judge(resources) as judge:
            self.refused.update((engine, _reason(text)) for engine, text in refusals(judge, defines, functions))
            small = [smallest(judge, d, defines, functions) for d in disagreements(judge, defines, functions)]
        for each in small:
            if _shape(each) not in self.found:
                self.found[_shape(each)] = each
                self._print(each, _needed(resources, each, functions))

    def _print(self, found: Disagreement, resources: Sequence[Json]) -> None:
        print(f"\n{found}\n    over", *(f"        {json.dumps(r)}" for r in resources), sep="\n", flush=True)


def _needed(resources: list[Json], found: Disagreement, functions: Sequence[Json]) -> list[Json]:
    """The records without which the engines agree."""
    kept = list(resources)
    for each in resources[1:]:
        fewer = [r for r in kept if r is not each]
        if not _orphans(each, fewer) and _differ(fewer, found, functions):
            kept = fewer
    return kept


def _orphans(removed: Json, rest: Sequence[Json]) -> bool:
    """Whether a patient is taken from under their own records."""
    return removed["resourceType"] == "Patient" and any(r["id"].startswith(removed["id"] + "-") for r in rest)


def _differ(resources: list[Json], found: Disagreement, functions: Sequence[Json]) -> bool:
    with Judge(resources) as judge:
        return any(disagreements(judge, {"P": found.node}, functions))


def _reason(text: str) -> str:
    """Why something was refused, without where."""
    return re.sub(r".*?\): ", "", text)


def _shape(found: Disagreement) -> str:
    """What a disagreement is about: the operator at its top, and how the engines failed if they did."""
    failed = [re.sub(r"\W*\w*\d\w*|'[^']*'", "", a)[:60] for a in found.answers if isinstance(a, str)]
    return f"{found.node['type']} {failed}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="?", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--defines", type=int, default=16)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--constants", action="store_true", help="expressions of constants only")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    warnings.simplefilter("ignore", HypothesisWarning)
    search = Search()
    drawn = libraries(defines=asked.defines, least=asked.defines, depth=asked.depth, records=not asked.constants)
    run = settings(
        max_examples=asked.examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(populations(), drawn)(search.look))  # fmt: skip
    print(f"seed {asked.seed}")
    seed(asked.seed)(run)()
    for (engine, reason), times in search.refused.most_common(20):
        print(f"{times:5} refused by {engine}: {reason}")
    print(f"{search.asked} expressions, {len(search.found)} kinds of disagreement, {search.refused.total()} refused")
    return 1 if search.found else 0


if __name__ == "__main__":
    sys.exit(main())
