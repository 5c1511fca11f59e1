"""The Bundles made into lines for the measurement of intake say the same."""

from __future__ import annotations

import json
from pathlib import Path

import bench_intake
from salus.fhir.reading import read


def test_bundles_become_a_file_of_lines_per_type_with_references_by_id(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p", "name": [{"text": "Zoë"}]}
    urn = "urn:uuid:0a000000-0000-0000-0000-000000000000"
    seen = {
        "resourceType": "Observation",
        "id": "o",
        "subject": {"reference": urn},
        "encounter": {"reference": "urn:uuid:0b"},
    }
    entries = [
        {"fullUrl": urn, "resource": patient},
        {"fullUrl": "urn:uuid:0c", "resource": seen},
    ]
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles/a.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    assert bench_intake.flatten(tmp_path / "bundles", tmp_path / "lines") == 2
    found = {record.file.rpartition("/")[2]: record.resource for record in read([tmp_path / "lines"])}
    assert found == {"Patient.ndjson": patient, "Observation.ndjson": {**seen, "subject": {"reference": "Patient/p"}}}
