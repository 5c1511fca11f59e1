"""Results folders for tests: small ones by hand, and one of some thousand people with a planted gap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

POPULATIONS = (
    "initial_population",
    "denominator",
    "denominator_exclusion",
    "denominator_exception",
    "numerator",
    "numerator_exclusion",
    "measure_population",
    "measure_population_exclusion",
)
ROW = pa.schema(
    [
        ("measure", pa.string()),
        ("group_id", pa.string()),
        ("subject_id", pa.string()),
        ("unit_id", pa.string()),
    ]
    + [(name, pa.bool_()) for name in POPULATIONS]
    + [("observations", pa.list_(pa.float64())), ("strata", pa.map_(pa.string(), pa.string()))]
)


def determination(measure: str, subject: str, group_id: str = "0", **facts: bool) -> dict[str, Any]:
    """A row in the denominator, unless facts say otherwise."""
    row = {"measure": measure, "group_id": group_id, "subject_id": subject, "unit_id": subject}
    row |= dict.fromkeys(POPULATIONS[:5], False) | dict.fromkeys(POPULATIONS[5:])
    return row | {"initial_population": True, "denominator": True, "observations": [], "strata": []} | facts


def measure_entry(name: str, improvement: str | None = "increase", **facts: Any) -> dict[str, Any]:
    entry = {"name": name, "title": f"Title of {name}", "version": "1.0.0", "scoring": "proportion"}
    return entry | {"improvement": improvement, "groups": [{"id": "0"}], "description": "", "rationale": ""} | facts


def write_results(
    folder: Path,
    determinations: Iterable[Mapping[str, Any]],
    attributes: Mapping[str, Sequence[str | None]],
    measures: Sequence[Mapping[str, Any]],
    **run: Any,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(determinations), schema=ROW), folder / "determinations.parquet")
    columns = {name: pa.array(values, pa.string()) for name, values in attributes.items()}
    pq.write_table(pa.table(columns), folder / "attributes.parquet")
    about = {
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "measures": list(measures),
        "warnings": [],
    }
    (folder / "run.json").write_text(json.dumps(about | {"missing_valuesets": []} | run), encoding="utf-8")
    return folder


def grouped(
    folder: Path,
    groups: Mapping[str | None, tuple[int, int]],
    improvement: str | None = "increase",
    **run: Any,
) -> Path:
    """One measure, one attribute `race`: value -> (numerator, denominator)."""
    rows, subjects, values = [], [], []
    for value, (met, total) in groups.items():
        for place in range(total):
            subject = f"p{len(subjects)}"
            subjects.append(subject)
            values.append(value)
            rows.append(determination("M", subject, numerator=place < met))
    entries = [measure_entry("M", improvement)]
    return write_results(folder, rows, {"subject_id": subjects, "race": values}, entries, **run)


PAYER_RATES = {
    "Private": (0.5, 0.68), "Medicaid": (0.2, 0.6), "Medicare": (0.14, 0.66), "Uninsured": (0.08, 0.42),
    "Dual eligible": (0.015, 0.6), "unknown": (0.065, 0.55),
}  # fmt: skip
RACES = {
    "White": 0.6, "Black or African American": 0.16, "Asian": 0.07, "Asian; White": 0.015, "Other race": 0.04,
    "American Indian or Alaska Native": 0.012, "Native Hawaiian or Other Pacific Islander": 0.002,
    "unknown": 0.08, "declined": 0.021,
}  # fmt: skip
ETHNICITIES = {"Hispanic or Latino": 0.2, "Not Hispanic or Latino": 0.7, "unknown": 0.1}
LANGUAGES = {"English": 0.8, "Spanish": 0.15, "Vietnamese": 0.02, "unknown": 0.03}


def planted(folder: Path, people: int = 4000, seed: int = 7, **run: Any) -> Path:
    """Three measures on `people`: the uninsured have lower blood pressure control and more poor diabetes
    control.
    """
    rng = np.random.default_rng(seed)
    payer = rng.choice(list(PAYER_RATES), people, p=[share for share, _ in PAYER_RATES.values()])
    attributes = {
        "subject_id": [f"s{i}" for i in range(people)],
        "race": list(rng.choice(list(RACES), people, p=list(RACES.values()))),
        "ethnicity": list(rng.choice(list(ETHNICITIES), people, p=list(ETHNICITIES.values()))),
        "sex": list(rng.choice(["Female", "Male"], people)),
        "age_band": list(rng.choice(["18-44", "45-64", "65-74", "75+"], people, p=[0.35, 0.4, 0.15, 0.1])),
        "language": list(rng.choice(list(LANGUAGES), people, p=list(LANGUAGES.values()))),
        "zip": [f"{z:05d}" for z in 2100 + rng.geometric(0.05, people)],
        "payer": list(payer),
        "uninsured": [{"Uninsured": "yes", "unknown": "unknown"}.get(p, "no") for p in payer],
    }  # fmt: skip
    control = np.array([PAYER_RATES[p][1] for p in payer])
    rows = []
    for i, subject in enumerate(attributes["subject_id"]):
        if rng.random() < 0.6:
            excluded = rng.random() < 0.04
            met = not excluded and rng.random() < control[i]
            rows.append(determination("BloodPressure", subject, denominator_exclusion=excluded, numerator=met))
        if rng.random() < 0.25:
            rows.append(determination("PoorGlucose", subject, numerator=rng.random() < 0.75 - control[i]))
        rows.append(determination("NoOne", subject, denominator=False, initial_population=False))
    measures = [
        measure_entry(
            "BloodPressure", title="Controlling High Blood Pressure", version="14.0.000",
            description="Share of people of 18 to 85 years with essential hypertension whose most recent "
            "blood pressure in the measurement period was below 140/90 mmHg.",
            rationale="High blood pressure raises the risk of heart attack and stroke; control lowers it.",
        ),
        measure_entry("PoorGlucose", "decrease", title="Diabetes: Poor Glycemic Status (above 9%)"),
        measure_entry("NoOne", title="Breast Cancer Screening", version="13.0.000"),
        measure_entry("Visits", None, scoring="cohort"),
    ]  # fmt: skip
    about = {
        "versions": {"salus": "0.1.0", "duckdb": "2.0.0"},
        "engine": "duckdb",
        "started": "2027-01-02T03:04:05+00:00",
        "content": {"measures": {"BloodPressure 14.0.000": "9f2c" * 16}},
        "population": {"patients": people, "quarantined": 3},
    }
    return write_results(folder, rows, attributes, measures, **(about | run))
