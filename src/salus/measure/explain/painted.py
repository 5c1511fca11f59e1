"""The source of the definitions an answer rests on, and which of its parts were true, false, unknown or both.

A truth value is painted as what it was, a list as whether it had any element; a part inside a query that was asked of
several rows with different answers is mixed. Leaves to others: colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from salus.elm.library import Library
from salus.elm.narrative import Narrative
from salus.engine.oracle.trace import Place, Trace
from salus.engine.oracle.values import Value
from salus.measure.explain.model import Definition, Span, State

_STATES: dict[bool | None, State] = {True: "true", False: "false", None: "unknown"}


def definitions(
    wanted: Iterable[tuple[str, str]], libraries: Iterable[Library], narrative: Narrative, trace: Trace
) -> Iterator[Definition]:
    """The definitions (library label, name) with their source, in the order asked for."""
    by_label = {library.label: library for library in libraries}
    places: dict[tuple[str, str, str], list[tuple[Place, list[Value]]]] = {}
    for place, values in trace.values.items():
        places.setdefault((place.library, place.version, place.define), []).append((place, values))
    for label, name in dict.fromkeys(wanted):
        library = by_label.get(label)
        if library is not None and library.statements(name):
            found = places.get((library.name, library.version, name), [])
            yield _definition(library, name, narrative, found)


def _definition(
    library: Library, name: str, narrative: Narrative, places: Sequence[tuple[Place, list[Value]]]
) -> Definition:
    passage = narrative.passage(library, name)
    if passage is None:
        return Definition(library.name, library.version, name, _told(library, name, narrative), ())
    layers = []
    for place, values in places:
        span, state = narrative.span(library, place.locator), state_of(values)
        if span and state and passage.start <= span[0] < span[1] <= passage.end:
            layers.append((span[0] - passage.start, span[1] - passage.start, state))
    text = passage.text[passage.start : passage.end]
    return Definition(library.name, library.version, name, text, tuple(flattened(layers, len(text))))


def _told(library: Library, name: str, narrative: Narrative) -> str:
    """A definition without source: its annotation's words, or a rendering."""
    body = next((f.expression for f in library.functions(name)), None) or library.expression(name).expression
    return f'define "{name}":\n  {narrative.of(library, name, body)}'


def state_of(values: Sequence[Value]) -> State | None:
    """What a part was over all the times it was asked; None for what is no truth value and no list."""
    states = {_STATES[value] if isinstance(value, bool) else _of_list(value) for value in values}
    if all(value is None for value in values) or None in states:
        return None
    return states.pop() if len(states) == 1 else "mixed"


def _of_list(value: Value) -> State | None:
    if value is None:
        return "unknown"
    return _STATES[bool(value)] if isinstance(value, list) else None


def flattened(layers: Iterable[tuple[int, int, State]], length: int) -> Iterator[Span]:
    """Nested spans as spans side by side: the innermost tells."""
    paint: list[State | None] = [None] * length
    for start, end, state in sorted(layers, key=lambda each: each[0] - each[1]):
        paint[start:end] = [state] * (end - start)
    place = 0
    for state_, run in groupby(paint):
        size = len(list(run))
        if state_ is not None:
            yield Span(place, place + size, state_)
        place += size
