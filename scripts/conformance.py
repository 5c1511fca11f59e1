"""Writes docs/conformance.md: the public test decks, case by case, as `decks.py` judges them.

A case is exact when the determinations say just what its MeasureReport expects, observations included. Cases believed
wrong are argued in docs/ADJUDICATIONS.md and still count as misses here. Needs ../shared/data (or $SALUS_SHARED/data).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from bench import ROOT, SHARED
from decks import CONTENT, Run, Verdict, cases_of, chosen_decks
from salus.measure.content import Content


def page(verdicts: Sequence[Verdict], engine: str) -> Iterator[str]:
    """The page's lines: the count, a row per deck, a row per miss."""
    exact = sum(verdict.exact for verdict in verdicts)
    yield from ("# Conformance", "", "Written by `make conformance` (`scripts/conformance.py`); never by hand.", "")
    share = exact / max(len(verdicts), 1)
    yield f"{exact:,} of {len(verdicts):,} cases ({share:.2%}) are exact on `{engine}`:"
    yield "every population of every group, every observation, no row too many."
    yield from ("", "| deck | cases | exact |", "|---|---|---|")
    for deck, group in groupby(verdicts, key=lambda verdict: verdict.case.deck):
        made = list(group)
        yield f"| {deck} | {len(made)} | {sum(verdict.exact for verdict in made)} |"
    missed = [verdict for verdict in verdicts if not verdict.exact]
    if missed:
        yield from ("", "## Misses", "", "| deck | patient | the case | expected and found |", "|---|---|---|---|")
    for verdict in missed:
        said = "; ".join(str(difference) for difference in verdict.differences) or verdict.problem
        yield f"| {verdict.case.deck} | {verdict.case.patient} | {_cell(verdict.case.about)} | {_cell(said)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("decks", nargs="*", help="beginnings of deck names; default: every deck there is")
    parser.add_argument("--engine", default="duckdb")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/conformance.md")
    chosen = parser.parse_args()
    paths = chosen_decks(chosen.decks)
    if not paths:
        sys.exit(f"the decks are not here: {SHARED / 'ecqm/decks'}")
    content = Content.load([CONTENT], allow_missing_valuesets=True)
    run = Run(content, content.measures(), chosen.engine, apart=False)
    verdicts = []
    for path in paths:
        made = list(run.deck(cases_of(path)))
        print(path.stem, f"{sum(not verdict.exact for verdict in made)} misses of {len(made)}", flush=True)
        verdicts += made
    chosen.out.write_text("\n".join(page(verdicts, chosen.engine)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
