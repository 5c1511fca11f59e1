"""The pages of docs/ that follow from the code say what the code says today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SPEC = importlib.util.spec_from_file_location("make_docs", SCRIPTS / "make_docs.py")
assert SPEC
assert SPEC.loader
make_docs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_docs)


@pytest.mark.parametrize("name", sorted(make_docs.PAGES))
def test_page_is_fresh(name: str) -> None:
    page = (make_docs.DOCS / name).read_text(encoding="utf-8")
    assert page == "\n".join(make_docs.PAGES[name]()) + "\n", "run make docs"
