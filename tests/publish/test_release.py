"""Releases: the attacker learns nothing, breaks what hides small cells alone; a failure leaves nothing."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from made_results import grouped
from random_releases import results

from salus.equity.results import Results
from salus.errors import SalusError, UsageError
from salus.publish import certificate
from salus.publish.attack import attack
from salus.publish.policy import PROFILES, Policy
from salus.publish.release import Order, publish

SHARED = Path(os.environ.get("SALUS_SHARED", Path(__file__).resolve().parents[3] / "shared"))
ORACLE = SHARED / "data/oracle/sdc"
GROUPS: dict[str | None, tuple[int, int]] = {
    "White": (601, 1009), "Black": (7, 53), "Asian": (23, 61), "Other": (127, 251),
}  # fmt: skip
BLACK = ("M", "0", "race", "Black")
NAIVE = {"denominator": "", "numerator": "", "rate": "", "low": "", "high": "", "people": "", "difference": ""}


@pytest.fixture(autouse=True)
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is tested elsewhere and takes seconds to draw."""
    monkeypatch.setattr("salus.publish.release.render", lambda *_: "<!doctype html>")


def read(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (folder / "equity.csv").open(encoding="utf-8", newline="") as file:
        return {(row["attribute"], row["value"]): row for row in csv.DictReader(file)}


def put(folder: Path, rows: dict[tuple[str, str], dict[str, str]], like: Path) -> Path:
    """A release made by hand of these rows."""
    folder.mkdir()
    (folder / "release.json").write_text((like / "release.json").read_text())
    with (folder / "equity.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))))
        writer.writeheader()
        writer.writerows(rows.values())
    return folder


def test_a_release_is_marked_certified_and_says_what_it_cost(tmp_path: Path) -> None:
    done = publish(Results.open(grouped(tmp_path / "r", GROUPS)), tmp_path / "out", Order())
    rows = read(done.out)
    black = rows["race", "Black"]
    assert (black["numerator"], black["numerator_state"], black["denominator"], black["denominator_state"]) == (
        "", "suppressed", "53", "open",
    )  # fmt: skip
    assert black["rate"] == black["difference"] == ""
    about = json.loads((done.out / "certificate.json").read_text())
    assert set(about["files"]) == {
        *("equity.csv", "equity.parquet", "inequality.csv", "inequality.parquet", "release.json", "report.html"),
    }
    assert all(certificate.digest(done.out / name) == digest for name, digest in about["files"].items())
    assert about["attack"]["narrowed"] == 0 < about["attack"]["protected"]
    assert about["lost"]["people_in_them"][0]["units"] == 114
    hidden = sum(row["numerator_state"] == "suppressed" for (name, _), row in rows.items() if name == "race")
    assert about["lost"]["would_lower"][0].startswith(f"{hidden} of 4 lines by race have no rate")
    assert (done.out / "certificate.txt").read_text().strip() == about["statement"]
    assert BLACK in done.lost


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["cms11", "opensafely"])
def test_the_attacker_recovers_nothing(tmp_path: Path, seed: int, name: str) -> None:
    order = Order(by=("race", "payer", "uninsured"), policy=PROFILES[name])
    done = publish(Results.open(results(tmp_path / "r", seed)), tmp_path / "out", order)
    assert done.hidden <= done.lines


def test_plain_primary_suppression_is_broken_by_the_total(tmp_path: Path) -> None:
    inside = publish(Results.open(grouped(tmp_path / "r", GROUPS)), tmp_path / "inside", Order(policy=PROFILES["none"]))
    rows = read(inside.out)
    rows["race", "Black"] |= NAIVE
    found = attack(put(tmp_path / "plain", rows, inside.out))
    assert (found[BLACK, "x"], found[BLACK, "n"], found[BLACK, "rest"]) == ((7, 7), (53, 53), (46, 46))


@pytest.mark.parametrize(
    "left", [("rate", "denominator"), ("low", "high"), ("difference", "denominator"), ("people", "difference")]
)
def test_a_figure_gives_a_numerator_back(tmp_path: Path, left: tuple[str, ...]) -> None:
    """Two groups are hidden, so that the total tells nothing; a figure left beside one of them does."""
    inside = publish(Results.open(grouped(tmp_path / "r", GROUPS)), tmp_path / "inside", Order(policy=PROFILES["none"]))
    rows = read(inside.out)
    rows["race", "Asian"] |= NAIVE | {"ratio": ""}
    rows["race", "Black"] |= {"ratio": ""} | {name: "" for name in NAIVE if name not in left}
    found = attack(put(tmp_path / "plain", rows, inside.out))
    assert found[BLACK, "x"] == (7, 7)
    blank = rows | {("race", "Black"): rows["race", "Black"] | NAIVE}
    assert attack(put(tmp_path / "blank", blank, inside.out))[BLACK, "x"] != (7, 7)


def test_what_fails_the_certificate_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from salus.publish import release
    from salus.publish.tables import States

    monkeypatch.setattr(release, "hide", lambda rows, *_: dict.fromkeys(rows, States()))
    with pytest.raises(
        SalusError, match=r"the certificate fails. 1 of 1 .* first the numerator of M / 0 / race / Black"
    ):
        publish(Results.open(grouped(tmp_path / "r", GROUPS)), tmp_path / "out", Order())
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_release_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="never replaced"):
        publish(Results.open(grouped(tmp_path / "r", GROUPS)), tmp_path / "out", Order())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    results = Results.open(grouped(tmp_path / "r", {"White": (60, 100)}))
    out = tmp_path / "r/run.json/out"
    with pytest.raises(SalusError, match=f"cannot write the release {out}: "):
        publish(results, out, Order())


# --- earlier releases ---


def test_a_few_more_people_are_not_told_by_two_releases(tmp_path: Path) -> None:
    first = publish(
        Results.open(grouped(tmp_path / "a", {"w": (300, 600), "b": (100, 200)})), tmp_path / "one", Order()
    )
    later = Results.open(grouped(tmp_path / "b", {"w": (340, 680), "b": (103, 205), "c": (40, 90)}))
    alone = publish(later, tmp_path / "alone", Order())
    assert alone.hidden == 0
    both = publish(later, tmp_path / "both", Order(earlier=(first.out,)))
    assert read(both.out)["race", "b"]["denominator_state"] == "suppressed"
    guards = certificate.judge(alone.out, (first.out,), _truth(alone.out), PROFILES["cms11"])
    assert {(g.line[3], g.part) for g in guards.broken} == {("b", "n"), ("b", "x")}


def _truth(folder: Path) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    rows = read(folder)
    return {("M", "0", *key): (int(row["numerator"]), int(row["denominator"])) for key, row in rows.items()}


def test_the_same_table_hides_the_same_cells_again(tmp_path: Path) -> None:
    opened = Results.open(grouped(tmp_path / "r", GROUPS))
    first = publish(opened, tmp_path / "one", Order())
    again = publish(opened, tmp_path / "two", Order(earlier=(first.out,)))
    assert (first.out / "equity.csv").read_text() == (again.out / "equity.csv").read_text()


def test_what_an_earlier_release_told_cannot_be_hidden_any_more(tmp_path: Path) -> None:
    opened = Results.open(grouped(tmp_path / "r", GROUPS))
    open_ = publish(opened, tmp_path / "one", Order(policy=PROFILES["none"]))
    with pytest.raises(SalusError, match="beside the earlier releases"):
        publish(opened, tmp_path / "two", Order(earlier=(open_.out,)))
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("seed", range(3))
def test_two_periods_at_random(tmp_path: Path, seed: int) -> None:
    order = Order(by=("race", "payer"))
    first = publish(Results.open(results(tmp_path / "a", seed)), tmp_path / "one", order)
    later = Results.open(results(tmp_path / "b", seed, "2026-09-30", more=20 * seed + 5))
    publish(later, tmp_path / "two", Order(by=("race", "payer"), earlier=(first.out,)))


# --- the rules as others apply them ---


def _cases(name: str) -> list[dict[str, str]]:
    if not (ORACLE / name).is_file():
        pytest.skip(f"{ORACLE / name} is not there")
    with (ORACLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "policy", "small"),
    [("census_drb_rounding.csv", "census", "<15"), ("ehrql_apply_sdc.csv", "opensafely", "0")],
)
def test_counts_are_put_out_as_the_rule_makers_do(name: str, policy: str, small: str) -> None:
    """Where they write a zero for a small count, it is suppressed here: the one difference."""
    rule = PROFILES[policy]
    for case in _cases(name):
        count = int(case["count"])
        assert (small if rule.small(count) else str(rule.shown(count))) == case["released"]


def test_a_table_of_small_counts_is_protected_row_by_row(tmp_path: Path) -> None:
    """The example table of small count rounding, its columns as groups of each row's measure."""
    groups: dict[str | None, tuple[int, int]] = {}
    for case in _cases("smallcountrounding_exPSD_base5.csv"):
        groups[f"{case['row']} {case['col']}"] = int(case["original"]), 100
    rule = Policy("base 5", 5)
    done = publish(Results.open(grouped(tmp_path / "r", groups)), tmp_path / "out", Order(policy=rule))
    rows = read(done.out)
    assert {key[1] for key, row in rows.items() if row["numerator_state"] == "suppressed"} >= {
        name for name, (x, _) in groups.items() if 0 < x < 5
    }


def test_what_is_behind_a_rounded_count_rounds_to_it() -> None:
    for rule in (PROFILES["census"], PROFILES["opensafely"]):
        for count in (*range(rule.threshold, 1200), 9_949, 10_250, 999_999, 1_234_567):
            low, high = rule.behind(count)
            assert low <= count <= high
            assert rule.shown(low) == rule.shown(high) == rule.shown(count)
            assert rule.shown(high + 1) != rule.shown(count)
            assert low == rule.threshold or rule.shown(low - 1) != rule.shown(count)


def test_the_command_releases_and_logs_it(tmp_path: Path) -> None:
    from io import StringIO

    from rich.console import Console

    from salus.cli.publish import publish_command
    from salus.publish import audit

    console = Console(record=True, file=StringIO(), width=300)
    folder = grouped(tmp_path / "r", GROUPS)
    with pytest.raises(UsageError, match="no profile 'hipaa'; choose"):
        publish_command(folder, tmp_path / "out", "hipaa", console=console)
    publish_command(folder, tmp_path / "out", console=console)
    text = console.export_text()
    assert "narrows none of 1 protected counts" in text
    assert "M / 0 / race / Black" in text
    entry = audit.entries(tmp_path / audit.FILE)[-1]
    assert (entry["action"], entry["settings"]["profile"]) == ("publish", "cms11")


@pytest.mark.parametrize("name", ["cms11", "opensafely", "census"])
def test_a_house_of_a_few_people_of_whom_nobody_meets_the_measure(tmp_path: Path, name: str) -> None:
    opened = Results.open(grouped(tmp_path / "r", {"White": (0, 3), "Black": (0, 2)}))
    done = publish(opened, tmp_path / "out", Order(policy=PROFILES[name]))
    rows = read(done.out).values()
    assert {(row["numerator"], row["denominator"], row["rate"]) for row in rows} == {("", "", "")}
    assert {row["numerator_state"] for row in rows} == {"suppressed"}
