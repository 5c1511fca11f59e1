"""The conformance page says how many cases are exact and names every miss; a bar in a text does not break its table."""

from __future__ import annotations

from dataclasses import dataclass

import conformance


@dataclass
class Case:
    deck: str
    patient: str
    about: str


@dataclass
class Verdict:
    case: Case
    differences: tuple[str, ...] = ()
    problem: str = ""

    @property
    def exact(self) -> bool:
        return not (self.differences or self.problem)


def test_the_page_counts_and_names_the_misses() -> None:
    verdicts = [
        Verdict(Case("A", "ada", "fine")),
        Verdict(Case("A", "bob", "a | b"), ("group 0 numerator: expected 1, found 0",)),
        Verdict(Case("B", "cy", "stopped"), problem="a library is missing"),
    ]
    lines = list(conformance.page(verdicts, "duckdb"))  # type: ignore[arg-type]
    assert "1 of 3 cases (33.33%) are exact on `duckdb`:" in lines
    assert "| A | 2 | 1 |" in lines
    assert "| A | bob | a \\| b | group 0 numerator: expected 1, found 0 |" in lines
    assert "| B | cy | stopped | a library is missing |" in lines


def test_without_misses_there_is_no_table_of_them() -> None:
    assert not any("Misses" in line for line in conformance.page([Verdict(Case("A", "ada", ""))], "duckdb"))  # type: ignore[list-item]
