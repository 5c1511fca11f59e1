"""Small populations whose values collide: two or three patients, few codes, few days, partial dates, holes everywhere.

A population is a list of FHIR resources; ids say whose they are (`p1-o2`). Leaves to others: loading them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
SYSTEMS = ("http://one.example", "http://two.example")
CODES = ("a", "b", "c")
UNITS = ("mg", "g", "kg", "1")
MOMENTS = (
    "2025", "2025-12", "2025-12-31", "2026", "2026-01", "2026-01-01", "2026-01-31", "2026-02-28",
    "2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", "2026-01-01T12:30:00Z",
    "2026-01-01T01:00:00+02:00", "2025-12-31T23:30:00-01:00", "2024-02-29",
)  # fmt: skip
INSTANTS = tuple(moment for moment in MOMENTS if "T" in moment)
DATES = tuple(moment for moment in MOMENTS if "T" not in moment)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _holes(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object of the fields that are not None."""
    return st.fixed_dictionaries(fields).map(lambda made: {k: v for k, v in made.items() if v is not None})


def _whole(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json | None]:
    """The same, None where nothing is left."""
    return _holes(**fields).map(lambda made: made or None)


moments, dates = st.sampled_from(MOMENTS), st.sampled_from(DATES)
codings = st.builds(
    lambda system, code: {"system": system, "code": code}, st.sampled_from(SYSTEMS), st.sampled_from(CODES)
)
concepts = st.lists(codings, min_size=1, max_size=2).map(lambda found: {"coding": found})
periods = _whole(start=_maybe(moments), end=_maybe(moments))
quantities = st.builds(
    lambda value, unit: {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    st.sampled_from([1, 1.5, 2, 1000, 0.001]),
    st.sampled_from(UNITS),
)
integers, texts = st.sampled_from([0, 1, 2, -1]), st.sampled_from(["a", "A", "b", "a b"])
VALUES = {
    "valueInteger": integers, "valueString": texts, "valueQuantity": quantities, "valueBoolean": st.booleans(),
    "valueCodeableConcept": concepts, "valueDateTime": moments, "valuePeriod": periods,
}  # fmt: skip


@st.composite
def _choice(draw: st.DrawFn, options: dict[str, st.SearchStrategy[Any]]) -> Json:
    """One of the alternatives of a choice element, or none."""
    name = draw(st.none() | st.sampled_from(sorted(options)))
    value = None if name is None else draw(options[name])
    return {} if name is None or value is None else {name: value}


components = st.tuples(
    _holes(code=concepts), _choice({k: VALUES[k] for k in ("valueInteger", "valueQuantity", "valueString")})
).map(lambda parts: parts[0] | parts[1])


@st.composite
def _observation(draw: st.DrawFn) -> Json:
    fixed = draw(
        _holes(
            status=st.sampled_from(["final", "amended"]),
            code=_maybe(concepts),
            category=_maybe(st.lists(concepts, min_size=1, max_size=2)),
            component=_maybe(st.lists(components, min_size=1, max_size=2)),
            issued=_maybe(st.sampled_from(INSTANTS)),
        )
    )
    return fixed | draw(_choice(VALUES)) | draw(_choice({"effectiveDateTime": moments, "effectivePeriod": periods}))


@st.composite
def _encounter(draw: st.DrawFn) -> Json:
    location = _holes(
        location=st.just({"reference": "Location/l"}), status=_maybe(st.sampled_from(["active", "completed"])),
        period=_maybe(periods),
    )  # fmt: skip
    return draw(
        _holes(
            status=st.sampled_from(["finished", "planned"]),
            type=_maybe(st.lists(concepts, min_size=1, max_size=2)),
            period=periods,
            location=_maybe(st.lists(location, min_size=1, max_size=2)),
        )
    )


@st.composite
def _condition(draw: st.DrawFn) -> Json:
    fixed = draw(_holes(code=_maybe(concepts), recordedDate=_maybe(moments)))
    onset = draw(_choice({"onsetDateTime": moments, "onsetPeriod": periods, "onsetString": texts}))
    return fixed | onset | draw(_choice({"abatementDateTime": moments}))


@st.composite
def _patient(draw: st.DrawFn) -> Json:
    fixed = draw(
        _holes(
            active=_maybe(st.booleans()), birthDate=_maybe(dates), gender=_maybe(st.sampled_from(["female", "male"]))
        )
    )
    return fixed | draw(_choice({"deceasedBoolean": st.booleans(), "deceasedDateTime": moments}))


KINDS = {"Observation": _observation(), "Encounter": _encounter(), "Condition": _condition()}


@st.composite
def populations(draw: st.DrawFn) -> list[Json]:
    """The resources of two or three patients, a handful each."""
    made: list[Json] = []
    for who in range(1, draw(st.integers(2, 3)) + 1):
        made.append({"resourceType": "Patient", "id": f"p{who}"} | draw(_patient()))
        for kind, strategy in KINDS.items():
            for number, each in enumerate(draw(st.lists(strategy, max_size=3)), 1):
                owned = {"resourceType": kind, "id": f"p{who}-{kind[0].lower()}{number}"}
                made.append(owned | {"subject": {"reference": f"Patient/p{who}"}} | each)
    return made
