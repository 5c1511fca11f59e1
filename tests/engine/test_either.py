"""What the database cannot compute is computed one patient at a time, and the run says so."""

from __future__ import annotations

import elm_text as elm
import pytest
from conftest_engine import Evaluate, patient

from salus.engine import either, oracle
from salus.errors import SalusError
from salus.measure.run import Engine

OBSERVATIONS = [
    {"resourceType": "Observation", "id": f"o{n}", "status": "final", "subject": {"reference": "Patient/p"}}
    for n in (1, 2)
]
CARRIED = {
    "identifier": "R",
    "starting": {"type": "List", "element": []},
    "expression": elm.op(
        "Union", elm.ref("R", "QueryLetRef"), {"type": "List", "element": [elm.prop("id.value", "O")]}
    ),
}
LISTED = elm.op("Count", elm.query(elm.retrieve("Observation"), "O", aggregate=CARRIED))
PLAIN = elm.op("Exists", elm.retrieve("Observation"))


def test_a_list_carried_along_is_answered_and_said_to_be_slow(evaluate: Evaluate) -> None:
    records = [patient("p"), patient("q"), *OBSERVATIONS]
    found = evaluate(records, {"plain": PLAIN, "listed": LISTED}, engine=either.run)
    assert found["plain"] == {"p": True, "q": False}
    assert found["listed"] == {"p": 2, "q": 0}
    (said,) = [text for text in found.outcome.warnings if "one patient at a time" in text]
    assert '"listed" of Main' in said
    assert not found.outcome.refused


def test_what_neither_engine_knows_is_an_error_that_names_the_place(evaluate: Evaluate) -> None:
    with pytest.raises(SalusError, match="Main"):
        evaluate([patient()], {"odd": elm.op("Subsumes", elm.NULL, elm.NULL)}, engine=either.run)


def test_degrees_of_two_scales_that_do_not_convert_exactly_take_one_patient_at_a_time(evaluate: Evaluate) -> None:
    sum_ = elm.op("Add", elm.quantity(0, "Cel"), elm.quantity(100, "[degF]"))
    warm = elm.op("Greater", sum_, elm.quantity(37, "Cel"))
    found = evaluate([patient()], {"warm": warm}, engine=either.run)
    assert found["warm"] == {"p": True}
    (said,) = found.outcome.warnings
    assert "Cel" in said
    assert "[degF]" in said


@pytest.mark.parametrize("engine", [either.run, oracle.run], ids=["duckdb", "oracle"])
def test_what_retrieves_outside_the_context_of_a_patient_is_said(evaluate: Evaluate, engine: Engine) -> None:
    ours = {"name": "all", "context": "Unfiltered", "expression": elm.op("Exists", elm.retrieve("Observation"))}
    still = {"name": "still", "context": "Unfiltered", "expression": elm.literal(3)}
    defines = {"any": elm.ref("all"), "three": elm.ref("still")}
    found = evaluate([patient("p"), *OBSERVATIONS], defines, functions=[ours, still], engine=engine)
    (said,) = found.outcome.warnings
    assert '"all": what it finds are the records of one patient' in said
