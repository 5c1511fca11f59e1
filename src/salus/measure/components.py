"""The components of composite measures, found among the measures of the content.

A composite brings its components: they are evaluated with it, and reported beside it. Leaves to others: what a
composite says (`measure.composition`), what is made of the components (`measure.composite`).
Source: Quality Measure IG, "Composite Measures", conformance requirements 5.5, 5.8 and 5.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from salus.errors import SalusError
from salus.measure.composition import Component, Composite
from salus.measure.definition import Group, MeasureDefinition, Population
from salus.terminology.versions import split_canonical, version_key

Measures = Sequence[MeasureDefinition]
_LEFT_OUT: Final = ("denominator-exclusion", "denominator-exception")


class _Part(Struct, frozen=True):
    """A component as it is found: its measure, and its group there."""

    measure: MeasureDefinition
    group: Group
    component: Component


def with_components(chosen: Measures, there: Measures, *, asked: bool) -> tuple[list[MeasureDefinition], list[str]]:
    """The chosen measures, their components found, with the measures that those are in; and notes.

    `there` is what the content has. A composite that cannot be made raises SalusError where measures were `asked` for
    by name, and is left out with a note where they were not.
    """
    measures = {measure.name: measure for measure in chosen}
    notes: list[str] = []
    for measure in chosen:
        try:
            parts = [_parts(measure, group, there, notes) for group in measure.groups]
            measures |= _joining(measure, [part.measure for each in parts for part in each], measures)
            groups = [_made(group, each) for group, each in zip(measure.groups, parts, strict=True)]
        except SalusError as error:
            if asked:
                raise
            notes.append(f"left out: {error}")
            groups = list(measure.with_logic)
        measures[measure.name] = replace(measure, groups=tuple(groups))
    return [measure for measure in measures.values() if measure.groups], notes


def _parts(measure: MeasureDefinition, group: Group, there: Measures, notes: list[str]) -> list[_Part]:
    """The components of a group; none where it is no composite."""
    found: dict[str, _Part] = {}
    for component in group.composite.components if group.composite else ():
        where = f"measure {measure.name}: its component {component.label}"
        part = _measure(component.address, there, where, notes)
        one = _group(part, component.group, where)
        falls = one.improvement not in (None, group.improvement or "increase")
        made = replace(component, measure=part.name, group=one.id, falls=falls)
        if made.key in found:
            raise SalusError(f"{where} is one that it already has")
        found[made.key] = _Part(part, one, made)
    return list(found.values())


def _measure(address: str, there: Measures, where: str, notes: list[str]) -> MeasureDefinition:
    """The measure at a canonical address: that version of it, else the newest with a note."""
    url, version = split_canonical(address)
    last = url.rpartition("/")[2]
    named = [each for each in there if each.url == url] or [each for each in there if last in (each.id, each.name)]
    if not named:
        raise SalusError(f"{where} is not in the content")
    exact = [each for each in named if version in (None, each.version)]
    newest = max(exact or named, key=lambda each: version_key(each.version))
    if not exact:
        notes.append(f"{where} is not there in that version; {newest.version} is taken")
    return newest


def _group(part: MeasureDefinition, asked: str, where: str) -> Group:
    """The group that is meant. SalusError: there is none, or several, or it is no proportion."""
    fitting = [group for group in part.groups if asked in ("", group.id)]
    if len(fitting) != 1:
        problem = "has several groups, and no groupId says which" if fitting else "is no group of its measure"
        raise SalusError(f"{where} {problem}; there are: {', '.join(group.id for group in part.groups)}")
    (found,) = fitting
    if found.composite or found.scoring != "proportion":
        kind = "composite" if found.composite else found.scoring
        raise SalusError(f"{where} is a {kind}, and composites are made of proportions")
    return found


def _joining(
    measure: MeasureDefinition, parts: Measures, measures: dict[str, MeasureDefinition]
) -> Iterator[tuple[str, MeasureDefinition]]:
    """The components that are not yet evaluated. SalusError: one is, in another version."""
    for part in parts:
        other = measures.get(part.name, part)
        if other.version != part.version:
            raise SalusError(
                f"measure {measure.name} is made of {part.name} {part.version}, and {other.version} is evaluated"
            )
        if part.name not in measures:
            yield part.name, part


def _made(group: Group, parts: Sequence[_Part]) -> Group:
    """A group with its components found, and the populations that they give it."""
    if group.composite is None:
        return group
    components = tuple(part.component for part in parts)
    populations = tuple(_populations(group.scoring, {each.code for part in parts for each in part.group.criteria}))
    return replace(group, composite=Composite(group.composite.method, components), populations=populations)


def _populations(scoring: str, theirs: set[str]) -> Iterator[Population]:
    """Of a mean of shares those of a continuous variable, else those of a proportion."""
    if scoring == "continuous-variable":
        excluded = ["measure-population-exclusion"] if _LEFT_OUT[0] in theirs else []
        yield from (Population(code, code, "") for code in ("initial-population", "measure-population", *excluded))
        yield Population("measure-observation", "measure-observation", "", "measure-population", "average")
        return
    left_out = [code for code in _LEFT_OUT if code in theirs]
    yield from (Population(code, code, "") for code in ("initial-population", "denominator", *left_out, "numerator"))
