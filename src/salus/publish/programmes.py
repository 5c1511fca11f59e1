"""Programmes over the same rows, solved again and again for other goals: least cost within bounds.

A solver is kept with its rows, so that each programme begins where the one before it ended. Deterministic: one thread,
no clock. Leaves to others: what the rows mean (`suppress`). The attacker has none of this (`attack`).
"""

from __future__ import annotations

from collections.abc import Sequence

import highspy
import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array

Floats = npt.NDArray[np.float64]

_STATUS = highspy.HighsModelStatus
_FEASIBLE = int(highspy.SolutionStatus.kSolutionStatusFeasible)
_OPTIONS: dict[str, bool | int | str] = {"output_flag": False, "threads": 1, "parallel": "off"}


class Rows:
    """Linear rows with a least and a most, gathered one by one."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.values: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, terms: dict[int, float], low: float, high: float) -> None:
        """One row: coefficients by column."""
        self.rows += [len(self.low)] * len(terms)
        self.columns += list(terms)
        self.values += list(terms.values())
        self.low.append(low)
        self.high.append(high)

    def block(self, other: Rows, at: int) -> None:
        """Other rows once more, their columns moved by `at`."""
        self.rows += [row + len(self.low) for row in other.rows]
        self.columns += [column + at for column in other.columns]
        self.values += other.values
        self.low += other.low
        self.high += other.high


class Programme:
    """The rows over so many columns; those at `whole` take whole numbers. `nodes` ends the search for those."""

    def __init__(self, rows: Rows, columns: int, whole: Sequence[int] = (), nodes: int | None = None) -> None:
        self._every = np.arange(columns, dtype=np.int32)
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (_OPTIONS | ({} if nodes is None else {"mip_max_nodes": nodes})).items():
            self._solver.setOptionValue(name, value)
        self._solver.passModel(_model(rows, columns))
        if whole:
            kind = np.full(len(whole), int(highspy.HighsVarType.kInteger), dtype=np.uint8)
            self._solver.changeColsIntegrality(len(whole), np.array(whole, dtype=np.int32), kind)

    def least(self, cost: Floats, low: Floats, high: Floats) -> Floats | None:
        """The columns where they cost least; None where nothing fits the rows and bounds, or none was found."""
        if (low > high).any():
            return None
        self._solver.changeColsBounds(len(low), self._every, low, high)
        self._solver.changeColsCost(len(cost), self._every, cost)
        self._solver.run()
        return np.array(self._solver.getSolution().col_value) if self._found() else None

    def _found(self) -> bool:
        ended = self._solver.getModelStatus() in (_STATUS.kOptimal, _STATUS.kSolutionLimit)
        return ended and self._solver.getInfo().primal_solution_status == _FEASIBLE


def _model(rows: Rows, columns: int) -> highspy.HighsLp:
    matrix = csc_array((rows.values, (rows.rows, rows.columns)), shape=(len(rows.low), columns))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, len(rows.low)
    model.col_cost_ = model.col_lower_ = model.col_upper_ = np.zeros(columns)
    model.row_lower_, model.row_upper_ = np.array(rows.low), np.array(rows.high)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    return model
