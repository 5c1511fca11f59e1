"""Which measures of the content a run evaluates, from the names a person typed.

Leaves to others: everything else. A name that fits nothing, or more than one measure, is an error that says
what is there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from salus.errors import UsageError
from salus.measure.definition import MeasureDefinition
from salus.terminology.versions import split_canonical, version_key


def select_measures(
    measures: Sequence[MeasureDefinition], names: Sequence[str] = ()
) -> tuple[list[MeasureDefinition], list[str]]:
    """The measures that `names` ask for (all without names), one version of each, and warnings about
    versions left out.

    A name may be a measure's name, title, id or url, with `|version` or not, in any case; or the start of
    exactly one name.
    """
    if not names:
        return _newest(measures)
    chosen, warnings = [], []
    for name in names:
        found, notes = _newest(_matches(measures, name))
        if len(found) != 1:
            raise UsageError(_complaint(name, found, measures))
        chosen += [measure for measure in found if measure not in chosen]
        warnings += notes
    if len({measure.name for measure in chosen}) < len(chosen):
        raise UsageError("one version of a measure can be evaluated at a time")
    return chosen, warnings


def _matches(measures: Iterable[MeasureDefinition], asked: str) -> list[MeasureDefinition]:
    name, version = split_canonical(asked)
    wanted = name.casefold()
    there = [measure for measure in measures if version in (None, measure.version)]
    exact = [measure for measure in there if wanted in _names(measure)]
    return exact or [measure for measure in there if measure.name.casefold().startswith(wanted)]


def _newest(measures: Iterable[MeasureDefinition]) -> tuple[list[MeasureDefinition], list[str]]:
    versions: dict[str, list[MeasureDefinition]] = {}
    for measure in measures:
        versions.setdefault(measure.name, []).append(measure)
    newest = [max(group, key=lambda measure: version_key(measure.version)) for group in versions.values()]
    notes = [
        f"the content has {len(versions[measure.name])} versions of {measure.name}; {measure.version} is evaluated"
        for measure in newest
        if len(versions[measure.name]) > 1
    ]
    return newest, notes


def _names(measure: MeasureDefinition) -> set[str]:
    return {text.casefold() for text in (measure.name, measure.title, measure.id, measure.url) if text}


def _complaint(name: str, found: Sequence[MeasureDefinition], measures: Sequence[MeasureDefinition]) -> str:
    if found:
        return f"{name!r} fits more than one measure: {', '.join(measure.name for measure in found)}"
    spellings = {text: measure.name for measure in measures for text in _names(measure)}
    near = difflib.get_close_matches(name.casefold(), spellings, n=3, cutoff=0.5)
    names = list(dict.fromkeys(spellings[text] for text in near))
    hint = f"; did you mean {' or '.join(names)}?" if names else _listing(measures)
    return f"there is no measure {name!r} in the content{hint}"


def _listing(measures: Sequence[MeasureDefinition]) -> str:
    names = sorted({measure.name for measure in measures})
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f", which has {', '.join(names[:5])}{more}" if names else ", which has no measures"
