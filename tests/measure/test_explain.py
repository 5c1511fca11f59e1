"""Explanations of single subjects: they agree with the determinations, and say the right thing of the right records.

On the catalog's own measure with synthetic people, then on the published decks (read in place), where the
determinations of every case are the engine's and the explanation the oracle's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from measure.deck_expectations import measure_of, read_deck
from salus.catalog import content_paths
from salus.catalog.entries import resources
from salus.catalog.synth import Scenario, synthesize
from salus.cli.evaluate import tools
from salus.errors import SalusError, UsageError
from salus.measure.content import Content
from salus.measure.explain.model import Criterion, Explanation, Finding, as_json
from salus.measure.explain.opened import Ground, opened
from salus.measure.explain.subject import explain_subject
from salus.measure.run import Job, evaluate
from salus.measure.testing.reports import batches
from salus.store import load

Json = dict[str, Any]
PERIOD = Scenario().period
MEASURE = "SalusBloodPressureControl"


def person(id_: str, born: str = "1970-03-01") -> Json:
    return {"resourceType": "Patient", "id": id_, "gender": "female", "birthDate": born}


def visit(id_: str, who: str, day: str, status: str = "finished") -> Json:
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{who}"},
        "period": {"start": f"{day}T09:00:00Z", "end": f"{day}T09:20:00Z"},
    }


def hypertension(who: str) -> Json:
    code = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10", "display": "Essential hypertension"}
    return {
        "resourceType": "Condition",
        "id": f"{who}-i10",
        "subject": {"reference": f"Patient/{who}"},
        "code": {"coding": [code]},
        "onsetDateTime": "2020-05-04",
    }


def reading(id_: str, who: str, day: str, systolic: float, diastolic: float) -> Json:
    def part(code: str, value: float) -> Json:
        quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
        return {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueQuantity": quantity}

    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "subject": {"reference": f"Patient/{who}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}]},
        "effectiveDateTime": f"{day}T10:00:00Z",
        "component": [part("8480-6", systolic), part("8462-4", diastolic)],
    }


YEAR = PERIOD[0].year
PEOPLE = [
    *(person("controlled"), hypertension("controlled"), visit("c1", "controlled", f"{YEAR}-02-03")),
    reading("c2", "controlled", f"{YEAR}-06-01", 121, 74),
    *(person("high"), hypertension("high"), visit("h1", "high", f"{YEAR}-02-03")),
    *(reading("h2", "high", f"{YEAR}-06-01", 118, 70), reading("h3", "high", f"{YEAR}-09-01", 152, 88)),
    *(person("unread"), hypertension("unread"), visit("u1", "unread", f"{YEAR}-02-03")),
    *(person("early"), hypertension("early"), visit("e1", "early", f"{YEAR - 1}-12-30")),
    *(person("young", f"{YEAR - 10}-01-01"), hypertension("young"), visit("y1", "young", f"{YEAR}-02-03")),
    person("well"),
]


def evaluated(
    folder: Path,
    records: list[Json],
    content: tuple[Path, ...] = (),
    engine: str = "duckdb",
    prefer_elm: bool = False,
) -> Path:
    """A results folder of some records and the catalog's measure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records.ndjson").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    load([folder / "records.ndjson"], folder / "population.duckdb")
    paths = content or tuple(content_paths())
    files = (folder / "population.duckdb", paths, PERIOD, folder / "results", (MEASURE,))
    evaluate(Job(*files, engine, prefer_elm=prefer_elm), tools(engine))
    return folder / "results"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(tmp_path_factory.mktemp("explained"), PEOPLE)


def explained(results: Path, subject: str) -> Explanation:
    with opened(results, MEASURE) as ground:
        return explain_subject(ground, subject)


def criterion(found: Explanation, population: str) -> Criterion:
    [unit] = found.groups[0].units
    return next(each for each in unit.criteria if each.population == population)


def test_what_is_met_names_its_records(results: Path) -> None:
    found = explained(results, "controlled")
    initial, numerator = criterion(found, "initial-population"), criterion(found, "numerator")
    assert (initial.member, numerator.member, found.agrees, found.warnings) == (True, True, True, ())
    assert initial.reasons[0] == f"age {YEAR - 1970} is within 18 to 85"
    assert "found Condition of 2020-05-04 (Essential hypertension)" in initial.reasons
    condition = next(r for f in initial.finding.everything() for r in f.records if r.type == "Condition")
    assert (condition.id, condition.date, condition.code) == ("controlled-i10", "2020-05-04", "I10")


def test_the_latest_reading_decides_and_says_so(results: Path) -> None:
    numerator = criterion(explained(results, "high"), "numerator")
    assert (numerator.met, numerator.standing) == (False, "Not in the numerator: the criterion is not met.")
    [reason] = numerator.reasons
    assert "152 is not below 140" in reason
    assert f"Observation of {YEAR}-09-01 (Blood pressure panel)" in reason
    assert "118" not in reason


def test_what_is_not_there_is_named_by_what_was_sought(results: Path) -> None:
    numerator = criterion(explained(results, "unread"), "numerator")
    assert numerator.met is False
    assert any('no Observation with a code of "Blood pressure panel"' in each for each in numerator.reasons)
    initial = criterion(explained(results, "well"), "initial-population")
    assert 'no Condition with a code of "Essential Hypertension"' in initial.reasons[0]


def test_a_record_outside_the_period_is_said_to_be(results: Path) -> None:
    [reason] = criterion(explained(results, "early"), "initial-population").reasons
    assert f"{YEAR - 1}-12-30" in reason
    assert f"is outside {YEAR}-01-01 to {YEAR}-12-31" in reason


def test_who_is_too_young_is_told_the_age(results: Path) -> None:
    found = explained(results, "young")
    assert criterion(found, "initial-population").reasons == ("age 10 is outside 18 to 85",)
    assert "not in the denominator" in criterion(found, "numerator").standing


def test_the_source_is_painted(results: Path) -> None:
    found = explained(results, "high")
    numerator = next(each for each in found.definitions if each.name == "Numerator")
    assert numerator.text.startswith('define "Numerator":')
    painted = {numerator.text[span.start : span.end].strip(): span.state for span in numerator.spans}
    assert any("< 140.0" in text and state in ("false", "mixed") for text, state in painted.items())
    places = [place for span in numerator.spans for place in (span.start, span.end)]
    assert places == sorted(places)


def test_it_is_plain_json(results: Path) -> None:
    told = json.loads(json.dumps(as_json(explained(results, "high"))))
    assert told["groups"][0]["units"][0]["criteria"][0]["finding"]["kind"] == "all"


def test_everyone_synthetic_agrees_with_the_run(tmp_path: Path) -> None:
    synthesize(tmp_path, 150, 3)
    load(sorted((tmp_path / "records").glob("*.ndjson")), tmp_path / "population.duckdb")
    job = Job(tmp_path / "population.duckdb", tuple(content_paths()), PERIOD, tmp_path / "results", (MEASURE,))
    evaluate(job, tools())
    with opened(tmp_path / "results", MEASURE) as ground:
        for each in subjects(ground)[:25]:
            check(explain_subject(ground, each))


# --- what is not as it was ---


def test_who_is_not_there_is_an_error_of_the_command(results: Path) -> None:
    with pytest.raises(UsageError, match="no subject 'nobody' in the results"):
        explained(results, "nobody")
    with pytest.raises(UsageError, match="is not a measure of the results; there are: Salus"), opened(results, "CMS1"):
        pass
    with pytest.raises(SalusError, match="is no results folder"), opened(results.parent, MEASURE):
        pass


def test_records_and_content_that_moved(results: Path, tmp_path: Path) -> None:
    there = results.parent / "population.duckdb"
    run = json.loads((results / "run.json").read_text())
    run["population"]["path"], run["content"]["paths"] = str(tmp_path / "gone.duckdb"), [str(tmp_path / "gone")]
    folder = copied(results, tmp_path / "results", run)
    with pytest.raises(UsageError, match="say with --population where it is"), opened(folder, MEASURE):
        pass
    with pytest.raises(UsageError, match="say with --content where it is"), opened(folder, MEASURE, there):
        pass
    with opened(folder, MEASURE, there, content_paths()) as ground:
        assert explain_subject(ground, "high").agrees


def test_what_changed_since_the_run_is_said(results: Path, tmp_path: Path) -> None:
    run = json.loads((results / "run.json").read_text())
    run["content"]["libraries"] = dict.fromkeys(run["content"]["libraries"], "another")
    run["population"]["resources"]["Encounter"] = 1
    with opened(copied(results, tmp_path / "results", run), MEASURE) as ground:
        library, records = explain_subject(ground, "high").warnings
    assert library.startswith("libraries changed since the run: Salus")
    assert records == "the population is not as it was in the run: other numbers of Encounter"


def test_a_determination_that_says_otherwise_is_said_loudly(results: Path, tmp_path: Path) -> None:
    folder = copied(results, tmp_path / "results", json.loads((results / "run.json").read_text()))
    table = pq.read_table(folder / "determinations.parquet")
    wrong = pa.array([True] * table.num_rows)
    pq.write_table(
        table.set_column(table.column_names.index("numerator"), "numerator", wrong), folder / "determinations.parquet"
    )
    found = explained(folder, "high")
    assert not found.agrees
    assert found.groups[0].units[0].difference == "the determinations say otherwise of: numerator"


def copied(results: Path, folder: Path, run: Json) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "determinations.parquet").write_bytes((results / "determinations.parquet").read_bytes())
    return folder


# --- where the text comes from ---


def without(node: Any, *names: str) -> Any:
    if isinstance(node, dict):
        return {key: without(value, *names) for key, value in node.items() if key not in names}
    return [without(each, *names) for each in node] if isinstance(node, list) else node


# ELM of the catalog's measure as the public reference translator writes it, annotations and all.
ANNOTATED = Path(__file__).with_name("annotated_elm.json")


def bare_content(folder: Path, *names: str, cql: bool) -> tuple[Path, ...]:
    """The catalog's content with ELM that has annotations, some of its keys left out; with or without the CQL text."""
    folder.mkdir(parents=True)
    for resource in resources():
        if resource["resourceType"] == "Library":
            if resource["name"] != MEASURE:
                continue
            elm = json.dumps(without(json.loads(ANNOTATED.read_text()), *names)).encode()
            attached = {"contentType": "application/elm+json", "data": base64.b64encode(elm).decode()}
            resource["content"] = [*(resource["content"] if cql else ()), attached]
        (folder / f"{resource['resourceType']}-{resource['id']}.json").write_text(json.dumps(resource))
    return (folder,)


@pytest.mark.parametrize(
    ("names", "cql", "text"),
    [
        (("annotation", "localId"), True, 'exists "Visits"'),  # locators into the text
        (("locator",), False, 'exists "Visits"'),  # annotations
        (("annotation", "localId", "locator"), False, 'exists "Visits"'),  # neither: rendered
    ],
)
def test_the_text_is_found_wherever_it_is(tmp_path: Path, names: tuple[str, ...], cql: bool, text: str) -> None:
    content = bare_content(tmp_path / "content", *names, cql=cql)
    folder = evaluated(tmp_path / "run", PEOPLE, content, prefer_elm=True)
    found = explained(folder, "early")
    assert text in [part.text for part in criterion(found, "initial-population").finding.parts]
    assert found.agrees
    assert any(each.spans for each in found.definitions) is cql


def test_a_part_that_was_never_come_to_and_cannot_be_evaluated_is_said(tmp_path: Path) -> None:
    """The age decides, so that the oracle never meets an operator that it does not have."""
    [folder] = bare_content(tmp_path / "content", cql=True)
    path = next(folder.glob("Library-*.json"))
    library = json.loads(path.read_text())
    for content in library["content"]:
        if content["contentType"] == "application/elm+json":
            elm = json.loads(base64.b64decode(content["data"]))
            [initial] = [d for d in elm["library"]["statements"]["def"] if d["name"] == "Initial Population"]
            initial["expression"]["operand"][1]["type"] = "Frobnicate"
            content["data"] = base64.b64encode(json.dumps(elm).encode()).decode()
    path.write_text(json.dumps(library))
    young = [each for each in PEOPLE if "young" in json.dumps(each)]
    run = evaluated(tmp_path / "run", young, (folder,), "oracle", prefer_elm=True)
    initial_ = criterion(explained(run, "young"), "initial-population")
    assert (initial_.met, initial_.finding.parts[0].truth) == (False, False)
    assert initial_.finding.parts[-1].sentence.startswith("is not evaluated: SalusBloodPressureControl 1.0.0, line")


def test_text_of_another_version_is_not_taken_for_the_source(tmp_path: Path) -> None:
    [folder] = bare_content(tmp_path / "content", cql=True)
    path = next(folder.glob("Library-*.json"))
    library = json.loads(path.read_text())
    for content in library["content"]:
        if content["contentType"] == "text/cql":
            shifted = b"// a line more\n" * 7 + base64.b64decode(content["data"])
            content["data"] = base64.b64encode(shifted).decode()
    path.write_text(json.dumps(library))
    found = explained(evaluated(tmp_path / "run", PEOPLE, (folder,), prefer_elm=True), "early")
    assert 'exists "Visits"' in [part.text for part in criterion(found, "initial-population").finding.parts]
    assert not any(each.spans for each in found.definitions)


# --- the published decks ---

DECKS = {
    "CMS122FHIRDiabetesAssessGreaterThan9Percent": ("Qualifying Encounters", "Diabetes"),
    "CMS165FHIRControllingHighBloodPressure": ("Essential Hypertension", "us core blood pressure"),
    "CMS506FHIRSafeUseofOpioids": ("Encounter Inpatient", "Schedule II, III and IV Opioid Medications"),
    "CMS1017FHIRHHFI": ("Encounter Inpatient", "Inpatient Falls"),
}


def subjects(ground: Ground) -> list[str]:
    column = pq.read_table(ground.determinations)["subject_id"].to_pylist()
    return list(dict.fromkeys(column))


def check(found: Explanation) -> Iterator[str]:
    """Everything an explanation must be, whoever it is about; its reasons."""
    assert found.agrees, [unit.difference for group in found.groups for unit in group.units]
    said = []
    for each in (c for group in found.groups for unit in group.units for c in unit.criteria):
        assert each.reasons
        assert not (each.member and each.met is not True)
        for part in each.finding.everything():
            consistent(part)
        said += [*each.reasons, *(part.text for part in each.finding.everything())]
    return iter(said)


def consistent(finding: Finding) -> None:
    """A truth value is that of its parts (three-valued)."""
    truths = [part.truth for part in finding.parts]
    if finding.kind in ("all", "any"):
        end = finding.kind == "any"
        expected = end if end in truths else None if None in truths else not end
        assert finding.truth is expected, finding.text
    if finding.kind == "not" and truths:
        assert finding.truth is (None if truths[0] is None else not truths[0]), finding.text


@pytest.mark.parametrize("deck", DECKS)
def test_every_case_of_a_deck_agrees(deck: str, tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    content = Content.load([shared_data("ecqm/content")], allow_missing_valuesets=True)
    cases = next(iter(batches(read_deck(shared_data("ecqm/decks") / f"{deck}.ndjson"))))
    measure = measure_of(cases[0], content.measures())
    assert measure is not None
    (tmp_path / "deck.ndjson").write_text("\n".join(json.dumps(case.bundle) for case in cases), encoding="utf-8")
    load([tmp_path / "deck.ndjson"], tmp_path / "population.duckdb")
    paths = (shared_data("ecqm/content"),)
    job = Job(tmp_path / "population.duckdb", paths, cases[0].period, tmp_path / "results", (measure.name,))
    evaluate(job, tools(), content)
    with opened(tmp_path / "results", measure.name) as ground:
        said = " ".join(text for each in subjects(ground) for text in check(explain_subject(ground, each)))
    for name in DECKS[deck]:
        assert f'"{name}"' in said or f"({name})" in said
