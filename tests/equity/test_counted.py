"""What a measure counts itself is no gap: in the tables, the report and a release."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_results import planted
from rich.console import Console

from salus.cli.equity import equity_command
from salus.equity import multiple
from salus.equity.compare import COUNTED, equity_table
from salus.equity.gaps import gap_table
from salus.equity.results import Results
from salus.errors import SalusError
from salus.publish.policy import PROFILES
from salus.publish.release import Order, publish
from salus.publish.report import Options, render

OWN = ("payer", "uninsured")
CROSSED = ("uninsured", "sex")


def says(folder: Path, not_by: Any) -> Path:
    """The results, whose BloodPressure counts some attributes itself."""
    run = json.loads((folder / "run.json").read_text())
    run["measures"][0]["not_by"] = not_by
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return says(planted(tmp_path_factory.mktemp("counted"), people=3000), OWN)


def test_groups_keep_their_figures_and_are_not_tested(folder: Path) -> None:
    table = equity_table(Results.open(folder), (), None, [CROSSED])
    mine = [row for row in table.to_pylist() if row["measure"] == "BloodPressure"]
    own = [row for row in mine if set(row["attribute"].split(" × ")) & {*OWN}]
    assert {row["attribute"] for row in own} == {*OWN, "uninsured × sex"}
    assert {row["verdict"] for row in own if row["denominator"]} == {COUNTED}
    assert {row["q"] for row in own} == {row["people"] for row in own} == {row["adjusted"] for row in own} == {None}
    (uninsured,) = (row for row in own if (row["attribute"], row["value"]) == ("uninsured", "yes"))
    assert uninsured["difference"] < uninsured["difference_high"] < 0
    assert COUNTED not in {row["verdict"] for row in mine if row not in own}


def test_they_are_no_discoveries_that_others_are_measured_against(folder: Path) -> None:
    table = equity_table(Results.open(folder), OWN)
    p, q = (table[name].to_numpy(zero_copy_only=False).astype(float) for name in ("p", "q"))
    assert set(np.array(table["measure"].to_pylist())[~np.isnan(p)]) == {"PoorGlucose"}
    np.testing.assert_allclose(q, multiple.benjamini_hochberg(p))


def test_no_list_or_further_table_has_them(folder: Path) -> None:
    gaps = gap_table(equity_table(Results.open(folder))).to_pylist()
    about = {(row["measure"], row["attribute"]) for row in gaps}
    assert ("PoorGlucose", "uninsured") in about
    assert not about & {("BloodPressure", name) for name in OWN}
    console = Console(file=StringIO())
    equity_command(folder, OWN, cross=["payer,sex"], site="payer", console=console)
    for name in ("inequality", "crossings", "sites"):
        rows = pq.read_table(folder / f"{name}.parquet").to_pylist()
        assert {row["measure"] for row in rows} == {"PoorGlucose"}, name


def test_report_and_release_make_no_gap_of_them(folder: Path, tmp_path: Path) -> None:
    results = Results.open(folder)
    options = Options(("uninsured",), threshold=1)
    silent = {name: replace(info, not_by=()) for name, info in results.measures.items()}
    claim = "more people would have met the measure"
    assert claim in render(replace(results, measures=silent), options)
    page = render(results, options)
    assert COUNTED in page
    assert claim not in page
    publish(results, tmp_path / "out", Order(("uninsured",), policy=PROFILES["cms11"]))
    released = pq.read_table(tmp_path / "out/equity.parquet")
    told = {(row["measure"], row["value"]): row["verdict"] for row in released.to_pylist()}
    assert told["BloodPressure", "yes"] == COUNTED
    assert "BloodPressure" not in gap_table(released)["measure"].to_pylist()


def test_what_is_no_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(SalusError, match=r"measure 1 \(BloodPressure\): not_by is no list"):
        Results.open(says(planted(tmp_path, people=10), "payer"))
