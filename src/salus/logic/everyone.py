"""What stands in no patient's context, as relations of one patient.

The one value of an unfiltered define is computed in the row of the first patient, to whom all records belong meanwhile;
other frames read that row. Leaves to others: compiling (`compiler`), and that a population is not divided then
(`salus.engine.partitions`). Source: CQL 1.5, Author's Guide, "Context".
"""

from __future__ import annotations

from salus.logic import frame as frames
from salus.logic.expr import Const
from salus.logic.frame import Frame, Link, Rows
from salus.logic.relation import Select

ONE = Const(1)
"""The patient in whose row there is what is everyone's; patients are numbered from 1."""


def pool(frame: Frame) -> None:
    """Give all rows of a list, whosever they are, to the one patient."""
    frame.reach(frame.pid)
    inner = frame.select
    frame.select = Select()
    frame.select.join("from", inner)
    frame.pid = inner.col(ONE)
    frame.link = Link(frame.pid)


def for_each(rows: Rows, here: Frame) -> Rows:
    """A list that is everyone's, as each patient's own."""
    rows.frame.link = Link(rows.link.inner, ONE)
    frames.anchor(rows)
    rows.frame.pid = rows.frame.reach(here.pid)
    return rows
