"""Results folders at random, for the protector and the attacker to fight over: people with attributes, one of which
repeats a group of another, measures of any rate, a mean (of amounts, of days, or of a yes or no) and a ratio of counts,
in one period or in two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from made_results import determination, measure_entry, write_results


def results(folder: Path, seed: int, period: str = "2026-06-30", more: int = 0) -> Path:
    """`more` people beyond those there are of this seed: what a later period adds."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(60, 500))
    chances = rng.dirichlet(np.full(4, 0.6))
    count = size + more
    race = np.array(["Asian", "Black", "White", "unknown"])[rng.choice(4, 600, p=chances)][:count]
    payer = np.array(["Medicaid", "Private", "Uninsured"])[rng.choice(3, 600, p=(0.3, 0.6, 0.1))][:count]
    draws = rng.random((2, 600))[:, :count]
    subjects = [f"p{i}" for i in range(count)]
    attributes = {
        "subject_id": subjects,
        "race": race.tolist(),
        "payer": payer.tolist(),
        "uninsured": ["yes" if p == "Uninsured" else "no" for p in payer],
    }
    rates = rng.choice([0.02, 0.1, 0.5, 0.97], 2)
    rows = [
        determination(f"M{m}", subject, numerator=bool(draws[m, i] < rates[m]))
        for m in range(2)
        for i, subject in enumerate(subjects)
    ]
    entries = [measure_entry(f"M{m}") for m in range(2)]
    for entry, more_rows in (averaged(seed, subjects), counted(seed, subjects)):
        entries.append(entry)
        rows += more_rows
    return write_results(folder, rows, attributes, entries, period={"start": "2026-01-01", "end": period})


MEAN = {"method": "average", "id": "o", "of": "measure_population"}


def averaged(seed: int, subjects: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A continuous variable of four in five people; a person's value is theirs in every period."""
    rng = np.random.default_rng([seed, 1])
    kinds = (rng.lognormal(3.0, 1.5, 600), rng.poisson(2.0, 600) * 1.0, rng.binomial(1, 0.05, 600) * 1.0)
    values, there = kinds[seed % 3], rng.random(600) < 0.8
    rows = [
        determination("T", subject, denominator=False, measure_population=True, measure_population_exclusion=False)
        | {"observations": [float(values[i])]}
        for i, subject in enumerate(subjects)
        if there[i]
    ]
    groups = [{"id": "0", "scoring": "continuous-variable", "observations": [MEAN]}]
    return measure_entry("T", "decrease", scoring="continuous-variable", groups=groups), rows


def counted(seed: int, subjects: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A ratio of counted stays, several of one person."""
    rng = np.random.default_rng([seed, 2])
    stays, chance = rng.integers(0, 4, 600), rng.beta(1.0, 9.0, 600)
    rows = [
        determination("R", subject, numerator=bool(rng.random() < chance[i])) | {"unit_id": f"{subject}-{stay}"}
        for i, subject in enumerate(subjects)
        for stay in range(stays[i])
    ]
    return measure_entry("R", scoring="ratio", groups=[{"id": "0", "scoring": "ratio"}]), rows
