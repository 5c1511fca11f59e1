"""Composite measures: how they are scored, and which groups of which measures they are made of.

    "composed-of" artifacts of the measure, or the components of a group -> components

A composite has no logic of its own: who is where in it follows from the determinations of its components
(`measure.composite`). Leaves to others: finding them (`measure.components`), the rest of a Measure
(`measure.definition`).
Sources: FHIR R4 Measure.compositeScoring; Quality Measure IG, "Composite Measures" (conformance requirements 5.1 to
5.10), its extensions component, compositeScoring, groupId and weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from salus.errors import SalusError
from salus.measure.extensions import Json, code_of, said, values

SCORED_AS: Final[Mapping[str, str]] = {
    "all-or-nothing": "proportion",
    "opportunity": "proportion",
    "linear": "continuous-variable",
    "weighted": "composite",
}
"""The ways to score a composite, and the scoring of a measure that each comes to. `weighted` is of scores, not of
units, and so comes to none but itself."""

OF_CASES: Final = ("opportunity", "weighted")
"""The ways whose units are cases: a person in a component."""


class Component(Struct, frozen=True):
    """A group of a measure in a composite: the measure's address as written and the group's id ("" for the only one),
    and how much it weighs. Once the measure is found, `measure` is its name and `group` always an id.
    """

    address: str
    group: str = ""
    weight: float = 1.0
    measure: str = ""
    falls: bool = False
    """Whether it improves the other way than the composite, so that not to be in its numerator is to meet it."""

    @property
    def key(self) -> str:
        """What tells it from the composite's other components."""
        return f"{self.measure}/{self.group}"

    @property
    def label(self) -> str:
        return f"{self.address}, group {self.group}" if self.group else self.address


class Composite(Struct, frozen=True):
    """How a composite is scored (a key of SCORED_AS), and its components."""

    method: str
    components: tuple[Component, ...]


def is_composite(element: Json) -> bool:
    """Whether a Measure, or a group of one, combines others."""
    kinds = (code_of(element.get("scoring")), said(element, "scoring"))
    return "composite" in kinds or _method(element) is not None or any(values(element, *_COMPONENT))


def composite_of(measure: Json, group: Json, where: str) -> Composite:
    """What a composite Measure or group says. SalusError, which opens with `where`: what it lacks, or must not say."""
    method = _method(group) or _method(measure) or ""
    if method not in SCORED_AS:
        listed = ", ".join(SCORED_AS)
        raise SalusError(f"{where}: composite scoring {method or 'is not given'!r} is not one of {listed}")
    basis = said(group, "populationBasis") or said(measure, "populationBasis") or "boolean"
    if basis not in ("boolean", "Patient"):
        raise SalusError(f"{where}: a composite is of people, and its basis is {basis}")
    components = tuple(_components([*values(group, *_COMPONENT)] or measure.get("relatedArtifact", ()), where))
    if len(components) < 2:
        raise SalusError(f"{where}: a composite has two components or more, and this has {len(components)}")
    return Composite(method, components)


_COMPONENT: Final = ("component", "valueRelatedArtifact")


def _method(element: Json) -> str | None:
    return code_of(element.get("compositeScoring")) or said(element, "compositeScoring")


def _components(artifacts: Iterable[Json], where: str) -> Iterator[Component]:
    for artifact in artifacts:
        if artifact.get("type") == "composed-of":
            address = str(artifact.get("resource") or "")
            if not address:
                raise SalusError(f"{where}: a component without the address of its measure")
            yield Component(address, said(artifact, "groupId") or "", _weight(artifact, f"{where}: {address}"))


def _weight(artifact: Json, where: str) -> float:
    """1 where none is said."""
    weight = next(values(artifact, "weight", "valueDecimal"), 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
        raise SalusError(f"{where} weighs {weight!r}, which is no number from 0 up")
    return float(weight)
