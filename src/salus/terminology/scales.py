"""The special scales of UCUM (sections 21 and 22): temperatures with an offset, logarithms, tangents, roots.

Leaves to others: which unit is on which scale (`ucum_units.txt`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

_DIGITS: Final = Context(prec=34)


@dataclass(frozen=True)
class Scale:
    """A curved scale: from a value on it to multiples of its reference quantity, and back."""

    name: str
    to_reference: Callable[[Fraction], Fraction]
    from_reference: Callable[[Fraction], Fraction]


def exact(value: Fraction) -> Decimal:
    """A fraction as a decimal of 34 digits."""
    return _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))


def _power(base: Decimal, times: int) -> Callable[[Fraction], Fraction]:
    return lambda value: Fraction(_DIGITS.power(base, exact(value / times)))


def _log(base: Decimal, times: int) -> Callable[[Fraction], Fraction]:
    def log(value: Fraction) -> Fraction:
        logarithm = _DIGITS.log10(exact(value)) if base == 10 else _DIGITS.ln(exact(value)) / _DIGITS.ln(base)
        return Fraction(logarithm) * times

    return log


def _logarithmic(name: str, base: Decimal, times: int = 1) -> Scale:
    """A value is times * log(quantity / reference)."""
    return Scale(name, _power(base, times), _log(base, times))


def _tangent(name: str, radians: float) -> Scale:
    """A value is 100 * tan(angle); the reference quantity is an angle of `radians`."""
    return Scale(
        name,
        lambda value: Fraction(math.atan(value / 100) / radians),
        lambda value: Fraction(math.tan(value * radians)) * 100,
    )


_E: Final = _DIGITS.exp(Decimal(1))
_ROOT: Final = Scale("sqrt", lambda value: value * value, lambda value: Fraction(_DIGITS.sqrt(exact(value))))

SCALES: Final[Mapping[str, Scale | Fraction]] = {
    "Cel": Fraction("273.15"),
    "degF": Fraction("459.67"),
    "degRe": Fraction("218.52"),
    "pH": _logarithmic("pH", Decimal(10), -1),
    "lg": _logarithmic("lg", Decimal(10)),
    "lgTimes2": _logarithmic("lgTimes2", Decimal(10), 2),
    "ln": _logarithmic("ln", _E),
    "ld": _logarithmic("ld", Decimal(2)),
    "hpX": _logarithmic("hpX", Decimal(10), -1),
    "hpC": _logarithmic("hpC", Decimal(100), -1),
    "hpM": _logarithmic("hpM", Decimal(1000), -1),
    "hpQ": _logarithmic("hpQ", Decimal(50000), -1),
    "tanTimes100": _tangent("tanTimes100", 1.0),
    "100tan": _tangent("100tan", math.radians(1)),
    "sqrt": _ROOT,
}
"""For each function of the table: the offset of a temperature scale in its own degrees, or a curved scale."""
