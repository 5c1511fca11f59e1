"""Where a found value differs from the expected one; strict, part by part, with no operator of CQL.

- A value is of the type that is expected: 2 is not 2.0, and a Date no DateTime.
- Decimals are the same by value, whatever their scale (a test of scale asks for it as a text).
- Dates state the same components. No offset stated is that of the evaluation, which is UTC here.
- Quantities have the same value and the same unit text; units are not converted.
- Intervals have the same bounds and the same closed ends. The suite writes an uncertain value as the closed interval of
  all it can be, so one stands for the other.
- An element of a structure that is null and one that is not there are the same, as the suite leaves them out.
"""

from __future__ import annotations

from salus.conformance.values import Moment, Quantity, Range, Ratio, Structure, Value, told


def difference(expected: Value, found: Value, path: str = "") -> str | None:
    """The first difference as a sentence; None when there is none."""
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return _lists(expected, found, path)
    if isinstance(expected, Structure) and isinstance(found, Structure):
        return _structures(expected, found, path)
    if isinstance(expected, Range) and isinstance(found, Range):
        return _ranges(expected, found, path)
    if isinstance(expected, Ratio) and isinstance(found, Ratio):
        return difference(expected.numerator, found.numerator, f"{path}.numerator") or difference(
            expected.denominator, found.denominator, f"{path}.denominator"
        )
    return None if _same(expected, found) else _said(expected, found, path)


def _same(expected: Value, found: Value) -> bool:
    if type(expected) is not type(found):
        return False
    if isinstance(expected, Moment) and isinstance(found, Moment):
        return _moment_key(expected) == _moment_key(found)
    if isinstance(expected, Quantity) and isinstance(found, Quantity):
        return (expected.value, _unit(expected.unit)) == (found.value, _unit(found.unit))
    return expected == found


def _moment_key(moment: Moment) -> tuple[str, tuple[int, ...], int]:
    return moment.type, moment.parts, moment.offset or 0


def _unit(unit: str) -> str:
    """Calendar units read the same in singular and plural."""
    calendar = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    return unit[:-1] if unit[:-1] in calendar and unit.endswith("s") else unit or "1"


def _lists(expected: tuple[Value, ...], found: tuple[Value, ...], path: str) -> str | None:
    if len(expected) != len(found):
        return _said(expected, found, path)
    pairs = enumerate(zip(expected, found, strict=True))
    return next((said for i, (x, y) in pairs if (said := difference(x, y, f"{path}[{i}]"))), None)


def _structures(expected: Structure, found: Structure, path: str) -> str | None:
    if expected.name != found.name:
        return _said(expected, found, path)
    names = dict.fromkeys((*expected.fields, *found.fields))
    pairs = ((name, expected.fields.get(name), found.fields.get(name)) for name in names)
    return next((said for name, x, y in pairs if (said := difference(x, y, f"{path}.{name}"))), None)


def _ranges(expected: Range, found: Range, path: str) -> str | None:
    if (expected.low_closed, expected.high_closed) != (found.low_closed, found.high_closed):
        return _said(expected, found, path)
    low = difference(expected.low, found.low, f"{path}.low")
    return low or difference(expected.high, found.high, f"{path}.high")


def _said(expected: Value, found: Value, path: str) -> str:
    place = f"{path.removeprefix('.')}: " if path else ""
    return f"{place}expected {told(expected)}, found {told(found)}"
