"""One evaluation of a table: measures and rows in, the same results folder as any run out.

Leaves to others: criteria and rows (`measure.table`), writing (`measure.run`), the folder (`measure.folder`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from salus.errors import SalusError
from salus.measure.attributes import absent, attributes_table
from salus.measure.content import pinned, sha256
from salus.measure.folder import check_replaceable, results_folder
from salus.measure.report import Occasion
from salus.measure.run import Evaluation, Job
from salus.measure.select import select_measures
from salus.measure.supported import check_supported
from salus.measure.table import Rows, TableMeasure, evaluated, opened, table_measures
from salus.measure.written import Evaluated, about_measure, about_software, write_determinations, write_reports


def evaluate_table(job: Job, started: datetime) -> Evaluation:
    """Evaluate measures of a table (`job.population`) and write `job.out`.

    Raises SalusError (nothing is written then) or UsageError.
    """
    check_replaceable(job.out)
    chosen, notes = _chosen(job)
    done, attributes = [], None
    with opened(job.population) as con:
        size = con.table("whole").shape[0]
        for measure in chosen:
            rows = Rows(con, measure, job.period)
            done.append(evaluated(measure, rows))
            attributes = _together(attributes, rows.attributes(), measure)
    subjects: Any = attributes["subject_id"].combine_chunks() if attributes is not None else pa.array([], pa.string())
    with results_folder(job.out) as folder:
        write_determinations(folder, done)
        table = attributes_table(subjects, attributes, [])
        notes += absent([each.measure for each in done], table)
        pq.write_table(table, folder / "attributes.parquet", compression="zstd")
        reports = write_reports(folder, done, Occasion(*job.period, started), individual=False)
        run = _about(job, chosen, done, started, notes, size, len(subjects))
        (folder / "run.json").write_bytes(orjson.dumps(run, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return Evaluation(job.out, tuple(reports), tuple(notes), {})


def _chosen(job: Job) -> tuple[list[TableMeasure], list[str]]:
    there = table_measures(job.content)
    if not there:
        raise SalusError(f"there is no measure of a table in {', '.join(map(str, job.content))}")
    found, notes = select_measures([each.definition for each in there], job.measures)
    check_supported(found)
    return [next(each for each in there if each.definition is one) for one in found], notes


def _together(before: pa.Table | None, more: pa.Table, measure: TableMeasure) -> pa.Table:
    """The attributes of all measures. Raises SalusError where they are of other subjects."""
    more = more.sort_by("subject_id")
    if before is None:
        return more
    if before["subject_id"] != more["subject_id"]:
        raise SalusError(
            f"{measure.where} is about other subjects of the table than the measures before; evaluate it alone"
        )
    for name in more.column_names:
        if name not in before.column_names:
            before = before.append_column(name, more[name])
    return before


def _about(
    job: Job,
    chosen: list[TableMeasure],
    done: list[Evaluated],
    started: datetime,
    notes: list[str],
    size: int,
    subjects: int,
) -> dict[str, Any]:
    return {
        **about_software(started),
        "engine": "table",
        "period": {"start": job.period[0].isoformat(), "end": job.period[1].isoformat()},
        "measures": [about_measure(each) for each in done],
        "missing_valuesets": [],
        "content": {"paths": list(map(str, job.content)), "measures": _hashes(chosen)},
        "population": {
            "path": str(job.population),
            "patients": subjects,
            "resources": {"rows": size},
            "quarantined": 0,
        },
        "timings": {},
        "warnings": notes,
    }


def _hashes(chosen: list[TableMeasure]) -> dict[str, str]:
    """What exactly was used: of a measure of a table, what its file says of it."""
    return {pinned(each.definition.name, each.definition.version): sha256(each.source) for each in chosen}
