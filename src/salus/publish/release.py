"""`results/` -> a release: files that may leave the house, with the certificate that says why.

Every figure of a release is worked out from the counts that are shown in it, or from the means, so that none tells more
than they do; what cannot be is left out and named. The folder appears whole and certified, or not at all, and is never
replaced. Leaves to others: what is hidden (`tables`, `suppress`), which means may be shown (`averages`), the attack on
it (`attack`, `certificate`), the page (`report`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from salus import __version__
from salus.equity.compare import SCHEMA, Settings, compared
from salus.equity.counting import count_cells
from salus.equity.means import SCHEMA as SCHEMA_OF_MEANS
from salus.equity.means import Observations, observe
from salus.equity.results import Results
from salus.equity.sites import site_table
from salus.equity.summary import inequality_table
from salus.equity.tally import NOT_KNOWN, OVERALL, Cell, Tally
from salus.errors import SalusError, UsageError, writing
from salus.publish import certificate, earlier
from salus.publish.averages import CLAIMS, LEFT_OUT, averages, mean_release, told_together
from salus.publish.disclosure import Line, lines
from salus.publish.evidence import Evidence, attributes_of
from salus.publish.policy import PROFILES, Policy, listed
from salus.publish.report import Options, render
from salus.publish.suppress import Unprotectable
from salus.publish.tables import Average, Key, Row, States, Tables, hide, key_of

STATES = ("numerator_state", "denominator_state")
SUPPRESSED = "suppressed"
BOUNDS = ("bound_low", "bound_high")
"""What the unknown could change; said only where their numbers are."""


@dataclass(frozen=True)
class Order:
    """What to release: by which attributes, compared how, under which policy, beside which earlier releases."""

    by: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    policy: Policy = PROFILES["cms11"]
    earlier: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Done:
    """A release that was made. `lost` names the gaps that are certain inside and cannot be shown outside: for the
    house alone."""

    out: Path
    statement: str
    hidden: int
    lines: int
    lost: tuple[Key, ...]


def publish(results: Results, out: Path, order: Order) -> Done:
    """Write the release of a results folder to `out`.

    UsageError: `out` is there, an attribute or reference that does not exist. SalusError: a folder that is no release,
    or an attacker who learns more than the policy allows; then nothing is written.
    """
    if out.exists():
        raise UsageError(f"{out} is there; a release is never replaced: choose another name")
    by = attributes_of(results, order.by)
    cells = count_cells(results, by)
    truth = {(c.measure, c.group_id, c.attribute, c.value): (c.x, c.n) for c in cells}
    observed = observe(results, by)
    before, period = [earlier.read(folder) for folder in order.earlier], results.period or ()
    totals = _averages(observed, before, period, order.policy)
    relations = [earlier.relation(each, period) for each in before]
    states = _settled(truth, totals, observed, relations, order.policy)
    made = _tables(cells, observed, states, results, order)
    told = made.told
    inside = {key_of(row): row for row in compared(cells, results, order.settings).to_pylist()}
    with _folder(out) as fresh:
        _write(fresh, made, results, order)
        judgement = certificate.judge(fresh, order.earlier, truth, order.policy, totals)
        if judgement.broken:
            raise SalusError(_refusal(judgement))
        about = certificate.write(fresh, judgement, order.policy, order.earlier, _losses(told, inside))
    hidden = sum(state != States() for state in states.values())
    return Done(out, about["statement"], hidden, len(states), tuple(_lost(told, inside)))


def _averages(
    observed: Observations, before: Sequence[earlier.Earlier], period: tuple[str, ...], policy: Policy
) -> dict[Key, Average]:
    """The lines that are means; of those that differ by few from what an earlier release told, nothing may be said."""
    found = averages(observed, policy)
    for told in before:
        for key in earlier.touched(told, found, period, policy):
            found[key] = replace(found[key], few=True)
    return found


def _settled(
    truth: Mapping[Key, tuple[int, int]],
    totals: dict[Key, Average],
    observed: Observations,
    relations: Sequence[Callable[[Tables], None]],
    policy: Policy,
) -> dict[Key, States]:
    """What is hidden of every line, `relations` telling how earlier releases bear on it; means once more as long as the
    hidden ones of an attribute together are about a few."""
    while True:
        states = _states(truth, totals, relations, policy)
        more = told_together(observed, states, policy) if policy.hides else set()
        if not more:
            return states
        totals |= {key: replace(totals[key], few=True) for key in more}


def _states(
    truth: Mapping[Key, tuple[int, int]],
    totals: Mapping[Key, Average],
    relations: Sequence[Callable[[Tables], None]],
    policy: Policy,
) -> dict[Key, States]:
    try:
        return hide(truth, policy, False, relations, totals)
    except Unprotectable as problem:
        beside = " beside the earlier releases" if relations else ""
        raise SalusError(f"nothing is released: {problem}{beside}") from problem


def _refusal(judgement: certificate.Judgement) -> str:
    first = judgement.broken[0]
    where = " / ".join(part for part in first.line if part)
    names = {"n": "denominator", "x": "numerator", "rest": "rest", "total": "total"}
    return (
        f"nothing is released: the certificate fails. {len(judgement.broken)} of {len(judgement.guards)} protected "
        f"counts can be narrowed, first the {names[first.part]} of {where} ({first.why})"
    )


# --- the tables ---


@dataclass(frozen=True)
class Made:
    """The tables of a release by the names of their files, and the lines of the first for the page."""

    tables: Mapping[str, pa.Table]
    told: Sequence[Line]


def _tables(cells: Tally, observed: Observations, states: Mapping[Key, States], results: Results, order: Order) -> Made:
    """Every table, from what is shown; those without rows are left out, but for the first."""
    keys = [(c.measure, c.group_id, c.attribute, c.value) for c in cells]
    policy, open_ = order.policy, [states[key] == States() for key in keys]
    shown = [replace(c, x=policy.shown(c.x), n=policy.shown(c.n)) for c in cells]
    # a hidden group is compared as one of nobody: the table wants every group, and learns nothing of it
    seen = [c if said else replace(c, x=0, n=0) for c, said in zip(shown, open_, strict=True)]
    told_cells = cells.counted([c.x for c in seen], [c.n for c in seen])
    table, told = _table(dict(zip(keys, shown, strict=True)), told_cells, states, results, order)
    hidden = _hidden_groups(keys, states)
    further = {
        "inequality": _of_shown(inequality_table(results, told_cells, order.settings.level), hidden),
        "sites": _of_shown(site_table(told_cells), hidden),
        "means": mean_release(observed, states, results, order.settings, policy),
    }
    return Made({"equity": table, **{name: each for name, each in further.items() if each.num_rows}}, told)


def _hidden_groups(keys: Sequence[Key], states: Mapping[Key, States]) -> Counter[tuple[str, str, str]]:
    """How many known groups of each attribute have something hidden."""
    return Counter(key[:3] for key in keys if states[key] != States() and key[3] not in NOT_KNOWN)


def _of_shown(table: pa.Table, hidden: Mapping[tuple[str, str, str], int]) -> pa.Table:
    """A table worked out from the groups that are shown, with how many are not; the share of people not known stands in
    the first table, where it may."""
    rows = table.select(["measure", "group_id", "attribute"]).to_pylist()
    gone = [hidden.get((row["measure"], row["group_id"], row["attribute"]), 0) for row in rows]
    kept = table.drop_columns(["missing_share"]) if "missing_share" in table.column_names else table
    return kept.append_column("groups_hidden", pa.array(gone, pa.int64()))


def _table(
    shown: Mapping[Key, Cell], told_cells: Tally, states: Mapping[Key, States], results: Results, order: Order
) -> tuple[pa.Table, list[Line]]:
    """The equity table worked out from what is shown, and its lines for the page."""
    keys = list(shown)
    table_rows = {key_of(row): row for row in compared(told_cells, results, order.settings).to_pylist()}
    made = {key: row for key, row in table_rows.items() if states[key] == States()}
    shares = _missing(shown, states)
    unbounded = {key[:3] for key, state in states.items() if state != States() and key[3] in NOT_KNOWN}
    for key, row in made.items():
        row |= dict.fromkeys(BOUNDS) if key[:3] in unbounded else {}
    rows = [
        (made.get(key) or _blank(key, cell, results, order)) | {"missing_share": shares[key[:3]]}
        for key, cell in shown.items()
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    told = lines(table, states)
    counts = [{"numerator": li.numerator, "denominator": li.denominator} for li in told]
    verdicts = [{"verdict": li.verdict, "reliability": li.reliability or SUPPRESSED} for li in told]
    put_out = [row | count | verdict for row, count, verdict in zip(rows, counts, verdicts, strict=True)]
    table = pa.Table.from_pylist(put_out, schema=SCHEMA)
    for name, of in zip(STATES, ("x", "n"), strict=True):
        texts = ["open" if getattr(states[key], of) == "open" else SUPPRESSED for key in keys]
        table = table.append_column(name, pa.array(texts, pa.string()))
    return table, told


def _blank(key: Key, cell: Cell, results: Results, order: Order) -> dict[str, Any]:
    """A line with something hidden: no figures."""
    about: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    about |= dict(zip(("measure", "group_id", "attribute", "value"), key, strict=True))
    improvement = results.measure(cell.measure, cell.group_id).improvement or None
    return about | {
        "numerator": cell.x, "denominator": cell.n, "reliability": "", "verdict": "", "improvement": improvement,
        "level": order.settings.level, "method": SUPPRESSED,
    }  # fmt: skip


def _missing(shown: Mapping[Key, Cell], states: Mapping[Key, States]) -> dict[tuple[str, str, str], float | None]:
    """The share of units whose group is not known, from denominators that are shown; None where one is hidden."""
    families: dict[tuple[str, str, str], list[Key]] = {}
    for key in shown:
        families.setdefault(key[:3], []).append(key)
    found: dict[tuple[str, str, str], float | None] = {}
    for family, members in families.items():
        total = sum(shown[key].n for key in members)
        gone = sum(shown[key].n for key in members if key[3] in NOT_KNOWN)
        found[family] = gone / total if total and all(states[key].n == "open" for key in members) else None
    return found


# --- what it costs ---


def _losses(told: Sequence[Line], inside: Mapping[Key, Row]) -> dict[str, Any]:
    """What cannot be said any more, in numbers of lines and in people who can be counted from what is shown."""
    hidden = [line for line in told if line.hidden]
    same = sum(inside[line.key]["verdict"] == line.verdict for line in told if not line.hidden)
    return {
        "lines": len(told),
        "lines_without_rate": len(hidden),
        "verdicts_as_inside": same,
        "people_in_them": [_behind(family, told) for family in dict.fromkeys(line.family for line in hidden)],
        "not_compared": [list(line.key) for line in hidden if line.attribute != OVERALL],
        "pairs_in_other_order": _turned(told, inside),
        "would_lower": _advice(told),
    }


def _advice(told: Sequence[Line]) -> list[str]:
    """What would show more, the attribute that hides most first; counted from what anyone can see in the release."""
    lines: Counter[str] = Counter(line.attribute for line in told if line.attribute != OVERALL)
    hidden = Counter(line.attribute for line in told if line.hidden and line.attribute != OVERALL)
    first = [
        f"{count} of {lines[name]} lines by {name} have no rate: join its groups, or leave it out"
        for name, count in sorted(hidden.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return [*first, "a longer period counts more people in every group"] if first else []


def _behind(family: tuple[str, str, str], told: Sequence[Line]) -> dict[str, Any]:
    """How many units stand behind hidden rates of an attribute: everyone less those shown."""
    members = [line for line in told if line.family == family]
    whole = next((li for li in told if li.family == (*family[:2], OVERALL)), None)
    shown = sum(line.denominator or 0 for line in members if not line.hidden)
    total = None if whole is None or whole.denominator is None else max(whole.denominator - shown, 0)
    return dict(zip(("measure", "group_id", "attribute"), family, strict=True)) | {"units": total}


def _turned(told: Sequence[Line], inside: Mapping[Key, Row]) -> int:
    """Pairs of groups shown whose rates stand in another order than inside (rounding does that)."""
    families: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for line in told:
        shown, real = line.figures["rate"], inside[line.key]["rate"]
        if shown is not None and real is not None:
            families.setdefault(line.family, []).append((shown, real))
    pairs = [(a, b) for rates in families.values() for i, a in enumerate(rates) for b in rates[:i]]
    return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs)


def _lost(told: Sequence[Line], inside: Mapping[Key, Row]) -> Iterator[Key]:
    """Gaps that are certain inside and are not said outside."""
    claims = ((line, inside[line.key]["verdict"]) for line in told)
    yield from (line.key for line, claim in claims if claim in CLAIMS and line.verdict != claim)


# --- files ---


def _write(folder: Path, made: Made, results: Results, order: Order) -> None:
    for name, table in made.tables.items():
        pyarrow.csv.write_csv(table, folder / f"{name}.csv")
        pq.write_table(table, folder / f"{name}.parquet")
    options = Options(order.by, order.settings, order.policy.threshold, release=order.policy)
    means = made.tables.get("means", SCHEMA_OF_MEANS.empty_table())
    (folder / "report.html").write_text(render(results, options, Evidence(made.told, means=means)), encoding="utf-8")
    about = {
        "salus": __version__, "period": list(results.period or ()), "policy": listed(order.policy),
        "measures": {name: info.version for name, info in results.measures.items()},
        "titles": {name: info.title for name, info in results.measures.items() if info.title},
        "level": order.settings.level, "left_out": LEFT_OUT,
    }  # fmt: skip
    text = json.dumps(about, indent=1, ensure_ascii=False)
    (folder / "release.json").write_text(text + "\n", encoding="utf-8")


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """A fresh folder beside `out` that takes its name when all went well, and is gone otherwise."""
    with writing(f"the release {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield fresh
        fresh.chmod(0o755)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
