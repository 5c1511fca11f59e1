"""`results/` -> one HTML file a leader can read at a glance and an analyst can check: the view model and its
writing.

The file opens without a network: the drawing code is in it, and its own policy forbids it to call anywhere.
Leaves to others: the figures (`equity`), what may be shown (`disclosure`), wording (`words`), pictures
(`charts`); the page itself is templates/report.html.j2 with report.css and report.js.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import vl_convert

from salus import __version__
from salus.cache import Cache, cache_folder
from salus.equity.attributes import ATTRIBUTES
from salus.equity.compare import Settings
from salus.equity.counting import Crossing, group_text
from salus.equity.results import MeasureInfo, Results
from salus.equity.tally import CROSS, DECLINED, NOT_KNOWN, OVERALL, UNKNOWN, is_known
from salus.equity.visits import SITE
from salus.errors import writing
from salus.files import write_atomically
from salus.publish import charts, pages, pictures, words
from salus.publish.averages import LEFT_OUT
from salus.publish.disclosure import THRESHOLD, Line, is_small
from salus.publish.evidence import Asked, Evidence, attributes_of, gather, notes
from salus.publish.funnel import Funnel, funnel, read_clauses
from salus.publish.policy import Policy
from salus.publish.views import Course, Heat, Sites, courses, heat, leading, means, sites

MOST_GROUPS = 12
"""An attribute with more groups shows its largest; the rest is counted and is in equity.csv."""
MOST_GAPS = 6


@dataclass(frozen=True)
class Options:
    """How a report is made. `threshold` 1 hides nothing (for use inside the house)."""

    by: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    threshold: int = THRESHOLD
    cross: tuple[Crossing, ...] = ()
    """Attributes taken together; pairs are drawn as maps."""
    earlier: tuple[Results, ...] = ()
    """Results of earlier periods, through which gaps are followed."""
    site: str = SITE
    """The attribute whose groups are drawn as a funnel of sites."""
    release: Policy | None = None
    """The policy of the release the page belongs to; its lines are then given, and nothing else is told in counts."""

    @property
    def shows_small(self) -> bool:
        """Whether small cells are in the open."""
        return self.threshold <= 1


@dataclass(frozen=True)
class Gap:
    """A credible gap to the worse, in plain words."""

    measure: str
    anchor: str
    attribute: str
    group: str
    people: str
    noun: str
    change: str
    sentence: str
    consequence: str
    notes: tuple[str, ...]
    size: float
    known: bool


@dataclass(frozen=True)
class Figure:
    """One attribute of one measure: its rows, its picture, and what is not in them."""

    key: str
    label: str
    source: str
    lines: tuple[Line, ...]
    more: int
    missing: str
    spec: dict[str, Any] | None
    alternative: str

    @property
    def hidden(self) -> bool:
        """Whether any group is withheld."""
        return any(line.hidden for line in self.lines)


@dataclass(frozen=True)
class Split:
    """What one gap goes with, as rows of the table of parts."""

    group: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Card:
    """One measure group: everyone's rate, its gaps, its figures."""

    anchor: str
    info: MeasureInfo
    group: str
    overall: Line
    gaps: tuple[Gap, ...]
    figures: tuple[Figure, ...]
    noun: str
    funnel: Funnel | None = None
    heats: tuple[Heat, ...] = ()
    sites: Sites | None = None
    courses: tuple[Course, ...] = ()
    parts: tuple[Split, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether there is no rate to show for everyone."""
        return self.overall.hidden or self.overall.figures["rate"] is None


def write_report(results: Results, out: Path, options: Options | None = None) -> Path:
    """Make the report of a results folder and put it at `out`, whole or not at all.

    SalusError: the folder cannot be read, or `out` not written; UsageError: an attribute or reference group that does
    not exist.
    """
    page = render(results, options or Options())
    with writing(f"the report {out}"):
        write_atomically(out, lambda path: path.write_text(page, encoding="utf-8"))
    return out


def render(results: Results, options: Options, evidence: Evidence | None = None) -> str:
    """The page as text; of `evidence` where what may be shown is settled already."""
    asked = Asked(options.by, options.settings, options.threshold, options.cross, options.earlier)
    evidence = evidence or gather(results, asked)
    lines = evidence.lines
    nouns = _nouns(results)
    cards = list(_cards(results, evidence, nouns, options))
    titles = {name: info.label for name, info in results.measures.items()}
    averages = means(evidence.means, titles, options.threshold)
    return pages.template("report.html.j2").render(
        results=results, run=results.run, options=options, cards=cards, gaps=_top(cards), words=words,
        charts=charts, people=_people(results, options, lines), unknowns=_unknowns(results, options, lines),
        not_rates=_not_rates(results, {each.name for each in averages}), means=averages, pictures=pictures,
        manifest=list(_manifest(results)), version=__version__,
        left_out=LEFT_OUT if options.release is not None and options.release.hides else (),
        tests=sum(line.figures["p"] is not None for line in lines), css=pages.resource("report.css"),
        script=pages.resource("report.js"), vega=_vega(),
    )  # fmt: skip


# --- cards ---


def _cards(results: Results, evidence: Evidence, nouns: Mapping[str, str], options: Options) -> Iterator[Card]:
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in evidence.lines:
        groups.setdefault((line.measure, line.group_id), []).append(line)
    several = {name for name, _ in groups if sum(n == name for n, _ in groups) > 1}
    clauses = read_clauses(results.folder)
    for place, ((measure, group_id), members) in enumerate(groups.items()):
        info = results.measure(measure, group_id)
        group = _group_name(results, measure, group_id) if measure in several else ""
        card = _card(f"measure-{place + 1}", info, group, members, nouns.get(measure, "people"), evidence)
        card = _with_pictures(card, members, evidence, options, results.period)
        yield replace(card, funnel=_funnel(card, clauses.get((measure, group_id), ()), options))


def _with_pictures(
    card: Card, lines: Sequence[Line], evidence: Evidence, options: Options, period: tuple[str, str] | None
) -> Card:
    """The card with its crossings, its sites, its gaps through periods and what they go with."""
    families = _families(lines)
    everyone = card.overall.figures["rate"]
    heats = [heat(members, everyone) for name, members in families.items() if CROSS in name]
    alone = [li for li in _worse(lines) if CROSS not in li.attribute]
    return replace(
        card,
        heats=tuple(each for each in heats if each is not None),
        sites=sites(families[options.site])
        if options.site in families and not card.info.counts(options.site)
        else None,
        courses=tuple(courses(alone, evidence.periods, period[1] if period else "now")),
        parts=tuple(_split(li, evidence.parts[li.key]) for li in alone if li.key in evidence.parts),
    )


def _split(line: Line, rows: Sequence[Mapping[str, Any]]) -> Split:
    label = f"{words.attribute_label(line.attribute)}: {words.group_label(line.attribute, line.value)}"
    return Split(label, tuple(rows))


def _people_of(line: Line) -> float:
    return line.figures["people"] or 0.0


def _families(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Lines by their attribute, everyone left out."""
    families: dict[str, list[Line]] = {}
    for line in lines:
        if line.attribute != OVERALL:
            families.setdefault(line.attribute, []).append(line)
    return families


def _funnel(card: Card, clauses: Sequence[Mapping[str, Any]], options: Options) -> Funnel | None:
    """Where people fall out; only beside a headline that may be shown."""
    numerator, denominator = card.overall.numerator, card.overall.denominator
    rounded = options.release is not None and options.release.rounding
    if card.doubtful or numerator is None or denominator is None or rounded:
        return None
    return funnel(clauses, (numerator, denominator), options.threshold)


def _card(anchor: str, info: MeasureInfo, group: str, lines: Sequence[Line], noun: str, evidence: Evidence) -> Card:
    overall = next(li for li in lines if li.attribute == OVERALL)
    families = {name: members for name, members in _families(lines).items() if CROSS not in name}
    shown = {name: _shown(members) for name, members in families.items()}
    domain = charts.scale([overall, *(li for members in shown.values() for li in members)])
    figures = [
        _figure(f"{anchor}-{i}", families[name], members, overall, domain)
        for i, (name, members) in enumerate(shown.items())
    ]
    title = f"{info.label}, {group}" if group else info.label
    figures.sort(key=lambda f: not any(li.verdict == "worse" for li in f.lines))
    gaps = _gaps(title, anchor, lines, noun, evidence)
    return Card(anchor, info, group, overall, tuple(gaps), tuple(figures), noun)


def _figure(
    key: str, family: Sequence[Line], lines: Sequence[Line], overall: Line, domain: tuple[float, float]
) -> Figure:
    name = family[0].attribute
    label = words.attribute_label(name)
    source = next((a.source for a in ATTRIBUTES if a.name == name), "supplemental data of the measure")
    drawable = not overall.hidden and any(not li.hidden and li.figures["rate"] is not None for li in lines)
    missing = family[0].figures["missing_share"]
    return Figure(
        key,
        label,
        source,
        tuple(lines),
        len(family) - len(lines),
        words.percent(missing, 0) if missing else "",
        charts.forest(lines, overall, domain) if drawable else None,
        charts.in_words(lines, f"the rate by {label.lower()}"),
    )


def _shown(family: Sequence[Line]) -> list[Line]:
    """The groups to show, in reading order: ages ascending, else by rate; those without a rate, then the
    missing last.
    """
    lines = list(family)
    if len(lines) > MOST_GROUPS:
        kept = sorted(lines, key=lambda li: -(li.denominator or 0))[:MOST_GROUPS]
        lines = [li for li in lines if li in kept or li.value in NOT_KNOWN]
    if lines and lines[0].attribute == "age_band":
        return sorted(lines, key=lambda li: (li.value in NOT_KNOWN, _first_number(li.value)))
    return sorted(lines, key=_by_rate)


def _by_rate(line: Line) -> tuple[bool, bool, float, str]:
    rate = line.figures["rate"]
    return line.value in NOT_KNOWN, rate is None, -(rate or 0.0), line.value


def _first_number(text: str) -> int:
    digits = "".join(c if c.isdigit() else " " for c in text).split()
    return int(digits[0]) if digits else 0


# --- gaps ---


def _gaps(title: str, anchor: str, lines: Sequence[Line], noun: str, evidence: Evidence) -> Iterator[Gap]:
    rates = {(li.attribute, li.value): li.figures["rate"] for li in lines}
    for line in _worse(lines):
        sentences = words.gap(line, rates.get((line.attribute, line.reference or "")), noun)
        yield _gap(title, anchor, line, noun, sentences, notes(line, evidence.parts.get(line.key, ())))


def _gap(title: str, anchor: str, line: Line, noun: str, sentences: tuple[str, str], also: Sequence[str]) -> Gap:
    people = _people_of(line)
    return Gap(
        measure=title,
        anchor=anchor,
        attribute=words.attribute_label(line.attribute),
        group=words.group_label(line.attribute, line.value),
        people=words.number(people),
        noun=noun,
        change="more" if line.improvement == "increase" else "fewer",
        sentence=sentences[0],
        consequence=sentences[1],
        notes=tuple(also),
        size=people,
        known=is_known(line.value),
    )


def _worse(lines: Sequence[Line]) -> list[Line]:
    """The groups worse off, those first that the most people are behind."""
    return _distinct_lines(sorted((li for li in lines if li.verdict == "worse"), key=lambda li: -_people_of(li)))


def _distinct_lines(lines: Sequence[Line]) -> list[Line]:
    """Without groups that two attributes share (payer Uninsured and uninsured yes): the first stands."""
    seen: set[tuple[int | None, int | None]] = set()
    kept = []
    for line in lines:
        mark = line.numerator, line.denominator
        if mark not in seen:
            seen.add(mark)
            kept.append(line)
    return kept


def _top(cards: Sequence[Card]) -> list[Gap]:
    """The largest credible gaps of all measures, by how many people they are about; of known groups, and no measure
    more than twice."""
    gaps = [g for card in cards for g in card.gaps if g.known]
    return leading(sorted(gaps, key=lambda g: -g.size), MOST_GAPS)


# --- what else the page says ---


@dataclass(frozen=True)
class Unknown:
    """How much of an attribute is not known among all people."""

    label: str
    groups: int
    share: str
    width: float
    source: str


def _people(results: Results, options: Options, lines: Sequence[Line]) -> str:
    """How many people there are, as it may be shown: in a release not where a denominator beside it leaves few out."""
    total = pq.read_metadata(results.attributes).num_rows
    if options.release is not None:
        everyone = [line.denominator for line in lines if line.attribute == OVERALL and line.denominator is not None]
        if any(is_small(abs(total - count), options.threshold) for count in everyone):
            return "number not shown"
        total = options.release.shown(total)
    return f"fewer than {options.threshold}" if is_small(total, options.threshold) else words.number(total)


def _unknowns(results: Results, options: Options, lines: Sequence[Line]) -> list[Unknown]:
    """In a release, only of attributes whose unknown are counted in the open in every measure."""
    names = attributes_of(results, options.by)
    if options.release is not None:
        told = {line.attribute for line in lines} - {line.attribute for line in lines if line.hidden}
        names = [name for name in names if name in told and not options.release.rounding]
    with duckdb.connect() as con:
        people = con.read_parquet(str(results.attributes))
        rows = {name: dict(_tally(people, name)) for name in names}
    return [_unknown(name, counts, options.threshold) for name, counts in rows.items()]


def _tally(people: duckdb.DuckDBPyRelation, name: str) -> list[tuple[str, int]]:
    value = group_text(name)
    found: list[tuple[str, int]] = people.aggregate(f"{value}, count(*)", value).fetchall()
    return found


def _unknown(name: str, counts: Mapping[str, int], threshold: int) -> Unknown:
    total = sum(counts.values())
    gone = counts.get(UNKNOWN, 0) + counts.get(DECLINED, 0)
    source = next((a.source for a in ATTRIBUTES if a.name == name), "supplemental data of the measures")
    known = len([v for v in counts if v not in NOT_KNOWN])
    hidden = is_small(gone, threshold) or is_small(total - gone, threshold) or not total
    share = gone / total if total else 0.0
    text = "too small to show" if hidden else words.percent(share, 1)
    return Unknown(words.attribute_label(name), known, text, 0.0 if hidden else share, source)


def _nouns(results: Results) -> dict[str, str]:
    """What a measure counts: people, or cases where a person can count more than once."""
    query = """
        SELECT measure, count(*) FILTER (unit_id IS NOT NULL AND unit_id <> subject_id) > 0
        FROM read_parquet($file) WHERE initial_population GROUP BY measure
    """
    with duckdb.connect() as con:
        rows = con.execute(query, {"file": str(results.determinations)}).fetchall()
    return {measure: "cases" if episodes else "people" for measure, episodes in rows}


def _not_rates(results: Results, shown: Set[str]) -> list[MeasureInfo]:
    return [info for name, info in results.measures.items() if not info.has_rates and name not in shown]


def _group_name(results: Results, measure: str, group_id: str) -> str:
    for entry, group in results.groups:
        if entry["name"] == measure and str(group["id"]) == group_id and group.get("description"):
            return str(group["description"])
    return f"group {group_id}"


_TOLD = ("versions", "engine", "period", "started", "content", "timings")


def _manifest(results: Results) -> Iterator[tuple[str, str]]:
    """The run's versions, inputs and hashes, flat. Counts of people in run.json are not among it."""
    for key in _TOLD:
        yield from _flat(key, results.run.get(key))


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name} › {key}", inner)
    elif isinstance(value, list | tuple):
        yield name, ", ".join(str(v) for v in value)
    elif value is not None:
        yield name, str(value)


# --- the page ---


def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which takes seconds to put together: kept in the user's cache."""
    wanted = "window.vegaEmbed = vegaEmbed;", vl_convert.get_vegalite_versions()[-1]
    kept, key = Cache(cache_folder()), sha256(repr((version("vl-convert-python"), *wanted)).encode()).hexdigest()
    if (found := kept.get(key)) is not None:
        return found.decode()
    made = vl_convert.javascript_bundle(*wanted)
    kept.put(key, made.encode())
    return made
