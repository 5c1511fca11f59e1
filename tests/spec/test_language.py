"""Every example of the manual, on every engine: what stands in `tests/spec` is what Salus does."""

from __future__ import annotations

import pytest
from answers import differences
from pages import Page, page, paths
from running import ENGINES, answered

SECTIONS = [(each, at) for each in map(page, paths()) for at, section in enumerate(each.sections) if section.cases]


def _id(value: object) -> str:
    return value.name if isinstance(value, Page) else str(value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("page_", "section"), SECTIONS, ids=_id)
def test_the_manual_is_what_the_engines_do(page_: Page, section: int, engine: str) -> None:
    cases = page_.sections[section].cases
    given = answered(page_, section, engine)
    found = [line for case, got in zip(cases, given, strict=True) for line in differences(case, got, engine)]
    if found:
        pytest.fail(f"{page_.path}, on {engine}:\n" + "\n".join(found), pytrace=False)
