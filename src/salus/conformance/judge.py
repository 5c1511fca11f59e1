"""A verdict for every case of the suite: translate, evaluate, compare.

A case that expects a value passes when exactly that value is found; one that expects to be refused passes only when it
is, at the stage it names. Leaves to others: reading cases (`suite`), evaluating (`evaluators`), comparing (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from salus.conformance.compare import difference
from salus.conformance.expected import read_value
from salus.conformance.suite import Case
from salus.conformance.values import Value, told
from salus.errors import SalusError

SPOKEN = (1, 5)
"""The version of CQL that is spoken; what a test says ended before need not pass."""


class Refusal(SalusError):
    """An expression that is refused, at a `stage` of `salus.conformance.suite.STAGES`."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage


class Translator(Protocol):
    """CQL's expression to the object under `library` of an ELM document that defines it as "Test"."""

    def __call__(self, case: Case) -> Mapping[str, Any]: ...


class Evaluator(Protocol):
    """The value of "Test" of a library of ELM. Refusal when its evaluation ends in an error; SalusError when the
    engine does not support something."""

    def __call__(self, library: Mapping[str, Any]) -> Value: ...


@dataclass(frozen=True)
class Verdict:
    """What became of a case: `passed`, `failed` (a wrong answer), `refused` (none), or `ended` (not passed, and no part
    any more of the CQL that is spoken)."""

    case: Case
    outcome: str
    found: str = ""
    why: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self.case), "outcome": self.outcome, "found": self.found, "why": self.why}


def judge(cases: Iterable[Case], translate: Translator, evaluate: Evaluator) -> Iterator[Verdict]:
    """A verdict for each case, in order."""
    for case in cases:
        verdict = _judged(case, translate, evaluate)
        yield verdict if verdict.passed or not _ended(case) else replace(verdict, outcome="ended")


def _ended(case: Case) -> bool:
    return bool(case.version_to) and tuple(map(int, case.version_to.split("."))) < SPOKEN


def _judged(case: Case, translate: Translator, evaluate: Evaluator) -> Verdict:
    try:
        found = evaluate(translate(case))
    except Refusal as refusal:
        return _refused(case, refusal)
    except SalusError as error:
        return Verdict(case, "refused", why=str(error))
    if case.refused is not None:
        return Verdict(case, "failed", told(found), f"expected to be refused ({case.refused}), found {told(found)}")
    said = difference(_expected(case), found) if case.outputs else None
    return Verdict(case, "failed" if said else "passed", told(found), said or "")


def _refused(case: Case, refusal: Refusal) -> Verdict:
    said = f"{refusal.stage}: {refusal}"
    if case.refused is None:
        return Verdict(case, "refused", why=said)
    if case.refused in ("any", refusal.stage):
        return Verdict(case, "passed", why=said)
    return Verdict(case, "failed", why=f"expected to be refused at {case.refused}; {said}")


def _expected(case: Case) -> Value:
    """One output is the value; several are the members of a list."""
    values = tuple(read_value(output) for output in case.outputs)
    return values[0] if len(values) == 1 else values
