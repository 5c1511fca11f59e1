"""One subject explained: every criterion of every group for each of their units, from the oracle's own evaluation.

    the run's ground -> the patient's records -> the oracle's values -> membership -> findings, reasons, source

The determinations of the run are read beside it; where the two do not say the same, the explanation says so first.
Leaves to others: files (`opened`), following criteria (`walk`), showing (`cli`, `publish`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from salus.elm.library import Library
from salus.elm.narrative import Narrative
from salus.engine import oracle
from salus.engine.asked import Wanted
from salus.engine.oracle.elements import Element, is_resource
from salus.engine.oracle.records import Patients
from salus.engine.oracle.shapes import table_of
from salus.errors import UsageError
from salus.measure.definition import Group, Need
from salus.measure.explain.model import Criterion, Explanation, GroupStory, Unit
from salus.measure.explain.opened import Ground
from salus.measure.explain.painted import definitions
from salus.measure.explain.reasons import reasons, standing
from salus.measure.explain.shown import record
from salus.measure.explain.sieve import Remembering, Sieve
from salus.measure.explain.walk import Walk
from salus.measure.flow import POPULATIONS, column_of
from salus.measure.needs import needs
from salus.measure.scoring import determine

Json = Mapping[str, Any]
_COMPARED = (*POPULATIONS, "observations")


def explain_subject(ground: Ground, subject: str, unit: str | None = None) -> Explanation:
    """Why a subject (Patient.id) is where it is in each group; of one unit (a resource's id) when it is given.

    UsageError: the results have no such subject, or the subject no such resource.
    """
    stored = _stored(ground, subject)
    if not stored:
        raise UsageError(f"there is no subject {subject!r} in the results for {ground.measure.name}")
    case = _case(ground, subject)
    groups = tuple(case.story(group, stored, unit) for group in ground.measure.groups)
    if unit is not None and not any(group.units for group in groups):
        raise UsageError(f"subject {subject!r} has no resource {unit!r} that could be counted")
    found = [c.finding for group in groups for each in group.units for c in each.criteria]
    wanted = [(part.library, part.define) for each in found for part in each.everything()]
    libraries, trace = case.setting.includes.opened(), case.trace
    return Explanation(
        ground.measure.name,
        ground.measure.title,
        ground.measure.version or "",
        subject,
        (ground.period[0].isoformat(), ground.period[1].isoformat()),
        ground.changes(),
        groups,
        tuple(definitions(wanted, libraries, case.walk.narrative, trace)),
    )


def _stored(ground: Ground, subject: str) -> list[Json]:
    """The subject's rows in the determinations."""
    query = "SELECT * FROM read_parquet($file) WHERE measure = $measure AND subject_id = $subject"
    given = {"file": str(ground.determinations), "measure": ground.measure.name, "subject": subject}
    with duckdb.connect() as con:
        rows: list[Json] = con.sql(query, params=given).to_arrow_table().to_pylist()
    return rows


def _case(ground: Ground, subject: str) -> _Case:
    row = ground.population.con.execute("SELECT pid FROM patient WHERE id = ?", [subject]).fetchone()
    if row is None:
        raise UsageError(f"there is no patient {subject!r} in the population; it is not the one of the run")
    records = Patients(ground.population, only=row[0]).of(row[0], subject)
    setting, trace = oracle.setting(ground.content, ground.period), oracle.Trace()
    oracle.look_after(setting, lambda: Patients(ground.population))
    interpreter = Remembering(setting, records, trace)
    library = setting.includes.open(ground.library.name, ground.library.version, "the run")
    walk = Walk(Sieve(interpreter), Narrative(ground.content.cql))
    return _Case(ground, setting, interpreter, trace, library, walk, subject)


@dataclass(frozen=True)
class _Case:
    """One subject under the oracle."""

    ground: Ground
    setting: oracle.Setting
    interpreter: oracle.Interpreter
    trace: oracle.Trace
    library: Library
    walk: Walk
    subject: str

    def story(self, group: Group, stored: list[Json], unit: str | None) -> GroupStory:
        rows = self._determined(group)
        there = {row["unit_id"]: row for row in stored if row["group_id"] == group.id}
        units = [self._unit(group, row, there.get(row["unit_id"])) for row in rows if unit in (None, row["unit_id"])]
        if unit is not None and not units:
            units = list(self._outside(group, rows, unit))
        units += [
            self._lost(row) for name, row in there.items() if name not in {r["unit_id"] for r in rows} and not unit
        ]
        return GroupStory(group.id, group.description, group.scoring, tuple(units))

    def _determined(self, group: Group) -> list[Json]:
        """The subject's determinations by the oracle, as the run would have written them."""
        elm = self.ground.content.library(self.library.name, self.library.version, self.ground.measure.name)
        values = {need: self._table(need) for need in needs(self.ground.measure, elm) if not need.optional}
        subjects = pa.array([self.subject], pa.string())
        rows: list[Json] = determine(self.ground.measure, group, subjects, values).to_pylist()
        return rows

    def _table(self, need: Need) -> pa.Table:
        want = Wanted(self.library.name, self.library.version, need.define, need.over)
        value = oracle.value_of(self.interpreter, self.library, want)
        return table_of([(1, value)], over=need.over is not None)

    def _unit(self, group: Group, row: Json, stored: Json | None) -> Unit:
        element = self._element(group, row["unit_id"])
        criteria = self._criteria(group, element, row)
        difference = _difference(row, stored)
        observed = tuple(row["observations"] or ())
        return Unit(
            row["unit_id"], record(element) if element else None, criteria, observed, not difference, difference
        )

    def _lost(self, stored: Json) -> Unit:
        """A unit that the determinations have and the oracle does not."""
        return Unit(stored["unit_id"], None, (), (), False, "the oracle does not find it in the initial population")

    def _outside(self, group: Group, rows: list[Json], unit: str) -> Iterator[Unit]:
        """A resource of the subject's that is no unit: why not."""
        there = [each for found in self.interpreter.records.by_type.values() for each in found]
        for element in (each for each in there if each.json.get("id") == unit):
            none = {name: None if rows[0][name] is None else False for name in POPULATIONS}
            criteria = self._criteria(group, element, none)
            yield Unit(unit, record(element), criteria, (), True)

    def _element(self, group: Group, unit: str) -> Element | None:
        """The resource that a unit is; None on patient basis and for a patient without units."""
        for population in group.criteria:
            value = self.interpreter.define(self.library, self.library.closest(population.expression))
            for each in value if isinstance(value, list) and population.code == "initial-population" else ():
                if is_resource(each) and each.json.get("id") == unit:
                    found: Element = each
                    return found
        return None

    def _criteria(self, group: Group, unit: Element | None, row: Json) -> tuple[Criterion, ...]:
        made: list[Criterion] = []
        for population in group.criteria:
            define = self.library.closest(population.expression)
            walk = self.walk.knowing(self.library, [each.expression for each in made if each.expression != define])
            finding = walk.criterion(self.library, define, unit)
            told, why = standing(population.code, group.scoring, finding.truth, row), reasons(finding)
            member = bool(row[column_of(population.code)])
            made.append(Criterion(population.code, population.expression, finding.truth, member, told, why, finding))
        return tuple(made)


def _difference(row: Json, stored: Json | None) -> str:
    """Where the determinations of the run say something else, in words."""
    if stored is None:
        return "the determinations do not have this unit"
    other = [name for name in _COMPARED if not _alike(row[name], stored[name])]
    return (
        f"the determinations say otherwise of: {', '.join(name.replace('_', ' ') for name in other)}" if other else ""
    )


def _alike(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        pairs = zip(ours, theirs, strict=False)
        close = all(a == b or (a is not None and b is not None and abs(a - b) <= 1e-6) for a, b in pairs)
        return len(ours) == len(theirs) and close
    return bool(ours == theirs) or (ours in (None, []) and theirs in (None, []))
