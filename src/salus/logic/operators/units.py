"""Quantities in comparisons and sums: units become factors while compiling.

The units a column can have are known (they are few), so that converting is a CASE over them with exact factors, and a
column of one unit needs none. Scales that begin elsewhere (Cel, [degF]) take a summand, too; where that is not exact,
or they are to be added up, this engine refuses them. Incommensurable units compare to null. Source: CQL 1.5
Reference, "Quantity" and B.4; UCUM through `salus.terminology.ucum`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal

from salus.logic.context import Unsupported
from salus.logic.expr import NULL, Const, E, Op, and_, case, compare, eq, not_null
from salus.logic.values import DECIMAL, Mismatch, Point, Quantity
from salus.terminology import ucum


def units_of(quantity: Quantity) -> frozenset[str]:
    """The units a quantity can have. Raises Unsupported where logic puts it together from a text that may be any."""
    if quantity.units is None:
        raise Unsupported("a quantity whose unit is a text of the records can be put out, not computed with")
    return quantity.units


def factor(unit: str, target: str) -> Decimal | None:
    """What one `unit` is in `target` units; None when they do not measure the same, or are on different scales."""
    if unit == target:
        return Decimal(1)
    return ucum.ratio(unit, target)


def common_unit(quantities: Sequence[Quantity]) -> str:
    """The unit to compare in: a constant's, else the first that is known."""
    for quantity in quantities:
        if isinstance(quantity.unit, Const) and isinstance(quantity.unit.value, str):
            return quantity.unit.value
    return min((u for q in quantities for u in units_of(q)), default="1")


def in_unit(quantity: Quantity, target: str) -> E:
    """The number of `target` units in a quantity; null where its unit is not compared with them.

    Mismatch: it is, but does not convert exactly (degrees Fahrenheit to degrees Celsius).
    """
    if quantity.value == NULL:
        return NULL
    if isinstance(quantity.unit, Const):
        return _restated(quantity.value, _way(str(quantity.unit.value), target))
    branches = []
    for unit in sorted(units_of(quantity)):
        way = _way(unit, target)
        if way is not None:
            branches.append((eq(quantity.unit, Const(unit)), _restated(quantity.value, way)))
    return case(branches)


def as_unit(quantity: Quantity, target: str) -> E:
    """The number of `target` units in a quantity as one asks for it: null where its unit does not convert.

    Mismatch: as of `in_unit`, and where a curved scale leads there (pH).
    """
    for unit in sorted(units_of(quantity)):
        if ucum.kind(unit) != ucum.kind(target) and ucum.convertible(unit, target):
            raise _two_scales(unit, target)
    return in_unit(quantity, target)


_Way = tuple[Decimal, Decimal]
"""What to multiply with and what to add then, from one unit to another."""


def _way(unit: str, target: str) -> _Way | None:
    """None where the units do not measure the same."""
    if (scale := factor(unit, target)) is not None:
        return scale, Decimal(0)
    if ucum.kind(unit) != ucum.kind(target):
        return None
    if (found := ucum.linear(unit, target)) is None:
        raise _two_scales(unit, target)
    return found


def _two_scales(unit: str, target: str) -> Mismatch:
    return Mismatch(f"quantities in {unit} and in {target}, two scales of one thing, are not put together here")


def _restated(value: E, way: _Way | None) -> E:
    """A number in another unit, exact for constants."""
    made = scaled(value, way[0] if way else None)
    if way is None or not way[1] or made == NULL:
        return made
    if isinstance(made, Const):
        return Const(Decimal(str(made.value)) + way[1])
    return Op("add", (made, Const(way[1])))


def computed_in(unit: E, units: frozenset[str], amount: Callable[[str], E]) -> Quantity:
    """A quantity in the unit a row has; `amount` gives its number for each unit that can be."""
    if isinstance(unit, Const):
        return Quantity(amount(str(unit.value)), unit, frozenset({str(unit.value)}))
    if len(units) <= 1:
        only = next(iter(units), "1")
        return Quantity(amount(only), Const(only), frozenset({only}))
    return Quantity(case([(eq(unit, Const(one)), amount(one)) for one in sorted(units)]), unit, units)


def aggregated(quantity: Quantity, unit: E, statistic: Callable[[E], E], aggregate: Callable[[E], E]) -> Quantity:
    """A statistic of quantities, in `unit` (one of theirs); null where a group holds several kinds of thing."""
    units = units_of(quantity)
    if isinstance(quantity.unit, Const) or len(units) <= 1:
        one = common_unit([quantity])
        return Quantity(statistic(in_unit(quantity, one)), Const(one), frozenset({one}))
    targets = _targets((quantity,))
    if odd := next((unit for unit in sorted(units) if factor(targets[ucum.kind(unit)], unit) is None), None):
        raise Mismatch(f"quantities in {odd} and on another scale are not put together here")
    kind, amount = _measured(quantity, targets)
    kind = case([(not_null(quantity.value), kind)])
    first, last = (aggregate(Op(end, (kind,))) for end in ("min", "max"))
    found = statistic(amount)
    restated = [(eq(unit, Const(u)), scaled(found, factor(targets[ucum.kind(u)], u))) for u in sorted(units)]
    return Quantity(case([(eq(first, last), case(restated))]), unit, units)


def sort_keys(quantity: Quantity) -> tuple[E, ...]:
    """Columns that sort quantities: what they measure (where units differ in that), then how much, in one unit."""
    if isinstance(quantity.unit, Const):
        return (quantity.value,)
    targets = _targets((quantity,))
    kind, amount = _measured(quantity, targets)
    return (amount,) if len(targets) <= 1 else (kind, amount)


def _targets(quantities: Sequence[Quantity]) -> dict[str, str]:
    """A unit to count in for each kind of thing the quantities can measure."""
    kinds: dict[str, list[str]] = {}
    for unit in sorted({unit for quantity in quantities for unit in units_of(quantity)}):
        kinds.setdefault(ucum.kind(unit), []).append(unit)
    return {kind: _target(units) for kind, units in kinds.items()}


def _target(units: Sequence[str]) -> str:
    """The finest, which loses no digits; of several scales, one that all can be told on exactly."""
    finest = units[0]
    for unit in units[1:]:
        if (factor(unit, finest) or 1) < 1:
            finest = unit
    on_all = (unit for unit in (finest, *units) if all(factor(u, unit) or ucum.linear(u, unit) for u in units))
    return next(on_all, finest)


def _measured(quantity: Quantity, targets: dict[str, str]) -> tuple[E, E]:
    """What a quantity measures, and how much in that kind's unit."""
    units = [(unit, ucum.kind(unit)) for unit in sorted(units_of(quantity))]
    kind = case([(eq(quantity.unit, Const(unit)), Const(name)) for unit, name in units])
    amounts = [
        (eq(quantity.unit, Const(unit)), _restated(quantity.value, _way(unit, targets[name]))) for unit, name in units
    ]
    return kind, case(amounts)


def scaled(value: E, scale: Decimal | None) -> E:
    """value * scale, exact for constants."""
    if scale is None or value == NULL:
        return NULL
    if scale == 1:
        return value
    if isinstance(value, Const) and isinstance(value.value, (int, Decimal)):
        return Const(Decimal(value.value) * scale)
    return Op("mul", (value, Const(scale)))


def compare_quantities(name: str, a: Quantity, b: Quantity) -> E:
    """eq, ne, lt, le, gt, ge of two quantities in a common unit; null where they do not measure the same."""
    if any(isinstance(q.unit, Const) for q in (a, b)):
        target = common_unit((a, b))
        with suppress(Mismatch):  # there may be another unit in which they are
            return compare(name, in_unit(a, target), in_unit(b, target))
    targets = _targets((a, b))
    kinds, amounts = zip(*(_measured(q, targets) for q in (a, b)), strict=True)
    result = compare(name, *amounts)
    return result if len(targets) <= 1 else case([(eq(*kinds), result)])


def equivalent_quantities(a: Quantity, b: Quantity, same: Callable[[E, E], E]) -> E:
    """Whether quantities are the `same` in b's unit, where calendar years and months are UCUM's (B.4 Equivalent)."""
    branches = []
    for x in sorted(units_of(a)):
        for y in sorted(units_of(b)):
            units = ucum.equivalent_unit(x), ucum.equivalent_unit(y)
            if ucum.kind(units[0]) == ucum.kind(units[1]):
                here = and_(eq(a.unit, Const(x)), eq(b.unit, Const(y)))
                branches.append((here, same(_restated(a.value, _way(*units)), b.value)))
    return case(branches)


def as_point(quantity: Quantity, target: str) -> Point:
    """The quantity as a plain decimal of `target` units."""
    return Point(DECIMAL, in_unit(quantity, target))
