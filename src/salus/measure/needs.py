"""What a measure needs evaluated: its criteria, stratifiers and supplemental data, and its observations over what they
observe.

Leaves to others: evaluating it (`engine`), what it counts for (`measure.scoring`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from salus.measure.definition import MeasureDefinition, Need
from salus.measure.observations import observations

PATIENT_BASIS = "boolean"


def needs(measure: MeasureDefinition, library: Mapping[str, Any]) -> tuple[Need, ...]:
    """Everything to be evaluated, once, supplemental data if it can; `library` is the measure library's ELM."""
    takes = _takes(library)
    of_units = dict(_of_units(measure, takes))
    criteria = [Need(name, of_units.get(name)) for name in measure.criteria()]
    required = [*criteria, *_observed(measure, takes)]
    return tuple(dict.fromkeys([*required, *(Need(i.expression, optional=True) for i in measure.supplemental)]))


def _of_units(measure: MeasureDefinition, takes: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Stratifiers that are functions, with the define whose units they are asked of: by value, where units are no
    patients (Quality Measure IG, conformance requirement 3.16)."""
    for group in measure.with_logic:
        initial = group.population("initial-population")
        for name in (name for each in group.stratifiers for name in each.expressions):
            if initial and takes.get(name):
                yield name, initial.expression


def _observed(measure: MeasureDefinition, takes: Mapping[str, bool]) -> Iterator[Need]:
    """An observation is a function of the unit, or on patient basis one without operands (Quality Measure IG,
    conformance requirement 3.13). The library says which; the declared basis only where it does not.
    """
    for group in measure.with_logic:
        for each in observations(group):
            of_unit = takes.get(each.expression, group.basis != PATIENT_BASIS)
            yield Need(each.expression, each.over if of_unit else None)


def _takes(library: Mapping[str, Any]) -> dict[str, bool]:
    """For every define and function of a library whether it takes an operand."""
    statements = (library.get("statements") or {}).get("def") or ()
    return {each["name"]: bool(each.get("operand")) for each in statements if each.get("name")}
