"""The warm set names elements that exist, spelt out to their parts."""

from __future__ import annotations

from salus.store.tree import Need
from salus.store.warm import WARM, warm_needs


def test_every_line_is_an_element_of_fhir() -> None:
    assert len(warm_needs(table.split(".")[0] for table in WARM)) > 1000


def test_small_complex_types_are_spelt_out() -> None:
    needs = warm_needs(["Observation"])
    assert {need.column for need in needs if need.column.startswith("valueQuantity")} == {
        "valueQuantity",
        *(f"valueQuantity.{part}" for part in ("value", "comparator", "unit", "system", "code")),
    }
    assert Need("Observation", "valueRange.low.value") in needs
    assert Need("Observation", "encounter.reference") in needs
    assert {need.table.split(".")[0] for need in needs} == {"Observation"}
