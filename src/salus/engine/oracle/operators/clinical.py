"""Clinical operators: ages, and codes in value sets (ELM §23; CQL 1.5, Appendix B "Clinical Operators")."""

from __future__ import annotations

from salus.engine.oracle import moments
from salus.engine.oracle.kinds import type_name
from salus.engine.oracle.moments import Date, DateTime
from salus.engine.oracle.operators.datetimes import between
from salus.engine.oracle.registry import Call, operator, strict
from salus.engine.oracle.values import Code, CodeSystem, Concept, Value, ValueSet


@operator("CalculateAgeAt")
@strict
def calculate_age_at(call: Call, birth: Value, at: Value) -> Value:
    """§23 CalculateAgeAt: whole units; of a date and a moment, by the moment's date."""
    if isinstance(birth, Date) and isinstance(at, DateTime):
        at = Date(at.parts[:3])
    return between(birth, at, call.unit or "year", moments.whole_units)


@operator("CalculateAge")
@strict
def calculate_age(call: Call, birth: Value) -> Value:
    """§23 CalculateAge: today."""
    at = call.interpreter.now()
    return calculate_age_at(call, birth, Date(at.parts[:3]) if isinstance(birth, Date) else at)


def _value_set(call: Call, named: Value, computed: Value) -> ValueSet | None:
    found = named if named is not None else computed
    if found is not None and not isinstance(found, ValueSet):
        call.fail(f"needs a value set, not {type_name(found)}")
    return found


def _holds(call: Call, codes: frozenset[tuple[str, str]], code: Value) -> bool:
    """Whether a code, or any code of a concept, is among the codes; a text is a code of any system."""
    if isinstance(code, str):
        return any(code == each for _, each in codes)
    if isinstance(code, Code):
        return (code.system, code.code) in codes
    if isinstance(code, Concept):
        return any((each.system, each.code) in codes for each in code.codes)
    call.fail(f"needs a code or concept, not {type_name(code)}")


@operator("InValueSet")
def in_value_set(call: Call, code: Value, named: Value, computed: Value = None) -> Value:
    """§23 InValueSet: false for null."""
    value_set = _value_set(call, named, computed)
    if value_set is None:
        return None
    return code is not None and _holds(call, call.interpreter.codes(value_set), code)


@operator("AnyInValueSet")
def any_in_value_set(call: Call, codes: Value, named: Value, computed: Value = None) -> Value:
    """§23 AnyInValueSet: whether any of the codes is; false for null."""
    value_set = _value_set(call, named, computed)
    if value_set is None:
        return None
    members = call.interpreter.codes(value_set)
    return any(_holds(call, members, code) for code in codes or () if code is not None)


@operator("InCodeSystem", "AnyInCodeSystem")
def in_code_system(call: Call, codes: Value, named: Value, computed: Value = None) -> Value:
    """§23 InCodeSystem, AnyInCodeSystem: by the system a code names; its codes are not looked up."""
    system = named if named is not None else computed
    if system is None:
        return None
    if not isinstance(system, CodeSystem):
        call.fail(f"needs a code system, not {type_name(system)}")
    given = codes if isinstance(codes, list) else [codes]
    return any(_of_system(call, code, system.id) for code in given if code is not None)


def _of_system(call: Call, code: Value, system: str) -> bool:
    if isinstance(code, Concept):
        return any(each.system == system for each in code.codes)
    if not isinstance(code, Code):
        call.fail(f"needs a code or concept, not {type_name(code)}")
    return code.system == system


@operator("ExpandValueSet")
@strict
def expand_value_set(call: Call, value_set: ValueSet) -> Value:
    """§23 ExpandValueSet: its codes, in order of system and code."""
    return [Code(code, system) for system, code in sorted(call.interpreter.codes(value_set))]
