"""A synthetic community: the same for everyone, whole, valid FHIR, with the truth that was planted."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.catalog.synth import Mess, Scenario, Truth, synthesize
from salus.catalog.synth.block import draw_block
from salus.catalog.synth.counted import ATTRIBUTES, Counted
from salus.catalog.synth.found import find
from salus.catalog.synth.run import RECORDS, make_piece
from salus.catalog.synth.scenario import read_effect
from salus.catalog.synth.steps import MEASURES
from salus.equity.compare import Settings, compared
from salus.equity.results import MeasureInfo, Results
from salus.errors import SalusError, UsageError
from salus.fhir import model
from salus.store import load

Json = dict[str, Any]
PEOPLE, SEED = 400, 5


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("community")
    synthesize(folder, PEOPLE, SEED)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / RECORDS).iterdir())}


def rows(folder: Path, kind: str) -> list[Json]:
    return [json.loads(line) for line in (folder / RECORDS / f"{kind}.ndjson").read_bytes().splitlines()]


def everything(folder: Path) -> list[Json]:
    return [row for path in sorted((folder / RECORDS).iterdir()) for row in rows(folder, path.stem)]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if "reference" in value else []
        return own + [found for each in value.values() for found in references(each)]
    return [found for each in value for found in references(each)] if isinstance(value, list) else []


# --- the same for everyone ---


def test_same_seed_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 2):
        synthesize(tmp_path / str(workers), 3100, 2, workers=workers)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    truths = [Truth.read(tmp_path / workers) for workers in "12"]
    assert truths[0].as_json() == truths[1].as_json()
    assert truths[0].units().equals(truths[1].units())
    assert truths[0].who().num_rows == 3100


def test_another_seed_other_people(written: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "other", PEOPLE, SEED + 1)
    assert files(tmp_path / "other")["Patient.ndjson"] != files(written)["Patient.ndjson"]


def test_a_person_is_the_same_in_a_larger_run(written: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "few", 20, SEED)
    larger = files(written)
    for name, text in files(tmp_path / "few").items():
        assert larger[name].startswith(text), name


def test_scenarios_have_the_same_people(written: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "null", PEOPLE, SEED, Scenario.named("null"))
    null, standard = files(tmp_path / "null"), files(written)
    assert null["Patient.ndjson"] == standard["Patient.ndjson"]
    assert null["Coverage.ndjson"] == standard["Coverage.ndjson"]
    assert null["Observation.ndjson"] != standard["Observation.ndjson"]


# --- whole and valid ---


def test_every_reference_resolves_and_every_id_is_its_own(written: Path) -> None:
    resources = everything(written)
    ids = Counter(f"{row['resourceType']}/{row['id']}" for row in resources)
    assert max(ids.values()) == 1
    assert {reference for row in resources for reference in references(row)} <= ids.keys()


def invalid(kind: str, value: Json, place: str) -> list[str]:
    """Elements that the type does not have, or that are one where there should be many, or the other way round."""
    found = []
    known = {name: model.element(kind, name) for name in model.elements(kind)}
    choices = {model.choice_name(e.name, each): (e, each) for e in known.values() if e.choice for each in e.types}
    for name, each in value.items():
        if name == "resourceType":
            continue
        element, type_name = choices.get(name) or (known.get(name), None)
        if element is None:
            found.append(f"{place}.{name}")
            continue
        if isinstance(each, list) != element.many:
            found.append(f"{place}.{name}: {'many' if element.many else 'one'}")
        inner = [part for part in (each if isinstance(each, list) else [each]) if isinstance(part, dict)]
        for part in inner:
            found += invalid(type_name or element.types[0], part, f"{place}.{name}")
    return found


def test_every_element_is_one_of_its_type(written: Path) -> None:
    complaints = {
        complaint for row in everything(written) for complaint in invalid(row["resourceType"], row, row["resourceType"])
    }
    assert complaints == set()
    assert invalid("Patient", {"birthday": "2000-01-01", "name": {"family": "A"}}, "Patient") == [
        "Patient.birthday",
        "Patient.name: many",
    ]


def test_all_of_it_loads(written: Path, tmp_path: Path) -> None:
    report = load([written / RECORDS], tmp_path / "population.duckdb")
    assert report.quarantined == 0
    assert not report.warnings


def test_there_are_people_of_all_ages_in_families(written: Path) -> None:
    who = Truth.read(written).who().to_pydict()
    assert {"0-17", "18-44", "45-64", "65-74", "75+"} == set(who["age_band"])
    by_subject = dict(zip(who["subject_id"], zip(who["language"], who["zip"], who["race"], strict=True), strict=True))
    pairs = list(zip(who["subject_id"], who["family"], strict=True))
    assert 0.1 < sum(subject != family for subject, family in pairs) / PEOPLE < 0.4
    assert all(by_subject[subject] == by_subject[family] for subject, family in pairs)


def test_the_uninsured_are_on_record_as_paying_themselves(written: Path) -> None:
    self_pay = [row for row in rows(written, "Coverage") if row["type"]["coding"][0]["code"] == "81"]
    assert self_pay
    assert all(row["payor"][0]["reference"] == row["beneficiary"]["reference"] for row in self_pay)


def test_spells_do_not_overlap_and_some_have_gaps_between(written: Path) -> None:
    spells: dict[str, list[tuple[str, str]]] = {}
    for row in rows(written, "Coverage"):
        spells.setdefault(row["beneficiary"]["reference"], []).append((row["period"]["start"], row["period"]["end"]))
    assert all(a[1] < b[0] for each in spells.values() for a, b in pairwise(each))
    assert any(len(each) > 1 for each in spells.values())


def test_nothing_happens_before_birth_or_after_the_year(written: Path) -> None:
    born = {f"Patient/{row['id']}": row["birthDate"] for row in rows(written, "Patient")}
    for row in rows(written, "Encounter"):
        assert born[row["subject"]["reference"]] <= row["period"]["start"][:10]
        assert row["period"]["end"][:10] <= "2026-12-31"
    for row in rows(written, "Immunization"):
        assert born[row["patient"]["reference"]] <= row["occurrenceDateTime"] <= "2026-12-31"


def test_the_oldest_of_the_earliest_year_are_born_before_it() -> None:
    drawn = draw_block(dataclasses.replace(Scenario.named("null"), year=1990), 1, 0)
    born = [json.loads(row)["birthDate"] for row in drawn.rows["Patient"][1]]
    assert min(born) < "1900"
    assert max(born) <= "1990-12-31"


# --- the truth ---


def test_without_a_planted_gap_everyone_has_the_same_chances() -> None:
    """But for what a person brings: who smokes has to be helped, who is low has to be followed."""
    for entry in draw_block(Scenario.named("null"), 1, 0).ledger:
        if entry.measure == "uninsured":  # what people are, not how they are treated
            continue
        chances = np.unique(entry.chance[~entry.excluded].round(12))
        assert len(chances) <= (2 if entry.measure in ("tobacco", "depression") else 1), entry.measure


def test_planted_chances_come_true_in_the_long_run() -> None:
    scenario = Scenario.named("standard")
    truth = Truth.of(scenario, 1, 0)
    for number in range(8):
        truth.join(make_piece(scenario, 1, number, 1000).truth)
    assert len(truth.planted) == 10
    for planted in truth.planted:
        for side in (planted.group, planted.reference):
            assert side.rate is not None
            assert side.chance is not None
            error = math.sqrt(side.chance * (1 - side.chance) / side.denominator)
            assert abs(side.rate - side.chance) < 4.5 * error, planted.in_words()
        assert planted.worse
        assert planted.expected is not None
        assert abs(planted.expected) > 0.05


def test_effects_are_differences_or_odds_ratios() -> None:
    truth = Truth.of(Scenario.named("standard"), 1, 0)
    truth.join(make_piece(Scenario.named("standard"), 1, 0, 1000).truth)
    gaps = {planted.effect.measure: planted for planted in truth.planted}
    assert gaps["blood-pressure"].expected == pytest.approx(-0.20)
    kept = 0.84 * 0.5 / (1 - 0.84 + 0.84 * 0.5)
    assert gaps["no-shows"].expected == pytest.approx(0.84 - kept)


def test_an_intervention_changes_its_site_from_its_month_on() -> None:
    scenario = Scenario.named("intervention")
    drawn = draw_block(scenario, 1, 0)
    (entry,) = (each for each in drawn.ledger if each.measure == "needs-screened")
    harbor = drawn.people.is_in["site"][entry.who] == 0
    months = entry.day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    assert set(entry.chance[harbor & (months < 5)].round(6)) == {0.56}
    assert set(entry.chance[harbor & (months >= 5)].round(6)) == {round(0.56 * 3 / (0.44 + 0.56 * 3), 6)}


def test_truth_is_read_as_it_was_written(written: Path) -> None:
    truth = Truth.read(written)
    assert json.loads((written / "truth.json").read_text()) == truth.as_json()
    assert (truth.people, truth.seed, truth.scenario) == (PEOPLE, SEED, "standard")
    units = truth.units().to_pydict()
    names = zip(units["measure"], units["group_id"], units["numerator"], strict=True)
    met = Counter((name, group) for name, group, hit in names if hit)
    assert {name: count.numerator for name, count in truth.measures.items()} == {
        name: met[MEASURES[name].name, MEASURES[name].group] for name in truth.measures
    }


def test_a_folder_without_truth_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SalusError, match=r"there is no truth\.json"):
        Truth.read(tmp_path)
    (tmp_path / "truth.json").write_text('{"format": "another"}')
    with pytest.raises(SalusError, match="not a truth in the format"):
        Truth.read(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"), [("measures", None), ("planted", [{"effect": {"colour": "red"}}]), ("period", ["2026", "May"])]
)
def test_a_truth_that_was_changed_is_an_error(written: Path, tmp_path: Path, key: str, value: Any) -> None:
    told = Truth.read(written).as_json() | {key: value}
    (tmp_path / "truth.json").write_text(json.dumps(told))
    with pytest.raises(SalusError, match=r"truth\.json: not whole, or changed"):
        Truth.read(tmp_path)
    (tmp_path / "truth.json").write_text(json.dumps(Truth.read(written).as_json()))
    (tmp_path / "truth.parquet").write_text("not a table")
    for table in (Truth.read(tmp_path).units, Truth.read(tmp_path).who):
        with pytest.raises(SalusError, match=r"\.parquet: cannot be read"):
            table()


def test_nothing_but_a_community_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="holds other things"):
        synthesize(tmp_path, 5, 1)
    (tmp_path / "truth.json").write_text("the title of a play")
    with pytest.raises(UsageError, match="holds other things"):
        synthesize(tmp_path, 5, 1)
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_that_cannot_take_its_place_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for folder in (Path(), Path("..")):
        with pytest.raises(UsageError, match="is the folder of work or above it"):
            synthesize(folder, 5, 1)
    (tmp_path / "link").symlink_to(tmp_path / "here")
    with pytest.raises(UsageError, match="link is a link; synthetic records need a folder"):
        synthesize(tmp_path / "link", 5, 1)
    (tmp_path / "link").unlink()
    with pytest.raises(SalusError, match=r"cannot write synthetic records into x+: File name too long"):
        synthesize(Path("x" * 300), 5, 1)
    assert list(tmp_path.iterdir()) == [tmp_path / "here"]
    assert not list((tmp_path / "here").iterdir())


# --- mess ---


def test_it_is_clean_unless_asked_and_then_messy_as_asked(written: Path, tmp_path: Path) -> None:
    messy = dataclasses.replace(Scenario.named("standard"), mess=Mess(0.1, 0.1, 0.2, 0.5, 0.1))
    synthesize(tmp_path / "messy", PEOPLE, SEED, messy)
    clean_patients, patients = rows(written, "Patient"), rows(tmp_path / "messy", "Patient")
    assert 0.04 * PEOPLE < len(patients) - len(clean_patients) < 0.2 * PEOPLE
    observations = rows(tmp_path / "messy", "Observation")
    assert {
        row["id"] for row in observations if row["id"].endswith("-error") and row["status"] != "entered-in-error"
    } == {
        row["id"] for row in rows(written, "Observation") if row["id"].endswith("-error") and row["status"] == "final"
    }
    systems = Counter(row["code"]["coding"][0]["system"] for row in observations)
    assert 0.05 < systems["urn:salus:synthetic:local"] / len(observations) < 0.15
    assert any(row.get("valueQuantity", {}).get("code") == "mmol/mol" for row in observations)
    onsets = [row["onsetDateTime"] for row in rows(tmp_path / "messy", "Condition")]
    assert 0.1 < sum(len(onset) == 4 for onset in onsets) / len(onsets) < 0.3
    assert all(len(row["onsetDateTime"]) == 10 for row in rows(written, "Condition"))
    assert Truth.read(tmp_path / "messy").as_json() == Truth.read(written).as_json()
    assert max(Counter(row["id"] for row in patients).values()) == 1


# --- planted against found ---


def test_groups_of_other_attributes_are_not_looked_for() -> None:
    """An equity table sets groups of one attribute side by side."""
    told = {"measure": "statin", "step": "prescribed", "who": {"race": "Asian"}, "odds": 0.5}
    name = MEASURES["statin"].name
    results = Results(Path(), {}, {name: MeasureInfo(name, improvement="increase")})
    for against in ({}, {"sex": "Male"}, {"race": "White", "sex": "Male"}):
        effect = read_effect({**told, "against": against}, "here", None)
        truth = Truth.of(Scenario(effects=(effect,)), 1, 0)
        assert list(find(truth, results)) == []


def counted(scenario: str, seed: int, blocks: int) -> Counted:
    found = Counted([("race", "sex")])
    for number in range(blocks):
        found.add(draw_block(Scenario.named(scenario), seed, number, records=False))
    return found


def test_truth_alone_is_the_truth_of_the_records() -> None:
    alone, whole = (draw_block(Scenario.named("standard"), 4, 0, records) for records in (False, True))
    assert not alone.rows
    for one, other in zip(alone.ledger, whole.ledger, strict=True):
        assert (one.measure, one.unit.tolist()) == (other.measure, other.unit.tolist())
        assert (one.met == other.met).all()


def test_every_planted_gap_is_found_in_a_town() -> None:
    scenario = Scenario.named("standard")
    town = counted("standard", 1, 20)
    measures = {each.name: MeasureInfo(each.name, improvement="increase") for each in MEASURES.values()}
    references = {" × ".join(effect.who): " × ".join(effect.against.values()) for effect in scenario.effects}
    table = compared(town.tally(), Results(Path(), {}, measures), Settings(references=references)).to_pylist()
    rows = {
        (row["measure"], row["attribute"], row["value"]): row for row in table if row["group_id"] in ("1", "7-days")
    }
    for effect in scenario.effects:
        row = rows[MEASURES[effect.measure].name, " × ".join(effect.who), " × ".join(effect.who.values())]
        assert row["q"] < 0.05, effect
        sign = effect.size if effect.scale == "difference" else effect.size - 1
        turned = -1 if effect.measure in ("no-shows", "diabetes") else 1  # steps that are kept, outcomes that are bad
        assert row["difference"] * sign * turned > 0, effect


def test_counts_by_group_add_up_to_everyones() -> None:
    """Of one block, each attribute's counts add up to everyone's."""
    found = counted("standard", SEED, 1)
    everyone = found.all[:, 0]
    for name in ATTRIBUTES:
        columns = [place for place, (attribute, _) in enumerate(found.columns) if attribute == name]
        assert (found.all[:, columns].sum(axis=1) == everyone).all(), name
    assert np.nanmax(np.abs(found.expected - 0.5)) <= 0.5
