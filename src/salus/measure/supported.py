"""What a measure must say, and must not, for Salus to evaluate it: checked before anything is.

Leaves to others: what the populations of a scoring mean (`measure.flow`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from salus.errors import SalusError
from salus.measure.definition import Group, MeasureDefinition
from salus.measure.flow import PERMITTED, REQUIRED, column_of
from salus.measure.observations import METHODS, observations


def check_supported(measures: Sequence[MeasureDefinition]) -> None:
    """Raise one SalusError that names every measure and group that says something it must not or Salus cannot do."""
    problems = [
        f"{measure.name}, group {group.id}: {problem}"
        for measure in measures
        for group in measure.with_logic
        for problem in _problems(group)
    ]
    if problems:
        raise SalusError("not supported: " + "; ".join(problems))


def _problems(group: Group) -> Iterator[str]:
    codes = [population.code for population in group.criteria]
    if lacking := [code for code in REQUIRED[group.scoring] if code not in codes]:
        yield f"a {group.scoring} without {' and '.join(lacking)}"
    if other := [code for code in codes if column_of(code) not in PERMITTED[group.scoring]]:
        yield f"{' and '.join(other)} in a {group.scoring}"
    once = [code for code in codes if not (group.scoring == "ratio" and code == "initial-population")]
    if len(set(once)) < len(once):
        yield "two criteria for one population"
    if group.scoring in ("proportion", "cohort") and len(codes) < len(group.populations):
        yield f"measure-observation in a {group.scoring}"
    for each in observations(group):
        if each.method and each.method not in METHODS.values():
            yield f"aggregate method {each.method!r}"
    for stratifier in group.stratifiers:
        if stratifier.language:
            yield f"stratifier {stratifier.id} in {stratifier.language}"
