"""Both engines answer alike whatever is asked: expressions drawn by type over small populations that collide.

A fixed number of examples, the same in every run; `make fuzz N=1000` looks further.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from generated.agreement import Judge, disagreements, smallest
from generated.expressions import Drawn, libraries
from generated.populations import populations
from generated.signatures import BY_RESULT

ALIKE = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # `smallest` shrinks by what the engines say of the parts, in one question
    suppress_health_check=list(HealthCheck),
)


def agree(resources: list[dict[str, Any]], drawn: Drawn) -> None:
    with Judge(resources) as judge:
        defines, functions = drawn.elm["defines"], drawn.elm["functions"]
        found = [smallest(judge, each, defines, functions) for each in disagreements(judge, defines, functions)]
    assert not found, "\n".join(map(str, found))


@ALIKE
@given(populations(), libraries(defines=12, depth=2, least=12))
def test_engines_agree_on_records(resources: list[dict[str, Any]], drawn: Drawn) -> None:
    agree(resources, drawn)


@settings(ALIKE, max_examples=4)
@given(libraries(defines=16, depth=2, least=16, records=False))
def test_engines_agree_on_constants(drawn: Drawn) -> None:
    agree([{"resourceType": "Patient", "id": "p1"}], drawn)


@pytest.mark.parametrize("operator", ["Equal", "And", "Overlaps", "Exists", "SameAs"])
def test_what_is_drawn_covers_the_operators_that_measures_live_on(operator: str) -> None:
    assert any(operator in named for named in BY_RESULT.values())
