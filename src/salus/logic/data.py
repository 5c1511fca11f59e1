"""What the compiler may ask about the population it compiles for.

Plans are made for the data at hand: an element that no resource has is null at compile time, dates that are all exact
need one comparison instead of two, a code becomes the ids it has in the population's dictionary. `Data` is the
question; `salus.engine` answers it from a population file.
"""

from __future__ import annotations

from typing import Literal, Protocol

Fact = Literal["absent", "ranged", "exact"]
Codes = frozenset[tuple[str, str]]
Equal = tuple[tuple[str, str], ...]
"""Columns, and the text in each."""


class Data(Protocol):
    """Facts about one population."""

    def has_table(self, name: str) -> bool:
        """Whether any row of the table exists (`Observation`, `Encounter.diagnosis`)."""
        ...

    def fact(self, table: str, column: str) -> Fact:
        """Whether any row has the column, and for dates whether all are exact; the column is noted as needed."""
        ...

    def concept_ids(self, codes: Codes) -> frozenset[int]:
        """Ids of the dictionary's concepts that have one of the (system, code) pairs."""
        ...

    def concept_list_ids(self, codes: Codes) -> frozenset[int]:
        """Ids of the dictionary's lists of concepts in which one has one of the pairs."""
        ...

    def units(self, table: str, column: str) -> frozenset[str]:
        """The distinct texts of a unit column."""
        ...

    def has_backwards(self, table: str, path: str) -> bool:
        """Whether any row's period at `path` (`period`, or '' for a row that is a period) ends before it starts."""
        ...

    def increases(self, table: str, column: str, equal: Equal) -> bool:
        """Whether a number is greater in each row than in those before it, of the rows whose columns are `equal` to
        texts: then it stands in no two of them. False where that is not known."""
        ...

    def has_ownerless(self, table: str) -> bool:
        """Whether a resource of a type that belongs to patients belongs to none (an observation about a place, or one
        that says not whose it is)."""
        ...
