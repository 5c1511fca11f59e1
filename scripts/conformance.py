"""Writes docs/conformance.md: the public test decks case by case, the official CQL suite on each engine, what of ELM
each engine knows. `--only decks` or `--only suite` runs one of them and keeps the other as the page has it.

A case is exact when the determinations say just what its MeasureReport expects, observations included. Cases believed
wrong are argued in docs/ADJUDICATIONS.md and still count as misses here. Needs ../shared/data (or $SALUS_SHARED/data).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from pathlib import Path

from bench import ROOT, SHARED
from decks import CONTENT, Run, Verdict, cases_of, chosen_decks
from salus.conformance import Verdict as Judged
from salus.conformance import judge, read_suite
from salus.conformance.evaluators import ENGINES
from salus.conformance.front_end import translated
from salus.conformance.nodes import KINDS, kinds_in, known
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


SUITE = "## The official CQL suite"


def suite_page(verdicts: Mapping[str, Sequence[Judged]], seen: Mapping[str, AbstractSet[str]]) -> Iterator[str]:
    """The second half of the page: counts per file, every test that does not pass, and the kinds of ELM."""
    yield from (
        SUITE,
        "",
        "Judged by `salus conformance`, text to answer, by a comparer of its own: see `salus.conformance`.",
    )
    yield from ("", f"| file | tests | {' | '.join(verdicts)} |", "|---|---|" + "---|" * len(verdicts))
    first = next(iter(verdicts.values()))
    for file in [*dict.fromkeys(each.case.file for each in first), ""]:
        rows = [[each for each in found if file in ("", each.case.file)] for found in verdicts.values()]
        counts = " | ".join(f"{sum(each.passed for each in row):,}" for row in rows)
        yield f"| {file or 'all'} | {len(rows[0]):,} | {counts} |"
    yield from ("", "### Tests that do not pass", "", "Argued in [ADJUDICATIONS.md](ADJUDICATIONS.md).", "")
    yield from ("| test | expression | engine | why |", "|---|---|---|---|")
    missed = [(each, engine) for engine, found in verdicts.items() for each in found if not each.passed]
    for each, engine in sorted(missed, key=lambda pair: pair[0].case.label):
        label, expression = (_cell(text) for text in (each.case.label, each.case.expression))
        yield f"| {label} | `{expression[:120]}` | {engine} | {each.outcome}: {_cell(each.why)[:160]} |"
    yield from (
        "",
        "## What of ELM each engine knows",
        "",
        "*yes*: registered, and evaluated in a test of the suite that passed; ",
    )
    yield from (
        "*untried*: registered, but in no test of the suite that passed (most are for records or terminology).",
        "",
    )
    yield from (f"| chapter | kind | {' | '.join(seen)} |", "|---|---|" + "---|" * len(seen))
    for chapter, kinds in KINDS.items():
        for kind in kinds.split():
            said = (_known(kind, engine, seen[engine]) for engine in seen)
            yield f"| {chapter} | {kind} | {' | '.join(said)} |"


def _known(kind: str, engine: str, seen: AbstractSet[str]) -> str:
    return "no" if kind not in known(engine) else "yes" if kind in seen else "untried"


def run_suite() -> Iterator[str]:
    """Judge the suite on every engine."""
    cases = read_suite(SHARED / "cql-tests")
    verdicts: dict[str, list[Judged]] = {}
    seen: dict[str, set[str]] = {}
    for engine, opened in ENGINES.items():
        with opened() as evaluate:
            verdicts[engine] = list(judge(cases, translated, evaluate))
        passed = [each.case for each in verdicts[engine] if each.passed and each.case.refused is None]
        seen[engine] = {kind for case in passed for kind in kinds_in(translated(case))}
        print(engine, f"{sum(each.passed for each in verdicts[engine])} of {len(cases)} of the suite", flush=True)
    return suite_page(verdicts, seen)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def run_decks(names: Sequence[str], engine: str) -> Iterator[str]:
    """Judge the decks."""
    paths = chosen_decks(names)
    if not paths:
        sys.exit(f"the decks are not here: {SHARED / 'ecqm/decks'}")
    content = Content.load([CONTENT], allow_missing_valuesets=True)
    run = Run(content, content.measures(), engine, apart=False)
    verdicts = []
    for path in paths:
        made = list(run.deck(cases_of(path)))
        print(path.stem, f"{sum(not verdict.exact for verdict in made)} misses of {len(made)}", flush=True)
        verdicts += made
    return page(verdicts, engine)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("decks", nargs="*", help="beginnings of deck names; default: every deck there is")
    parser.add_argument("--engine", default="duckdb", help="the engine that runs the decks")
    parser.add_argument("--only", choices=("decks", "suite"), help="run one, keep the other as it stands")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/conformance.md")
    chosen = parser.parse_args()
    before, marker, after = chosen.out.read_text(encoding="utf-8").partition(f"\n{SUITE}\n")
    decks = before.splitlines() if chosen.only == "suite" else list(run_decks(chosen.decks, chosen.engine))
    suite = (marker + after).strip().splitlines() if chosen.only == "decks" else list(run_suite())
    chosen.out.write_text("\n".join([*decks, "", *suite]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
