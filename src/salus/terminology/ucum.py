"""Units of measure: what a UCUM expression means, and conversion between units that measure the same thing.

A unit is a factor (exact), a dimension (text, the same for units that can be compared: `g.m-1.s-2` for mmHg)
and, for temperatures, an offset. Arbitrary units such as [iU] have a dimension of their own: they compare
with themselves alone. Units on a logarithmic or trigonometric scale (pH, B, Np) convert too, but have no
factor to multiply with. CQL's calendar units (`year`, `months`) are not UCUM: `normalize_calendar` tells
which are the same as a UCUM unit.
Leaves to others: comparing quantities with unknown parts, and the units of a population as a table (`logic`,
`engine`).
Sources: The Unified Code for Units of Measure (https://ucum.org/ucum), sections cited at each rule; the table
`ucum_units.txt` is made from ucum-essence.xml by scripts/derive_ucum_table.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from msgspec import Struct

from salus.errors import SalusError
from salus.terminology.scales import SCALES, Scale, exact

_TOKEN: Final = re.compile(
    r"(?P<mark>[./()])"
    r"|(?P<note>\{[!-z|~]*\})"
    r"|(?P<unit>(?:10[*^]|(?:\[[!-Z\\^-~]*\]|[!#-'*,:-Z\\^-z|~])+)(?P<power>[+-]?[0-9]+)?)(?=[./(){]|$)"
    r"|(?P<number>[0-9]+)(?=[./){]|$)"
)


class InvalidUnit(SalusError):
    """Text that is not a UCUM unit."""

    def __init__(self, unit: str, reason: str) -> None:
        self.unit, self.reason = unit, reason
        super().__init__(f"{unit!r} is not a unit of measure (UCUM): {reason}")


class Canonical(Struct, frozen=True):
    """A unit in base units: a value v of it is factor * (v + offset) of `dimension`.

    Two units can be converted when their `dimension` is the same text ("1" for plain numbers), and compared when
    their `kind` is. `scale` is None except for units on a curved scale, for which `factor` belongs to the scale's
    reference and only `convert` works.
    """

    factor: Fraction
    dimension: str
    offset: Fraction = Fraction(0)
    scale: Scale | None = None
    prefix: Fraction = Fraction(1)

    @property
    def kind(self) -> str:
        """What it is compared within. A pH is an amount per volume, as a count of cells is: nobody means to compare
        them, so that a unit on a curved scale is compared with itself alone, and converted when asked."""
        if self.scale is None:
            return self.dimension
        return f"{self.prefix} {self.scale.name} of {self.factor} {self.dimension}"

    def within_kind(self, value: Fraction) -> Fraction:
        """`value` of this unit in what all units of its kind are compared in."""
        return value if self.scale is not None else self.to_base(value)

    def to_base(self, value: Fraction) -> Fraction:
        """`value` of this unit in base units."""
        if self.scale is not None:
            return self.factor * self.scale.to_reference(value * self.prefix)
        return self.factor * (value + self.offset)

    def from_base(self, value: Fraction) -> Fraction:
        """The value of this unit that `value` base units are. Raises ValueError where the scale has none."""
        if self.scale is not None:
            return self.scale.from_reference(value / self.factor) / self.prefix
        return value / self.factor - self.offset


class _Term(Struct, frozen=True):
    """A product of base units while it is being worked out; `special` marks one that may not be
    multiplied further.
    """

    factor: Fraction
    powers: Mapping[str, int]
    special: Canonical | None = None

    def times(self, other: _Term, sign: int) -> _Term:
        powers = dict(self.powers)
        for base, power in other.powers.items():
            powers[base] = powers.get(base, 0) + sign * power
        return _Term(self.factor * other.factor**sign, {b: p for b, p in powers.items() if p})


_ONE: Final = _Term(Fraction(1), {})


def canonical(unit: str) -> Canonical:
    """What `unit` means. Raises InvalidUnit; "1" is the unit of a plain number, and "" is not a unit."""
    return _canonical(unit)


def is_valid(unit: str) -> bool:
    """Whether `unit` is a UCUM expression."""
    try:
        _canonical(unit)
    except InvalidUnit:
        return False
    return True


def convert(value: Decimal, from_unit: str, to_unit: str) -> Decimal | None:
    """`value` of one unit in another, to 34 digits; None when they do not measure the same thing.

    Raises InvalidUnit.
    """
    if from_unit == to_unit and is_valid(from_unit):
        return value
    source, goal = _canonical(from_unit), _canonical(to_unit)
    if source.dimension != goal.dimension:
        return None
    try:
        result = goal.from_base(source.to_base(Fraction(value)))
    except (ValueError, ArithmeticError):
        return None
    return exact(result)


_CALENDAR: Final = {
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
    "year": "year",
    "month": "month",
}


def normalize_calendar(unit: str) -> str | None:
    """A CQL calendar unit as the unit it equals: `days` -> `d`, `weeks` -> `wk`, but `years` -> `year`;
    None if it is not one.

    Years and months have no fixed length, so they equal no UCUM unit (see `canonical_cql`); CQL's
    equivalence (`~`) does take them for `a` and `mo` (see `equivalent_unit`).
    """
    return _CALENDAR.get(unit) or _CALENDAR.get(unit.removesuffix("s") if unit.endswith("s") else "")


def equivalent_unit(unit: str) -> str:
    """The UCUM unit that CQL's `~` compares a unit by: calendar years as `a`, months as `mo`, others as
    `normalize_calendar`.
    """
    plain = normalize_calendar(unit) or unit
    return {"year": "a", "month": "mo"}.get(plain, plain)


def canonical_cql(unit: str | None) -> Canonical:
    """What a unit of a CQL quantity means: none (or "") is a plain number, calendar years are 12 calendar
    months.
    """
    plain = normalize_calendar(unit) or unit if unit else "1"
    if plain in ("year", "month"):
        return Canonical(Fraction(12 if plain == "year" else 1), "month*")
    return _canonical(plain)


def kind(unit: str) -> str:
    """What quantities in a unit are compared within (`Canonical.kind`); a text that is no unit is of a kind of its
    own."""
    try:
        return canonical_cql(unit).kind
    except InvalidUnit:
        return f"unit {unit}"


def convertible(unit: str, target: str) -> bool:
    """Whether a value of one unit can be told in another; both may be calendar units of CQL."""
    try:
        return canonical_cql(unit).dimension == canonical_cql(target).dimension
    except InvalidUnit:
        return False


def ratio(unit: str, target: str) -> Decimal | None:
    """What one `unit` is in `target` units, to 34 digits; both may be calendar units of CQL.

    None when there is no such number: they measure different things, are on different scales (Cel, [degF]),
    or one of them is not a unit at all.
    """
    try:
        source, goal = canonical_cql(unit), canonical_cql(target)
    except InvalidUnit:
        return None
    if source.scale or goal.scale or (source.dimension, source.offset) != (goal.dimension, goal.offset):
        return None
    return exact(source.factor / goal.factor)


def linear(unit: str, target: str) -> tuple[Decimal, Decimal] | None:
    """What to multiply with, and then to add, to go from one unit to another of the same kind on a scale that begins
    elsewhere (Cel, [degF], K); None where decimals do not say it exactly, or there is no such way.
    """
    try:
        source, goal = canonical_cql(unit), canonical_cql(target)
    except InvalidUnit:
        return None
    if source.scale or goal.scale or source.dimension != goal.dimension:
        return None
    factor = source.factor / goal.factor
    parts = factor, factor * source.offset - goal.offset
    found = tuple(exact(part) for part in parts)
    return (found[0], found[1]) if tuple(map(Fraction, found)) == parts else None


@lru_cache(maxsize=65_536)
def _canonical(unit: str) -> Canonical:
    term = _Parser(unit).parse()
    if term.special is not None:
        return term.special
    return Canonical(term.factor, _dimension(term.powers))


def _dimension(powers: Mapping[str, int]) -> str:
    return ".".join(f"{base}{power if power != 1 else ''}" for base, power in sorted(powers.items())) or "1"


class _Parser:
    """UCUM's grammar (section 2.1): terms of components, `.` and `/` from left to right with equal
    precedence.
    """

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens = self._tokens()

    def parse(self) -> _Term:
        if not self.text:
            raise InvalidUnit(self.text, "it is empty")
        term = self._term()
        if self.at < len(self.tokens):
            raise InvalidUnit(self.text, f"{self.tokens[self.at][0]!r} is not expected there")
        return term

    def _tokens(self) -> list[re.Match[str]]:
        found, position = [], 0
        while position < len(self.text):
            token = _TOKEN.match(self.text, position)
            if token is None:
                raise InvalidUnit(self.text, f"{self.text[position:]!r} is not a term")
            found.append(token)
            position = token.end()
        return found

    def _peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def _term(self) -> _Term:
        term = _ONE if self._peek() == "/" else self._component()
        while self._peek() in (".", "/"):
            sign = 1 if self._peek() == "." else -1
            self.at += 1
            term = self._product(term, self._component(), sign)
        return term

    def _product(self, left: _Term, right: _Term, sign: int) -> _Term:
        """Special units take part in no algebra but a plain number before them (section 21)."""
        if right.special is not None and left.special is None and not left.powers and sign == 1:
            return _Term(_ONE.factor, {}, _scaled(right.special, left.factor))
        if left.special is not None or right.special is not None:
            raise InvalidUnit(self.text, "a unit on a special scale cannot be multiplied or divided")
        return left.times(right, sign)

    def _component(self) -> _Term:
        if self.at >= len(self.tokens):
            raise InvalidUnit(self.text, "it ends too soon")
        token = self.tokens[self.at]
        self.at += 1
        if token["mark"] == "(":
            return self._group()
        if token["note"]:
            return _ONE
        if token["mark"]:
            raise InvalidUnit(self.text, f"{token[0]!r} is not followed by a term")
        term = self._number(token) if token["number"] else self._simple(token)
        if self._peek().startswith("{"):
            self.at += 1
        return term

    def _group(self) -> _Term:
        term = self._term()
        if self._peek() != ")":
            raise InvalidUnit(self.text, "a parenthesis is not closed")
        self.at += 1
        return term

    def _number(self, token: re.Match[str]) -> _Term:
        if not (number := int(token["number"])):
            raise InvalidUnit(self.text, "0 cannot be a factor")
        return _Term(Fraction(number), {})

    def _simple(self, token: re.Match[str]) -> _Term:
        power, written = int(token["power"] or 1), token["unit"]
        symbol = written.removesuffix(token["power"] or "")
        term = _atom(symbol)
        if term is None:
            raise InvalidUnit(self.text, f"{symbol!r} is not a unit")
        if power == 1:
            return term
        if term.special is not None:
            raise InvalidUnit(self.text, f"{symbol!r} is on a special scale and cannot have an exponent")
        return _Term(term.factor**power, {base: each * power for base, each in term.powers.items() if power})


class _Row(Struct, frozen=True):
    """A unit of the table: metric units take prefixes; `kind` is "=" defined, "*" arbitrary, or a scale's
    name.
    """

    metric: bool
    kind: str
    value: Fraction
    unit: str


class _Table(Struct, frozen=True):
    prefixes: Mapping[str, Fraction]
    bases: frozenset[str]
    units: Mapping[str, _Row]


@cache
def _table() -> _Table:
    text = files("salus.terminology").joinpath("ucum_units.txt").read_text(encoding="ascii")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return _Table(
        prefixes={row[1]: Fraction(row[2]) for row in rows if row[0] == "prefix"},
        bases=frozenset(row[1] for row in rows if row[0] == "base"),
        units={r[1]: _Row(r[2] == "m", r[3], Fraction(r[4]), r[5]) for r in rows if r[0] == "unit"},
    )


@cache
def _atom(symbol: str) -> _Term | None:
    """A unit with or without a prefix; the whole symbol counts first, so that `cd` is the candela
    (section 11).
    """
    if (whole := _unprefixed(symbol)) is not None:
        return whole
    for length in (1, 2):
        factor = _table().prefixes.get(symbol[:length])
        if factor is not None and _metric(symbol[length:]) and (term := _unprefixed(symbol[length:])) is not None:
            if term.special is not None:
                return _Term(_ONE.factor, {}, _scaled(term.special, factor))
            return _Term(term.factor * factor, term.powers)
    return None


def _metric(symbol: str) -> bool:
    row = _table().units.get(symbol)
    return symbol in _table().bases or (row is not None and row.metric)


def _unprefixed(symbol: str) -> _Term | None:
    if symbol in _table().bases:
        return _Term(Fraction(1), {symbol: 1})
    row = _table().units.get(symbol)
    if row is None:
        return None
    if row.kind == "*":
        return _Term(Fraction(1), {symbol: 1})
    reference = _Parser(row.unit).parse()
    if row.kind == "=":
        return _Term(row.value * reference.factor, reference.powers)
    return _Term(_ONE.factor, {}, _special(row, reference))


def _special(row: _Row, reference: _Term) -> Canonical:
    factor, dimension = row.value * reference.factor, _dimension(reference.powers)
    scale = SCALES[row.kind]
    if isinstance(scale, Fraction):
        return Canonical(factor, dimension, offset=scale)
    return Canonical(factor, dimension, scale=scale)


def _scaled(unit: Canonical, by: Fraction) -> Canonical:
    """A special unit with a prefix or a plain factor: the number is multiplied before the scale is
    applied (section 22).
    """
    if unit.scale is None:
        return Canonical(unit.factor * by, unit.dimension, unit.offset / by)
    return Canonical(unit.factor, unit.dimension, scale=unit.scale, prefix=unit.prefix * by)


__all__ = [
    "Canonical",
    "InvalidUnit",
    "canonical",
    "canonical_cql",
    "convert",
    "equivalent_unit",
    "is_valid",
    "normalize_calendar",
    "ratio",
]


def product(a: str, b: str, sign: str) -> str | None:
    """The unit of a product (`.`) or quotient (`/`) of two units; None when it is none in UCUM."""
    if b == "1":
        return a
    if a == b and sign == "/":
        return "1"
    if a == b and a.isalpha():
        return f"{a}2"
    joined = b if a == "1" and sign == "." else f"{a}{sign}{b}" if "/" not in b else f"{a}{sign}({b})"
    return joined if is_valid(joined) else None
