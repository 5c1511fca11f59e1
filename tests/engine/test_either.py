"""What the database cannot compute is computed one patient at a time, and the run says so."""

from __future__ import annotations

import elm_text as elm
import pytest
from conftest_engine import Evaluate, patient

from salus.engine import either
from salus.errors import SalusError

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
