"""Patients of the public test decks as other systems might have written them, both engines asked about every define.

    scripts/fuzz_records.py [DECK ...] [--mutants N] [--seed SEED]

N mutants (30) of the cases of each deck stand in one population (`tests/generated/mutants`); each define of the deck's
measure on which the engines differ is printed once, with a patient, what was changed, and both answers. Exit code 1
when there was one. Needs ../shared/data (or $SALUS_SHARED/data).
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path
from random import Random

from decks import CONTENT, cases_of, chosen_decks, measure_of
from salus.measure.content import Content

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "engine")]

from generated.records import differences, mutants  # noqa: E402


def look(path: Path, content: Content, number: int, seed: int) -> int:
    """Differences over the mutants of one deck, printed; how many there were."""
    cases = cases_of(path)
    measure = measure_of(cases[0], content.measures())
    if measure is None:
        return 0
    made = mutants(cases, Random(f"{seed} {path.stem}"), number)
    with tempfile.TemporaryDirectory() as folder:
        found = list(differences(content, measure, made, cases[0].period, Path(folder)))
    print(f"{path.stem}: {len(made)} mutants, {len(found)} defines differ", *found, sep="\n", flush=True)
    return len(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decks", nargs="*", help="beginnings of deck names; default: every deck there is")
    parser.add_argument("--mutants", type=int, default=30)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    asked = parser.parse_args()
    content = Content.load([CONTENT], allow_missing_valuesets=True)
    print(f"seed {asked.seed}")
    found = sum(look(path, content, asked.mutants, asked.seed) for path in chosen_decks(asked.decks))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
