"""The pages of docs/ that follow from the code say what the code says today."""

from __future__ import annotations

import pytest

import make_docs


@pytest.mark.parametrize("name", sorted(make_docs.PAGES))
def test_page_is_fresh(name: str) -> None:
    page = (make_docs.DOCS / name).read_text(encoding="utf-8")
    assert page == "\n".join(make_docs.PAGES[name]()) + "\n", "run make docs"
