"""What a FHIR Measure says: its scoring, groups, populations, stratifiers and supplemental data, as frozen
values.

Leaves to others: where its library is (`measure.content`) and what it means for a subject to be in it
(`measure.scoring`).
Sources: FHIR R4 Measure; the Quality Measure IG (http://hl7.org/fhir/us/cqfmeasures) for the extensions on a
measure or a group: scoring, population basis, improvement notation, criteria reference, aggregate method,
applies-to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from msgspec import Struct

from salus.errors import SalusError
from salus.measure.composition import SCORED_AS, Composite, composite_of, is_composite
from salus.measure.extensions import Json, code_of, named, said, text_of, texts

SCORINGS: Final = ("proportion", "ratio", "continuous-variable", "cohort")
OBSERVATIONS: Final = ("measure-observation", "measure-population-observation")
"""Codes of criteria that observe the units of another: the code of FHIR R4, and one that authoring tools write."""
_QUOTED: Final = re.compile(r'"([^"]*)"')
NOT_BY: Final = "https://salus.example/fhir/StructureDefinition/not-by"
"""Salus's own extension of a Measure: an attribute (valueString) that the measure counts itself; once for each."""


class Population(Struct, frozen=True):
    """One population criterion: `code` is a measure-population code, `expression` the name of a define."""

    id: str
    code: str
    expression: str
    criteria_reference: str | None = None
    aggregate_method: str | None = None


class Stratifier(Struct, frozen=True):
    """One stratifier: the defines whose values (more than one for components) say which stratum a unit is
    in.
    """

    id: str
    expressions: tuple[str, ...]
    description: str = ""
    applies_to: tuple[str, ...] = ()
    language: str = ""
    """Set only when it is not CQL: such criteria are not evaluated."""


class SupplementalData(Struct, frozen=True):
    """A define to be told beside the result; `usage` holds `supplemental-data` and/or
    `risk-adjustment-factor`.
    """

    id: str
    expression: str
    usage: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Need:
    """What is to be evaluated of a measure's library: a define or, with `over`, a function of one operand for each
    resource of that define's list. A run can do without what is `optional`, and says so.
    """

    define: str
    over: str | None = None
    optional: bool = field(default=False, compare=False)


class Group(Struct, frozen=True):
    """One rate of a measure.

    `id` is the group's own, else its position from 0; `basis` is `boolean` or a resource type, as declared (what the
    initial population gives decides). A `composite` has no criteria of its own: its populations, which are known when
    its components are, have empty expressions.
    """

    id: str
    scoring: str
    basis: str
    improvement: str | None
    populations: tuple[Population, ...]
    stratifiers: tuple[Stratifier, ...] = ()
    description: str = ""
    composite: Composite | None = None

    def population(self, code: str) -> Population | None:
        """The first population with this code, or None."""
        return next((population for population in self.populations if population.code == code), None)

    @property
    def criteria(self) -> tuple[Population, ...]:
        """The populations that units are in or not: all but the observations."""
        return tuple(population for population in self.populations if population.code not in OBSERVATIONS)


class MeasureDefinition(Struct, frozen=True):
    """A Measure resource.

    `library` is the canonical of its primary library, as written; "" when it names none. `period` is its effective
    period, where it says both days. `not_by` names attributes that the measure counts itself, as one that counts the
    uninsured counts `uninsured` and `payer`: their groups differ by definition, and that is no gap. `written` are the
    criteria that may be CQL expressions rather than names of defines, as `expression` has them, and as they came.
    """

    name: str
    title: str
    version: str | None
    url: str | None
    library: str
    groups: tuple[Group, ...]
    supplemental: tuple[SupplementalData, ...] = ()
    description: str = ""
    rationale: str = ""
    id: str = ""
    period: tuple[date, date] | None = None
    not_by: tuple[str, ...] = ()
    written: tuple[tuple[str, str], ...] = ()

    @property
    def scoring(self) -> str:
        """The scoring of the first group; the others nearly always share it."""
        return self.groups[0].scoring

    @property
    def improvement(self) -> str | None:
        """`increase` (a higher score is better), `decrease`, or None when the measure does not say."""
        return self.groups[0].improvement

    @property
    def canonical(self) -> str:
        """`url|version`, as a MeasureReport names the measure."""
        base = self.url or f"Measure/{self.id or self.name}"
        return f"{base}|{self.version}" if self.version else base

    @property
    def with_logic(self) -> tuple[Group, ...]:
        """The groups that have criteria: all but composites of others."""
        return tuple(group for group in self.groups if group.composite is None)

    def criteria(self) -> tuple[str, ...]:
        """Every define that a population (not an observation) or a stratifier names, once, in order."""
        names = [population.expression for group in self.with_logic for population in group.criteria]
        names += [name for group in self.groups for each in group.stratifiers for name in each.expressions]
        return tuple(dict.fromkeys(names))


def parse_measure(resource: Json) -> MeasureDefinition:
    """Read a Measure resource. Raises SalusError naming the measure and what it lacks."""
    name = str(resource.get("name") or resource.get("id") or resource.get("url") or "")
    if not name:
        raise SalusError("a Measure resource has no name, id or url")
    return MeasureDefinition(
        name=name,
        title=resource.get("title") or name,
        version=resource.get("version"),
        url=resource.get("url"),
        library=next(iter(resource.get("library", ())), ""),
        groups=_groups(resource, name),
        supplemental=tuple(_supplemental(resource)),
        description=resource.get("description", ""),
        rationale=resource.get("rationale", ""),
        id=resource.get("id", ""),
        period=_period(resource.get("effectivePeriod") or {}),
        not_by=tuple(dict.fromkeys(named(resource, NOT_BY))),
        written=tuple(dict.fromkeys(_written(resource))),
    )


def _period(effective: Json) -> tuple[date, date] | None:
    try:
        return date.fromisoformat(effective["start"][:10]), date.fromisoformat(effective["end"][:10])
    except (KeyError, ValueError):
        return None


def _groups(resource: Json, name: str) -> tuple[Group, ...]:
    groups = tuple(_group(resource, group, n, name) for n, group in enumerate(resource.get("group", ())))
    if is_composite(resource) and not any(group.composite for group in groups):
        groups += (_combined(resource, {}, "composite" if groups else "0", f"measure {name}"),)
    if not groups:
        raise SalusError(f"measure {name} has no groups")
    return groups


def _group(measure: Json, group: Json, position: int, name: str) -> Group:
    id_ = group.get("id") or str(position)
    where = f"measure {name}, group {id_}"
    if is_composite(group) or (is_composite(measure) and not said(group, "scoring")):
        return _combined(measure, group, id_, where)
    scoring = said(group, "scoring") or code_of(measure.get("scoring")) or said(measure, "scoring")
    if scoring not in SCORINGS:
        raise SalusError(f"{where}: scoring {scoring or 'is not given'!r} is not one of {', '.join(SCORINGS)}")
    return Group(
        id=id_,
        scoring=scoring,
        basis=said(group, "populationBasis") or said(measure, "populationBasis") or "boolean",
        improvement=_improvement(measure, group),
        populations=tuple(_population(population, where) for population in group.get("population", ())),
        stratifiers=_stratifiers(group),
        description=group.get("description", ""),
    )


def _combined(measure: Json, group: Json, id_: str, where: str) -> Group:
    """A group that is a composite of others."""
    composite = composite_of(measure, group, where)
    return Group(
        id=id_,
        scoring=SCORED_AS[composite.method],
        basis="boolean",
        improvement=_improvement(measure, group),
        populations=(),
        stratifiers=_stratifiers(group),
        description=group.get("description", ""),
        composite=composite,
    )


def _improvement(measure: Json, group: Json) -> str | None:
    return said(group, "improvementNotation") or code_of(measure.get("improvementNotation"))


def _stratifiers(group: Json) -> tuple[Stratifier, ...]:
    return tuple(_stratifier(each, place) for place, each in enumerate(group.get("stratifier", ())))


def _population(population: Json, where: str) -> Population:
    code, expression = code_of(population.get("code")), _expression(population.get("criteria"))
    if not (code and expression):
        raise SalusError(f"{where}: population {population.get('id', '')!r} needs a code and criteria")
    if language := _foreign(population["criteria"]):
        raise SalusError(f"{where}: the criteria of {code} are {language}, and populations are told by CQL")
    return Population(
        id=population.get("id") or code,
        code=code,
        expression=expression,
        criteria_reference=said(population, "criteriaReference"),
        aggregate_method=said(population, "aggregateMethod"),
    )


def _stratifier(stratifier: Json, position: int) -> Stratifier:
    criteria = [
        stratifier.get("criteria"),
        *(part.get("criteria") for part in stratifier.get("component", ())),
    ]
    return Stratifier(
        id=stratifier.get("id") or text_of(stratifier.get("code")) or str(position),
        expressions=tuple(filter(None, map(_expression, criteria))),
        description=stratifier.get("description", "").strip(),
        applies_to=tuple(texts(stratifier, "appliesTo")),
        language=next(filter(None, map(_foreign, criteria)), ""),
    )


def _supplemental(resource: Json) -> Iterator[SupplementalData]:
    for position, item in enumerate(resource.get("supplementalData", ())):
        expression = _expression(item.get("criteria"))
        if expression and not _foreign(item["criteria"]):
            yield SupplementalData(
                id=item.get("id") or text_of(item.get("code")) or str(position),
                expression=expression,
                usage=tuple(filter(None, map(code_of, item.get("usage", ())))),
                description=item.get("description", ""),
            )


def _expression(criteria: Json | None) -> str | None:
    """The name of a define, without the quotes that a criterion may put around it; an expression in one line."""
    text = " ".join(str((criteria or {}).get("expression") or "").split())
    return (_QUOTED.sub(r"\1", text) if _QUOTED.fullmatch(text) else text) or None


def _written(part: Any) -> Iterator[tuple[str, str]]:
    """Every criterion in a Measure that is said to be CQL and not said to be a name, however deep."""
    if isinstance(part, list):
        for each in part:
            yield from _written(each)
    elif isinstance(part, Mapping):
        name, language = _expression(part), str(part.get("language") or "")
        if name and "cql" in language and not language.endswith(("identifier", "name")):
            yield name, str(part["expression"]).strip()
        for key in ("group", "population", "stratifier", "component", "supplementalData", "criteria"):
            yield from _written(part.get(key))


def _foreign(criteria: Json | None) -> str:
    """The language of a criterion that is not CQL, else ""."""
    language = str((criteria or {}).get("language") or "")
    return "" if "cql" in language else language
