"""The files of the official CQL test suite, read into cases.

Format: https://cql.hl7.org/tests.html and the suite's testSchema.xsd. A case has an expression, and either what it
evaluates to or at which stage it is to be refused. Leaves to others: what the expected text means (`expected`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from salus.errors import SalusError, UsageError

STAGES = ("syntax", "semantic", "execution")
_NAMESPACE = "{http://hl7.org/fhirpath/tests}"
_INVALID = {"true": "any", "1": "any", **{stage: stage for stage in STAGES}}


@dataclass(frozen=True)
class Case:
    """One test. `refused` is the stage at which it has to be refused (`any`: wherever), None when it has a value.

    `strict` is false where the suite lets an implementation relax its checks (`skipStrictCheck`).
    """

    file: str
    group: str
    name: str
    expression: str
    outputs: tuple[str, ...]
    refused: str | None = None
    version: str = ""
    version_to: str = ""
    strict: bool = True
    capabilities: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.file} / {self.group} / {self.name}"


def read_suite(folder: Path) -> list[Case]:
    """The cases of every XML file of a folder (or of one file), in order; SalusError names a file that is none."""
    files = [folder] if folder.is_file() else sorted(folder.glob("*.xml"))
    if not files:
        raise UsageError(f"{folder}: there is no XML file of tests")
    return [case for file in files for case in _cases(file)]


def _cases(file: Path) -> Iterator[Case]:
    try:
        root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, OSError) as error:
        raise SalusError(f"{file}: cannot be read as XML: {error}") from error
    if root.tag != f"{_NAMESPACE}tests":
        raise SalusError(f"{file}: is no file of tests (its root is {root.tag})")
    shared = _capabilities(root)
    for group in root.iter(f"{_NAMESPACE}group"):
        for test in group.iter(f"{_NAMESPACE}test"):
            yield _case(file, group, test, (*shared, *_capabilities(group)))


def _capabilities(element: ElementTree.Element) -> tuple[str, ...]:
    return tuple(found.get("code", "") for found in element.findall(f"{_NAMESPACE}capability"))


def _case(file: Path, group: ElementTree.Element, test: ElementTree.Element, shared: tuple[str, ...]) -> Case:
    expression = test.find(f"{_NAMESPACE}expression")
    if expression is None or not (expression.text or "").strip():
        raise SalusError(f"{file}: test {test.get('name')} has no expression")
    return Case(
        file=file.stem,
        group=group.get("name", ""),
        name=test.get("name", ""),
        expression=expression.text or "",
        outputs=tuple((output.text or "").strip() for output in test.findall(f"{_NAMESPACE}output")),
        refused=_stage(file, test, expression.get("invalid", "false")),
        version=test.get("version", group.get("version", "")),
        version_to=test.get("versionTo", group.get("versionTo", "")),
        strict="true" not in (test.get("skipStrictCheck"), expression.get("skipStrictCheck")),
        capabilities=tuple(dict.fromkeys((*shared, *_capabilities(test)))),
    )


def _stage(file: Path, test: ElementTree.Element, invalid: str) -> str | None:
    if invalid in ("false", "0", ""):
        return None
    if invalid not in _INVALID:
        raise SalusError(f'{file}: test {test.get("name")}: invalid="{invalid}" is not known')
    return _INVALID[invalid]
