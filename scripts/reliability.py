"""Does harm to loads and evaluations, again and again, and writes docs/reliability.md of what came of it.

Moments and sizes are drawn from a seed. Takes half an hour; ends with 1 when anything was not as it must be. What came
of each fault is kept in a file beside the page until all are done: a run that was interrupted goes on there. A fixed
selection is in tests/scripts/test_faults.py. Leaves to others: the faults themselves (`faults`, `hostile`).
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import faults
import hostile

Results = list[tuple[str, Counter[str]]]

TRIES: tuple[tuple[Callable[[faults.Bench], str], int], ...] = (
    (faults.killed_load, 85),
    (faults.killed_first_load, 30),
    (faults.killed_evaluation, 40),
    (faults.killed_evaluation_again, 30),
    (faults.killed_export, 15),
    (faults.half_replaced_results, 1),
    (faults.full_disk_load, 10),
    (faults.full_disk_evaluation, 10),
    (faults.really_full_disk, 5),
    (faults.read_only_folder, 1),
    (hostile.hostile_identifiers, 1),
)


def tried(name: str, tries: int, once: Callable[[], str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(tries):
        try:
            found[once()] += 1
        except faults.Impossible as reason:
            found[f"not tried: {reason}"] += 1
        except AssertionError as failed:
            found[f"**FAILED: {' '.join(str(failed).split())[:300]}**"] += 1
    print(name, dict(found), flush=True)
    return found


def to_try(bench: faults.Bench, share: float) -> Iterator[tuple[str, int, Callable[[], str]]]:
    """Each fault: its name, how often, and doing it once."""
    for fault, tries in TRIES:
        yield str(fault.__doc__), max(1, round(tries * share)), partial(fault, bench)
    for name, file, made, said in hostile.INPUTS:
        yield name, 1, lambda f=file, m=made, s=said: hostile.damaged(bench, f, m(), s)  # type: ignore[misc]


def run(bench: faults.Bench, share: float, kept: Path) -> Results:
    """Do what is not in `kept` already, and keep it there."""
    done = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name, tries, once in to_try(bench, share):
        if name not in done:
            done[name] = tried(name, tries, once)
            kept.write_text(json.dumps(done, indent=1), encoding="utf-8")
    return [(name, Counter(done[name])) for name, _, _ in to_try(bench, share)]


def page(results: Results, seed: int) -> str:
    tries = sum(found.total() for _, found in results)
    kills = sum(found.total() for name, found in results if name.startswith("kill -9"))
    lines = [
        "# Reliability",
        "",
        f"Written by `make reliability` (`scripts/reliability.py`, seed {seed}); never by hand.",
        "",
        f"- {time.strftime('%Y-%m-%d')}, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"- {tries:,} tries, {kills} of them kill -9 at random moments",
        "",
        "After every try: the population is that of before or that of after and nothing between, results are whole or",
        "not there, a refusal says what was wrong and where, the next run of the same command works, no file is left.",
        "No command ends with a traceback.",
        "",
        "| fault | tries | outcome |",
        "|---|---|---|",
    ]
    for name, found in results:
        outcome = "; ".join(f"{many}: {what}" if found.total() > 1 else what for what, many in found.most_common())
        lines += [f"| {name} | {found.total()} | {outcome} |"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Does harm on purpose; writes docs/reliability.md.")
    parser.add_argument("--share", type=float, default=1.0, help="of the tries; at least one of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=faults.ROOT / "docs/reliability.md")
    chosen = parser.parse_args()
    kept = chosen.out.with_name(f".{chosen.out.name}.json")
    with tempfile.TemporaryDirectory() as folder:
        results = run(faults.Bench(Path(folder), random.Random(chosen.seed)), chosen.share, kept)
    chosen.out.write_text(page(results, chosen.seed), encoding="utf-8")
    kept.unlink()
    sys.exit(any("FAILED" in outcome for _, found in results for outcome in found))


if __name__ == "__main__":
    main()
