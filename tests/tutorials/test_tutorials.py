"""Every tutorial does what it says; and the runner that says so can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

import tutorials

PAGES = Path(__file__).resolve().parent.parent.parent / "docs/tutorials"


@pytest.mark.parametrize("page", sorted([*PAGES.glob("*.md"), *PAGES.glob("*.ipynb")]), ids=lambda page: page.name)
def test_tutorial(page: Path, tmp_path: Path) -> None:
    assert list(tutorials.blocks(page))
    tutorials.run(page, tmp_path)


def written(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


GOOD = """
```toml file=a.toml
x = 1
```
```toml append=a.toml
y = 2
```
```console
$ cat a.toml && \\
  echo "done   in 3 s"
x = 1
done in ... s
```
```python
from pathlib import Path
kept = Path("a.toml").read_text()
print(kept)
```
```text
y = ...
```
"""


def test_a_page_that_holds(tmp_path: Path) -> None:
    assert tutorials.run(written(tmp_path, GOOD), tmp_path)["kept"] == "x = 1\ny = 2\n"


WRONG = {
    "page.md:2: $ echo a": "\n```console\n$ echo a\nb\n```\n",
    "this did not come out: b": "\n```console\n$ printf 'b\\na\\n'\na\nb\n```\n",
    "page.md:1: $ false": "```console\n$ false\n```\n",
    "did not come out: 2": "```python\nprint(1)\n```\n```text\n2\n```\n",
}


@pytest.mark.parametrize(("said", "text"), WRONG.items())
def test_a_page_that_does_not_hold_is_named(tmp_path: Path, said: str, text: str) -> None:
    with pytest.raises(AssertionError) as caught:
        tutorials.run(written(tmp_path, text), tmp_path)
    assert said in str(caught.value)
