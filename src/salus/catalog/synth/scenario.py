"""A scenario: who lives here, who is treated how much worse at which step, and what is done about it when and where.

Scenarios are TOML files (docs/synth.md); those in `scenarios/` go by their names. Everything a statistic could find
in the data starts here. Groups are named as Salus names them (docs/attributes.md). Leaves to others: the steps
(`steps`), the people.
"""

from __future__ import annotations

import dataclasses
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from salus.catalog.synth.groups import GROUPS
from salus.catalog.synth.steps import MEASURES
from salus.errors import UsageError

SHIPPED = Path(__file__).resolve().parent / "scenarios"
SCALES = ("difference", "odds")
Who = Mapping[str, str]


@dataclass(frozen=True)
class Effect:
    """A step of a measure is more or less likely for those who are `who` (attribute -> group, all of them).

    `size` is a risk difference (`scale` difference) or an odds ratio (odds). `against` names whom the gap is reckoned
    from. An intervention is an effect that begins with a month (1 to 12) of the year; its gap is reckoned from the
    time before.
    """

    measure: str
    step: str
    who: Who
    against: Who
    scale: str
    size: float
    start: int | None = None


@dataclass(frozen=True)
class Community:
    """Who lives here. Shares need not sum to one; the odds of going without insurance before 65 multiply."""

    hispanic: float = 0.22
    uninsured_odds: float = 0.16
    uninsured_odds_hispanic: float = 2.4
    uninsured_odds_other_language: float = 2.2
    uninsured_odds_young_adult: float = 1.5
    uninsured_from_65: float = 0.01
    medicaid_before_65: float = 0.32
    churn: float = 0.12


@dataclass(frozen=True)
class Record:
    """Shares of people of whom the record does not say something."""

    missing_race: float = 0.06
    declined_race: float = 0.03
    missing_ethnicity: float = 0.06
    missing_language: float = 0.05
    unknown_payer: float = 0.04


@dataclass(frozen=True)
class Mess:
    """Shares of records spoilt in a way of its own; all 0 unless asked for (`Mess.usual`)."""

    duplicates: float = 0.0  # people with a second Patient
    local_codes: float = 0.0  # observations under a code of the house alone
    partial_dates: float = 0.0  # conditions whose onset is a year
    wrong_units: float = 0.0  # laboratory values in a unit that is not what it says
    in_error: float = 0.0  # observations written twice, once by mistake and taken back

    @classmethod
    def usual(cls) -> Mess:
        return cls(duplicates=0.02, local_codes=0.03, partial_dates=0.10, wrong_units=0.01, in_error=0.02)

    def __bool__(self) -> bool:
        return any(dataclasses.astuple(self))


@dataclass(frozen=True)
class Scenario:
    """What is planted, among whom."""

    name: str = "null"
    title: str = "Nobody is treated worse"
    effects: tuple[Effect, ...] = ()
    year: int = 2026
    community: Community = field(default_factory=Community)
    record: Record = field(default_factory=Record)
    mess: Mess = field(default_factory=Mess)

    @property
    def period(self) -> tuple[date, date]:
        return date(self.year, 1, 1), date(self.year, 12, 31)

    @classmethod
    def named(cls, name: str) -> Scenario:
        """A scenario that ships with Salus, or a TOML file; UsageError when it is neither, or wrong."""
        path = SHIPPED / f"{name}.toml" if name in shipped() else Path(name)
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"no scenario {name}; there are {', '.join(shipped())}, or name a TOML file") from None
        except (OSError, UnicodeDecodeError) as problem:
            raise UsageError(f"{path}: cannot be read ({problem})") from None
        except tomllib.TOMLDecodeError as problem:
            raise UsageError(f"{path}: not TOML ({problem})") from None
        return read_scenario(told, str(path))


T = TypeVar("T", Community, Record, Mess)


def shipped() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_scenario(told: Mapping[str, Any], source: str) -> Scenario:
    """A scenario out of parsed TOML; UsageError names the source and the key."""
    _known(told, {"name", "title", "year", "effects", "interventions", "community", "record", "mess"}, source)
    told_of = enumerate(_tables(told, "effects", source))
    effects = [read_effect(each, f"{source}: effects[{n}]", None) for n, each in told_of]
    for number, each in enumerate(_tables(told, "interventions", source)):
        place = f"{source}: interventions[{number}]"
        start = each.get("start") if isinstance(each, Mapping) else None
        if not isinstance(start, int) or isinstance(start, bool) or not 1 <= start <= 12:
            raise UsageError(f"{place}.start: a month from 1 to 12 is needed, not {start!r}")
        effects.append(read_effect({key: value for key, value in each.items() if key != "start"}, place, start))
    year = told.get("year", 2026)
    if not isinstance(year, int) or not 1990 <= year <= 2099:
        raise UsageError(f"{source}: year: a year from 1990 to 2099 is needed, not {year!r}")
    return Scenario(
        name=str(told.get("name", Path(source).stem)),
        title=str(told.get("title", "")),
        effects=tuple(effects),
        year=year,
        community=_numbers(Community, told.get("community", {}), f"{source}: community"),
        record=_numbers(Record, told.get("record", {}), f"{source}: record"),
        mess=_numbers(Mess, told.get("mess", {}), f"{source}: mess"),
    )


def read_effect(told: Any, place: str, start: int | None) -> Effect:
    if not isinstance(told, Mapping):
        raise UsageError(f"{place}: a table is needed, not {told!r}")
    _known(told, {"measure", "step", "who", "against", *SCALES}, place)
    measure, step = str(told.get("measure")), str(told.get("step"))
    if measure not in MEASURES:
        raise UsageError(f"{place}.measure: no measure {measure!r}; there are {', '.join(MEASURES)}")
    if step not in MEASURES[measure].steps:
        raise UsageError(
            f"{place}.step: {measure} has no step {step!r}; there are {', '.join(MEASURES[measure].steps)}"
        )
    given = [scale for scale in SCALES if scale in told]
    if len(given) != 1:
        raise UsageError(f"{place}: say either difference (of chances) or odds (a ratio)")
    size = told[given[0]]
    if not _is_number(size) or (given[0] == "odds" and size <= 0):
        raise UsageError(f"{place}.{given[0]}: a number is needed{' above 0' * (given[0] == 'odds')}, not {size!r}")
    who, against = (_groups(told.get(key, {}), f"{place}.{key}") for key in ("who", "against"))
    if not who:
        raise UsageError(f"{place}.who: say whom, as in {{ uninsured = 'yes' }}")
    return Effect(measure, step, who, against, given[0], float(size), start)


def _groups(told: Any, place: str) -> Who:
    if not isinstance(told, Mapping):
        raise UsageError(f"{place}: a table of attribute and group is needed, not {told!r}")
    for attribute, group in told.items():
        if attribute not in GROUPS:
            raise UsageError(f"{place}: no attribute {attribute!r}; there are {', '.join(GROUPS)}")
        if group not in GROUPS[attribute]:
            raise UsageError(f"{place}.{attribute}: no group {group!r}; there are {', '.join(GROUPS[attribute])}")
    return dict(told)


def _tables(told: Mapping[str, Any], key: str, source: str) -> list[Any]:
    found = told.get(key, [])
    if not isinstance(found, list):
        raise UsageError(f"{source}: {key}: a list of tables is needed ([[{key}]]), not {found!r}")
    return found


def _is_number(value: Any) -> bool:
    """Whether it is one that can be reckoned with: not nan, nor beyond all bounds, nor a truth value."""
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and abs(value) <= sys.float_info.max


def _known(told: Mapping[str, Any], names: set[str], source: str) -> None:
    for key in told:
        if key not in names:
            raise UsageError(f"{source}: no key {key!r}; there are {', '.join(sorted(names))}")


def _numbers(kind: type[T], told: Any, place: str) -> T:
    if not isinstance(told, Mapping):
        raise UsageError(f"{place}: a table is needed, not {told!r}")
    _known(told, {each.name for each in dataclasses.fields(kind)}, place)
    for key, value in told.items():
        if not _is_number(value) or value < 0:
            raise UsageError(f"{place}.{key}: a number of 0 or more is needed, not {value!r}")
        if value > 1 and "odds" not in key:
            raise UsageError(f"{place}.{key}: a share, of at most 1, is needed, not {value!r}")
    return kind(**told)
