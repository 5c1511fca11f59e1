"""Queries, sorting, scoped operators and functions (ELM §9, §10, §20)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import dt, interpreter, lit, op, tuple_of, value
from salus.engine.oracle.moments import DateTime
from salus.engine.oracle.trace import Trace
from salus.engine.oracle.values import Tuple
from salus.errors import SalusError

X, Y = elm.alias("X"), elm.alias("Y")


def sources(**named: Any) -> list[dict[str, Any]]:
    return [{"alias": name, "expression": lit(expression)} for name, expression in named.items()]


def query(*, relationship: Any = (), **clauses: Any) -> dict[str, Any]:
    found = {"type": "Query", "source": clauses.pop("source"), "relationship": list(relationship)}
    return found | {name.rstrip("_"): clause for name, clause in clauses.items()}


def test_where_keeps_what_is_true() -> None:
    assert value(query(source=sources(X=[1, None, 3]), where=op("Greater", X, 1))) == [3]


def test_a_single_source_gives_a_single_value() -> None:
    assert value(query(source=sources(X=4), where=op("Greater", X, 5))) is None
    assert value(query(source=sources(X=4), return_=elm.returning(op("Add", X, 1)))) == 5


def test_a_return_is_distinct_unless_all_is_asked() -> None:
    assert value(query(source=sources(X=[1, 1]), return_=elm.returning(X))) == [1]
    assert value(query(source=sources(X=[1, 1]), return_=elm.returning(X, distinct=False))) == [1, 1]


def test_several_sources_give_every_combination() -> None:
    rows = value(query(source=sources(X=[2, 3], Y=[5, 6])))
    assert rows == [Tuple({"X": x, "Y": y}) for x in (2, 3) for y in (5, 6)]


def test_with_and_without() -> None:
    with_ = elm.related("With", lit([2, 3]), "Y", op("Equal", X, Y))
    assert value(query(source=sources(X=[1, 2]), relationship=[with_])) == [2]
    assert value(query(source=sources(X=[1, 2]), relationship=[with_ | {"type": "Without"}])) == [1]


def test_lets_see_the_row_and_each_other() -> None:
    lets = [{"identifier": "a", "expression": op("Add", X, 1)}]
    lets.append({"identifier": "b", "expression": op("Multiply", elm.ref("a", "QueryLetRef"), 2)})
    assert value(query(source=sources(X=[1]), let=lets, return_=elm.returning(elm.ref("b", "QueryLetRef")))) == [4]


def test_aggregate() -> None:
    """CQL 1.5, Author's Guide: the factorial of 5; distinct rows when asked."""
    body = op("Multiply", elm.ref("R", "QueryLetRef"), X)
    clause = {"identifier": "R", "expression": body, "starting": lit(1)}
    assert value(query(source=sources(X=[1, 2, 3, 4, 5]), aggregate=clause)) == 120
    assert value(query(source=sources(X=[2, 2, 3]), aggregate=clause | {"distinct": True})) == 6
    assert value(query(source=sources(X=[1]), aggregate={"identifier": "R", "expression": body})) is None


def test_sort_puts_nulls_first_and_last_when_descending() -> None:
    assert value(query(source=sources(X=[3, None, 1]), sort=elm.by())) == [None, 1, 3]
    assert value(query(source=sources(X=[3, None, 1]), sort=elm.by(down=True))) == [3, 1, None]


def test_sort_of_partial_dates() -> None:
    moments = [dt(2012, 10, 5, 10), dt(2012, 1, 1), dt(2012, 1, 1, 12), dt(2012, 10, 5)]
    expected = [dt(2012, 1, 1), dt(2012, 1, 1, 12), dt(2012, 10, 5), dt(2012, 10, 5, 10)]
    assert value(query(source=sources(X=moments), sort=elm.by())) == expected


def test_what_is_equal_stays_in_its_order_whatever_the_direction() -> None:
    rows = [tuple_of(k=1, v="a"), tuple_of(k=1, v="b"), tuple_of(k=0, v="c")]
    key = elm.ref("k", "IdentifierRef")
    for down, expected in ((False, "cab"), (True, "abc")):
        found = value(query(source=sources(X=rows), sort=elm.by(key, down=down)))
        assert "".join(row.fields["v"] for row in found) == expected


def test_sort_by_column() -> None:
    by = {"by": [{"type": "ByColumn", "path": "k", "direction": "desc"}]}
    rows = value(query(source=sources(X=[tuple_of(k=1), tuple_of(k=2)]), sort=by))
    assert [row.fields["k"] for row in rows] == [2, 1]


@pytest.mark.parametrize(("kind", "body", "expected"), [("Filter", "condition", [2]), ("ForEach", "element", None)])
def test_scoped_operators(kind: str, body: str, expected: Any) -> None:
    this = elm.alias("$this")
    node = {"type": kind, "source": lit([1, 2]), body: op("Greater", this, 1), "scope": "$this"}
    assert value(node) == (expected or [False, True])


def function(name: str, operand_type: str, body: dict[str, Any]) -> dict[str, Any]:
    operand = {"name": "x", "operandTypeSpecifier": {"type": "NamedTypeSpecifier", "name": operand_type}}
    return {"type": "FunctionDef", "name": name, "operand": [operand], "expression": body}


INTEGER, STRING = f"{elm.SYSTEM}Integer", f"{elm.SYSTEM}String"
OVERLOADS = [function("f", INTEGER, lit("integer")), function("f", STRING, lit("string"))]


def call(operand: Any, *signature: str) -> dict[str, Any]:
    specs = [{"type": "NamedTypeSpecifier", "name": name} for name in signature]
    return {"type": "FunctionRef", "name": "f", "operand": [lit(operand)], "signature": specs}


def test_an_overload_is_chosen_by_signature_or_by_value() -> None:
    assert value(call(None, STRING), functions=OVERLOADS) == "string"
    assert value(call(1), functions=OVERLOADS) == "integer"
    assert value(call("a"), functions=OVERLOADS) == "string"
    with pytest.raises(SalusError, match=r"no function f\(Boolean\)"):
        value(call(True), functions=OVERLOADS)


def test_a_function_sees_its_operands_alone() -> None:
    body = op("Add", elm.ref("x", "OperandRef"), elm.alias("X"))
    source = query(source=sources(X=[1]), return_=elm.returning(call(1)))
    with pytest.raises(SalusError, match="nothing is called that"):
        value(source, functions=[function("f", INTEGER, body)])


def test_parameters_come_from_the_run_or_their_default() -> None:
    definition = {"name": "P", "default": lit(7)}
    node = elm.ref("P", "ParameterRef")
    assert value(node, parameters={"P": 1}) == 1
    library = elm.library("L", {"E": node}, parameters=[definition])
    it = interpreter(library)
    assert it.define(it.setting.includes.open("L", None, "t"), "E") == 7


def test_a_define_is_evaluated_once_and_cannot_be_defined_by_itself() -> None:
    trace = Trace()
    it = interpreter(elm.library("L", {"A": lit(1), "E": op("Add", elm.ref("A"), elm.ref("A"))}), trace=trace)
    library = it.setting.includes.open("L", None, "t")
    assert it.define(library, "E") == 2
    assert [len(values) for _, values in trace.of("A")] == [1]
    it = interpreter(elm.library("L", {"A": elm.ref("E"), "E": elm.ref("A")}))
    with pytest.raises(SalusError, match="defined by itself"):
        it.define(it.setting.includes.open("L", None, "t"), "E")


def test_what_is_not_supported_is_refused_with_its_place() -> None:
    with pytest.raises(SalusError, match="L 1, line 12: Subsumes is not supported"):
        value(elm.op("Subsumes", lit(1), lit(2), locator="12:3-12:9"))


def test_literals() -> None:
    at = {"type": "Literal", "valueType": f"{elm.SYSTEM}DateTime", "value": "2012-02-03T10:00:00.000Z"}
    assert value(at) == DateTime((2012, 2, 3, 10, 0, 0, 0), 0)
    assert value({"type": "Quantity", "value": 1.5, "unit": "mg"}).value == Decimal("1.5")
