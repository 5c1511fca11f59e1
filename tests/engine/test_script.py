"""Plans as scripts: what is the same is made once, tables go early, and costs are told by define."""

from __future__ import annotations

import elm_text as elm
from conftest_engine import Evaluate, observation, patient

from salus.engine.costs import Cost, per_define
from salus.logic.compiler import Origin

PEOPLE = [patient("p"), patient("q"), observation("o", who="p", code="a")]


def latest() -> dict:
    """A list whose first element needs tables of its own."""
    return elm.op("Exists", elm.query(elm.retrieve("Observation"), **{"return": elm.returning(elm.prop("id", "X"))}))


def test_what_two_defines_say_alike_is_made_once(evaluate: Evaluate) -> None:
    one = evaluate(PEOPLE, {"A": latest()}).outcome
    two = evaluate(PEOPLE, {"A": latest(), "B": latest()})
    assert sum(each.statements for each in two.outcome.defines) == sum(each.statements for each in one.defines)
    assert two["A"] == two["B"] == {"p": True, "q": False}


def test_costs_are_told_by_define(evaluate: Evaluate) -> None:
    found = {each.define: each for each in evaluate(PEOPLE, {"A": latest()}).outcome.defines}
    assert found["A"].library == "Main 1"
    assert found["A"].rows == 2
    assert found["A"].statements >= 1
    assert found["A"].memory > 0


def test_the_columns_that_a_run_reads_are_told(evaluate: Evaluate) -> None:
    reads = evaluate(PEOPLE, {"A": latest()}).outcome.reads
    assert reads["Patient"] == ["pid"]
    assert {"pid", "rid", "id"} >= set(reads["Observation"]) > {"pid"}


def test_the_slowest_define_comes_first() -> None:
    slow, quick = Origin("L", "slow", "3:1-4:9"), Origin("L", "quick", "1:1-2:9")
    costs = [Cost("quick", quick, 1.0, 5, 10), Cost("stage", slow, 1.0, 70, 30), Cost("slow", slow, 2.0, 6, 20)]
    found = per_define([*costs, Cost("slice of T", None, 0.5, 9, 1)])
    assert [(each.define, each.seconds, each.rows, each.statements, each.memory) for each in found] == [
        ("slow", 3.0, 6, 2, 30),
        ("quick", 1.0, 5, 1, 10),
        ("(shared by all)", 0.5, 0, 1, 1),
    ]
