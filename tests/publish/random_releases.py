"""Results folders at random, for the protector and the attacker to fight over: people with attributes, one of which
repeats a group of another, and measures of any rate, in one period or in two."""

from __future__ import annotations

from pathlib import Path

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
    return write_results(folder, rows, attributes, entries, period={"start": "2026-01-01", "end": period})
