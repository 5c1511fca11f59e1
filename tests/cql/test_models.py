"""The tables of the data models: what they say, and that they are what the published descriptions say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from salus.cql import types as t
from salus.cql.models import class_info, found_for, model, similar
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, TupleOf

ROOT = Path(__file__).resolve().parents[2]


def test_a_model_knows_its_types() -> None:
    qicore = model("QICore", "6.0.0")
    assert qicore is not None
    encounter = qicore.find("Encounter")
    assert encounter is not None
    assert (encounter.code, encounter.retrievable) == ("type", True)
    assert encounter.url.endswith("qicore-encounter")
    assert qicore.find_label("QICore Encounter") is encounter
    assert encounter.elements["period"].type == IntervalOf(t.DATETIME)
    assert encounter.elements["period"].target == "FHIRHelpers.ToInterval(%value)"
    assert qicore.contexts["Patient"].class_type == Named("QICore.Patient")


def test_a_choice_is_opened_sorted_and_without_doubles() -> None:
    found = model("QICore")
    assert found is not None
    several = found.read("Choice<System.String,Choice<System.Date,System.String>,Interval<System.Date>>")
    assert several == ChoiceOf((t.DATE, t.STRING, IntervalOf(t.DATE)))
    assert found.read("Choice<System.String,System.String>") == t.STRING


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("FHIR", "4.0.1", None),
        ("FHIR", None, None),
        ("FHIR", "4.0.0", "FHIR 4.0.0 is read as FHIR 4.0.1, the nearest version known here"),
        ("USCore", "3.1.1", "USCore 3.1.1 is read as USCore 6.1.0, the nearest version known here"),
    ],
)
def test_a_version_that_is_not_there_is_read_as_the_nearest(name: str, version: str | None, said: str | None) -> None:
    assert found_for(name, version) == said
    assert model(name, version) is not None


def test_a_model_that_is_not_there() -> None:
    assert model("QDM", "5.6") is None
    assert similar("QICroe") == "QICore"


def test_what_is_a_kind_of_what() -> None:
    assert t.is_subtype(Named("FHIR.id"), Named("FHIR.string"))
    assert t.is_subtype(ListOf(t.VALUE_SET), ListOf(t.VOCABULARY))
    assert t.is_subtype(TupleOf((("a", t.VALUE_SET),)), TupleOf((("a", ANY),)))
    assert not t.is_subtype(t.INTEGER, t.DECIMAL)
    assert not t.is_subtype(ListOf(t.INTEGER), t.INTEGER)


def test_elm_names_a_profile_by_the_class_it_constrains() -> None:
    assert t.qname(Named("QICore.ConditionEncounterDiagnosis")) == "{http://hl7.org/fhir}Condition"
    assert t.qname(Named("System.Code")) == "{urn:hl7-org:elm-types:r1}Code"
    info = class_info(Named("QICore.Patient.Address"))
    assert info is not None
    assert info.base == Named("QICore.Address")


def test_the_tables_are_what_the_published_descriptions_say(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shared_data("modelinfo")
    code = "import sys; from pathlib import Path; from derive_models import main; main(*map(Path, sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(folder), str(tmp_path)]
    subprocess.run(command, check=True, env={"PYTHONPATH": str(ROOT / "scripts")})
    shipped = files("salus.fhir").joinpath("models")
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(each.name for each in shipped.iterdir())
    for name in made:
        assert json.loads((tmp_path / name).read_text()) == json.loads(shipped.joinpath(name).read_text())
