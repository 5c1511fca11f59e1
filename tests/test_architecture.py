"""The shape of the code, as rules: imports point one way, files are short, modules say what they are for.

The order of packages is the order in which data passes them; a package may use itself and those before it.
Every rule is also shown to fail on a tree that breaks it, so that a green test means something.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src/salus"
ORDER = (
    *("fhir", "elm", "cql", "terminology", "store", "logic", "engine", "measure"),
    *("equity", "act", "learn", "publish", "catalog", "mission", "conformance", "cli"),
)
RANK = {name: rank for rank, name in enumerate(ORDER)}
RANK["web"] = RANK["cli"]  # two doors, side by side
RANK["api"] = RANK["cli"] + 1  # the door of Python, which uses what the commands use; `salus/__init__` opens it late
FREE = {"cache", "errors", "files"}  # anyone may use these; they use nothing of Salus
LONGEST_FILE = 800
SHORT_MODULE = 20  # lines up to which a module need not introduce itself


def modules(root: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Every module below `root` (the `salus` package) with its dotted name in parts, `salus` first."""
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield path, ("salus", *(parts[:-1] if parts[-1] == "__init__" else parts))


def imported(path: Path, name: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and dotted name of everything of Salus that a module imports, wherever in it the import stands."""
    package = name if path.name == "__init__.py" else name[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            targets = [(*module, alias.name) for alias in node.names]
        else:
            continue
        yield from ((node.lineno, target) for target in targets if target[0] == "salus")


def forbidden(importer: str | None, target: tuple[str, ...]) -> str | None:
    """Why `importer` (a part of Salus; None: its `__init__`) may not import `target`, or None."""
    used = target[1] if len(target) > 1 else None
    if used is None or used in FREE or used not in RANK:  # `salus` itself, or a name in its __init__
        return None
    if importer is None and used == "api":
        return None
    if importer not in RANK:
        return f"{importer or 'salus/__init__'} may import nothing of Salus, but imports {used}"
    return f"{importer} comes before {used} and may not import it" if RANK[used] > RANK[importer] else None


def wrong_imports(root: Path) -> list[str]:
    found = []
    for path, name in modules(root):
        importer = name[1] if len(name) > 1 else None
        for line, target in imported(path, name):
            if why := forbidden(importer, target):
                found.append(f"{path.relative_to(root)}:{line}: {why}")
    return found


def unknown_packages(root: Path) -> list[str]:
    tops = {name[1] for _, name in modules(root) if len(name) > 1}
    return [f"{top}: not in the order of packages" for top in sorted(tops - RANK.keys() - FREE)]


def silent_modules(root: Path) -> list[str]:
    found = []
    for path, _ in modules(root):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > SHORT_MODULE and not ast.get_docstring(ast.parse(text)):
            found.append(f"{path.relative_to(root)}: does not say what it is for")
    return found


def long_files(root: Path) -> list[str]:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path, _ in modules(root)}
    return [f"{path.relative_to(root)}: {n} lines" for path, n in lengths.items() if n > LONGEST_FILE]


Rule = Callable[[Path], list[str]]
RULES: list[Rule] = [wrong_imports, unknown_packages, silent_modules, long_files]


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    assert rule(SOURCE) == []


VIOLATIONS = [
    (wrong_imports, "fhir/a.py", "from salus.store import load\n", "fhir comes before store"),
    (wrong_imports, "fhir/a.py", "import salus.cli.main\n", "fhir comes before cli"),
    (wrong_imports, "fhir/a.py", "from ..engine import run\n", "fhir comes before engine"),
    (wrong_imports, "logic/deep/a.py", "from salus import engine\n", "logic comes before engine"),
    (
        wrong_imports,
        "equity/__init__.py",
        "def late():\n    from ..publish import html\n",
        "equity comes before publish",
    ),
    (wrong_imports, "errors.py", "from salus.fhir import model\n", "errors may import nothing"),
    (wrong_imports, "__init__.py", "from salus.store import load\n", "may import nothing"),
    (unknown_packages, "helpers/a.py", "x = 1\n", "helpers: not in the order"),
    (silent_modules, "fhir/a.py", "x = 1\n" * 21, "does not say what it is for"),
    (long_files, "fhir/a.py", "x = 1\n" * 801, "801 lines"),
]


@pytest.mark.parametrize(("rule", "path", "text", "complaint"), VIOLATIONS)
def test_the_rule_can_fail(tmp_path: Path, rule: Rule, path: str, text: str, complaint: str) -> None:
    module = tmp_path / path
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text(text, encoding="utf-8")
    (found,) = rule(tmp_path)
    assert complaint in found


@pytest.mark.parametrize(
    "text",
    [
        "from salus.fhir import model\n",
        "from . import sql\n",
        "from salus.errors import SalusError\n",
        "import salus\n",
        "from salus import __version__\n",
        "import json\n",
        "from ..elm.nodes import Node\n",
    ],
)
def test_what_is_allowed_is_not_complained_of(tmp_path: Path, text: str) -> None:
    (tmp_path / "logic").mkdir()
    (tmp_path / "logic/a.py").write_text(text, encoding="utf-8")
    assert [complaint for rule in RULES for complaint in rule(tmp_path)] == []
