"""Good records as another system might have written them: a few seeded changes each, of the kinds that real data shows.

A change is asked of one place of a resource (the object or list that holds it, its key, its value) and says whether it
fits there. What comes out is often not what FHIR allows: both engines are to say the same of it all the same. Leaves to
others: where records come from and what is asked of them (`generated.records`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

Json = dict[str, Any]
Place = tuple[Any, Any, Any]
"""What holds a value (an object or a list), its key there, and the value."""
Change = Callable[[Random, Any, Any, Any], bool]

_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?")
_UNTOUCHED = ("resourceType", "id", "meta", "text")
_WHY = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
_LOCAL = {"system": "urn:oid:1.2.3.4", "code": "L1", "display": "local"}
_STATES = (
    "entered-in-error", "unknown", "cancelled", "completed", "active", "finished", "FINISHED", "final ", "", "amended",
    "order", "plan", "in-progress", "not-done", "stopped",
)  # fmt: skip
_CHOICES = {
    "effective": ("DateTime", "Period", "Instant"), "onset": ("DateTime", "Period", "String", "Age"),
    "abatement": ("DateTime", "Period", "String"), "performed": ("DateTime", "Period", "String"),
    "occurrence": ("DateTime", "Period"), "value": ("Quantity", "CodeableConcept", "String", "Boolean", "DateTime"),
    "medication": ("CodeableConcept", "Reference"), "timing": ("DateTime", "Period"),
}  # fmt: skip


def mutate(random: Random, records: Sequence[Json], times: int) -> list[str]:
    """Change records in place at `times` places, fewer where little fits; says what was done where."""
    told: list[str] = []
    for _ in range(4 * times):
        if len(told) < times and (done := _changed(random, random.choice(records))):
            told.append(done)
    return told


def _changed(random: Random, resource: Json) -> str:
    change = random.choice(CHANGES)
    places = list(_places(resource, _UNTOUCHED))
    random.shuffle(places)
    for holder, key, value in places:
        if change(random, holder, key, value):
            return f"{resource['resourceType']}/{resource.get('id')} {key}: {change.__name__.strip('_')}"
    return ""


def _places(node: Any, untouched: tuple[str, ...] = ()) -> Iterator[Place]:
    items = enumerate(node) if isinstance(node, list) else node.items() if isinstance(node, dict) else ()
    for key, value in list(items):
        if key not in untouched:
            yield node, key, value
            yield from _places(value)


def renamed(records: Sequence[Json], mark: str) -> list[Json]:
    """Copies of records under other ids, and with references to each other that follow."""
    known = {f"{each['resourceType']}/{each['id']}" for each in records if each.get("id")}
    copies = [_following(each, known, mark) for each in records]
    return [each | {"id": f"{each['id']}{mark}"} if each.get("id") else each for each in copies]


def _following(node: Any, known: set[str], mark: str) -> Any:
    if isinstance(node, list):
        return [_following(each, known, mark) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _following(value, known, mark) for key, value in node.items()}
    if made.get("reference") in known:
        made["reference"] += mark
    return made


# --- changes -------------------------------------------------------------------------------------------------------


def _dropped(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = None
    return True


def _less_precise(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if not _is_date(value):
        return False
    holder[key] = value[: random.choice((4, 7, 10))]
    return True


def _other_clock(random: Random, holder: Any, key: Any, value: Any) -> bool:
    """At another offset or none, with fractions, at the edges of a day."""
    if not _is_date(value) or len(value) < 10:
        return False
    clock = random.choice(("00:00:00", "23:59:59", "23:30:00", "12:00:00.5", "23:59:59.9999999", "24:00:00", "10:30"))
    holder[key] = f"{value[:10]}T{clock}{random.choice(('Z', '', '+14:00', '-12:00', '+05:45', '-08:00'))}"
    return True


def _no_date(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if not _is_date(value):
        return False
    holder[key] = random.choice(("2026-02-30", "unknown", f" {value}", "", "0000-01-01", None))
    return True


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and _DATE.fullmatch(value) is not None


def _masked(random: Random, holder: Any, key: Any, value: Any) -> bool:
    """A reason in place of a value."""
    if not isinstance(holder, dict) or isinstance(value, (dict, list)) or key == "reference":
        return False
    del holder[key]
    holder[f"_{key}"] = copy.deepcopy(_WHY)
    return True


def _in_another_state(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if key not in ("status", "intent"):
        return False
    holder[key] = random.choice(_STATES)
    return True


def _coded_otherwise(random: Random, holder: Any, key: Any, value: Any) -> bool:
    codings = [each for each in value.get("coding") or () if each] if isinstance(value, dict) else []
    if not codings:
        return False
    first = codings[0]
    holder[key] = random.choice((
        {"coding": [_LOCAL, *codings]}, {"coding": [*codings, *codings]}, {"coding": [None, *codings]},
        {"coding": [{k: v for k, v in first.items() if k != "system"}]}, {"text": "in words"}, {"coding": []}, {},
        {"coding": None, "text": "in words"}, {"coding": [first | {"code": str(first.get("code")).swapcase()}]},
        {"coding": [first | {"version": "2099"}]}, {"coding": [first | {"system": "urn:oid:2.16.840.1.113883.6.96"}]},
    ))  # fmt: skip
    return True


def _referred_otherwise(random: Random, holder: Any, key: Any, value: Any) -> bool:
    target = value.get("reference") if isinstance(value, dict) else None
    if not isinstance(target, str):
        return False
    kind = target.partition("/")[0]
    holder[key] = random.choice((
        {"reference": f"https://server.example/fhir/{target}"}, {"reference": f"{target}/_history/3"},
        {"reference": f"/{target}"}, {"reference": f"{kind}/not-there"}, {"reference": "#nobody"},
        {"reference": "Group/1"}, {"identifier": {"value": target}, "type": kind}, {"display": "somebody"}, {},
    ))  # fmt: skip
    return True


def _measured_otherwise(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if not isinstance(value, dict) or "value" not in value or not {"unit", "code"} & set(value):
        return False
    number, unit = value["value"], value.get("code") or value.get("unit")
    holder[key] = random.choice((
        {"value": number}, {"value": number, "unit": unit}, {"value": number, "code": unit}, {"unit": unit},
        value | {"comparator": "<"}, value | {"system": "http://local.example/units"}, value | {"code": "Units"},
        value | {"value": str(number)}, value | {"value": 1e30}, value | {"value": 0}, value | {"value": -1},
        value | {"value": 139.99999999}, value | {"code": "{annotated}"},
    ))  # fmt: skip
    return True


def _another_period(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if not isinstance(value, dict) or not value or not set(value) <= {"start", "end"}:
        return False
    start, end = value.get("start"), value.get("end")
    made = random.choice(({"start": end, "end": start}, {"start": start}, {"end": end}, {"start": start, "end": start}))
    holder[key] = {name: each for name, each in made.items() if each}
    return True


def _of_another_type(random: Random, holder: Any, key: Any, value: Any) -> bool:
    for stem, types in _CHOICES.items():
        if isinstance(holder, dict) and key in [stem + each for each in types]:
            del holder[key]
            to = random.choice(types)
            holder[stem + to] = _value_of(to, value)
            return True
    return False


def _value_of(type_name: str, value: Any) -> Any:
    """A value of a type; a date of what it replaces where that has one."""
    said = value.get("start") or value.get("end") if isinstance(value, dict) else value
    day = said if _is_date(said) else "2026-05-05"
    return {
        "DateTime": day, "Instant": day, "Period": {"start": day}, "String": "in words", "Boolean": True,
        "Age": {"value": 45, "code": "a", "system": "http://unitsofmeasure.org"},
        "Quantity": {"value": 5, "code": "mg/dL", "system": "http://unitsofmeasure.org"},
        "CodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "373066001"}]},
        "Reference": {"reference": "Medication/none"},
    }[type_name]  # fmt: skip


def _listed_otherwise(random: Random, holder: Any, key: Any, value: Any) -> bool:
    if not isinstance(value, list):
        return False
    holder[key] = random.choice(([*value, None], [None], [], [*value, *copy.deepcopy(value)], value[::-1]))
    return True


CHANGES: tuple[Change, ...] = (
    _dropped, _less_precise, _other_clock, _no_date, _masked, _in_another_state, _coded_otherwise, _referred_otherwise,
    _measured_otherwise, _another_period, _of_another_type, _listed_otherwise,
)  # fmt: skip
