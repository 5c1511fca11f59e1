"""Units: the official functional tests of UCUM, and what CQL adds to it."""

from __future__ import annotations

import runpy
import xml.etree.ElementTree as ET
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest

from salus.terminology.ucum import (
    InvalidUnit,
    canonical,
    canonical_cql,
    convert,
    equivalent_unit,
    is_valid,
    linear,
    normalize_calendar,
    ratio,
)


def cases(shared_data: Callable[[str], Path], section: str) -> list[ET.Element]:
    tree = ET.parse(shared_data("specs/ucum/UcumFunctionalTests.xml"))
    return list(tree.getroot().iterfind(f"{section}/case"))


def agrees(found: Decimal | None, expected: str) -> bool:
    """Equal in as many digits as the test gives, or to 15 (its constants are rounded)."""
    wanted = Decimal(expected)
    if found is None:
        return False
    rounded = Context(prec=len(wanted.as_tuple().digits)).plus(found)
    return rounded == wanted or abs(found - wanted) <= abs(wanted) * Decimal("1e-15")


def test_official_validation(shared_data: Callable[[str], Path]) -> None:
    found = cases(shared_data, "validation")
    wrong = [c.attrib for c in found if is_valid(c.attrib["unit"]) != (c.attrib["valid"] == "true")]
    assert (len(found), wrong) == (529, [])


def test_official_conversion(shared_data: Callable[[str], Path]) -> None:
    found = cases(shared_data, "conversion")
    wrong = [
        c.attrib
        for c in found
        if not agrees(
            convert(Decimal(c.attrib["value"]), c.attrib["srcUnit"], c.attrib["dstUnit"]), c.attrib["outcome"]
        )
    ]
    assert (len(found), wrong) == (30, [])


@pytest.mark.parametrize(("section", "sign"), [("multiplication", "."), ("division", "/")])
def test_official_products(shared_data: Callable[[str], Path], section: str, sign: str) -> None:
    for case in cases(shared_data, section):
        a = case.attrib
        first, second = Decimal(a["v1"]), Decimal(a["v2"])
        value = first * second if sign == "." else first / second
        found = convert(value, f"({a['u1']}){sign}({a['u2']})", a["uRes"] or "1")
        assert agrees(found, a["vRes"]), a


@pytest.mark.parametrize(
    ("value", "source", "goal", "expected"),
    [
        ("37", "Cel", "[degF]", "98.6"),
        ("98.6", "[degF]", "Cel", "37"),
        ("37000", "mCel", "K", "310.15"),
        ("0", "[degRe]", "Cel", "0"),
        ("7.4", "[pH]", "mol/L", "3.981071705534972507702523050877520E-8"),
        ("1e-7", "mol/L", "[pH]", "7"),
        ("20", "dB", "1", "100"),
        ("1", "B[V]", "V", "3.162277660168379331998893544432719"),
        ("3", "bit_s", "1", "8"),
        ("1", "[lb_av]", "kg", "0.45359237"),
        ("180", "[lb_av]", "kg", "81.6466266"),
        ("7", "%", "mmol/mol", "70"),
        ("10", "[iU]/mL", "[IU]/L", "10000"),
        ("1", "10*3/uL", "10*9/L", "1"),
        ("120", "mm[Hg]", "kPa", "15.99864"),
        ("5", "mg/dL{total}", "g/L", "0.05"),
        ("2.50", "kg", "kg", "2.50"),
    ],
)
def test_conversion(value: str, source: str, goal: str, expected: str) -> None:
    found = convert(Decimal(value), source, goal)
    assert found is not None
    assert abs(found - Decimal(expected)) <= abs(Decimal(expected)) * Decimal("1e-30")


def test_angles_are_converted_by_their_tangent() -> None:
    for unit in ("%[slope]", "[p'diop]"):
        found = convert(Decimal(45), "deg", unit)
        assert found is not None
        assert abs(found - 100) < Decimal("1e-9")


@pytest.mark.parametrize(
    ("source", "goal"),
    [("kg", "m"), ("[iU]", "1"), ("[iU]", "[arb'U]"), ("Cel", "m"), ("mg/dL", "mmol/L")],
)
def test_units_of_different_things_do_not_convert(source: str, goal: str) -> None:
    assert convert(Decimal(1), source, goal) is None


def test_a_value_that_a_scale_does_not_have_does_not_convert() -> None:
    assert convert(Decimal(0), "mol/L", "[pH]") is None
    assert convert(Decimal(-1), "m2/s4/Hz", "[m/s2/Hz^(1/2)]") is None


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "mmHg",
        "beats/minute",
        "m//s",
        "m.",
        "(m",
        "m)",
        "0.m",
        "Cel2",
        "Cel.m",
        "m/Cel",
        "mg dL",
        "kkg",
        "k",
    ],
)
def test_what_is_not_a_unit_is_refused_by_name(unit: str) -> None:
    assert not is_valid(unit)
    with pytest.raises(InvalidUnit, match="is not a unit of measure"):
        canonical(unit)


def test_canonical_is_exact() -> None:
    assert canonical("mm[Hg]").dimension == "g.m-1.s-2"
    assert canonical("mm[Hg]").factor == 133322
    assert canonical("[in_i]").factor == Fraction(254, 10_000)
    assert canonical("1").dimension == canonical("{score}").dimension == "1"
    assert canonical("Cel").offset == Fraction("273.15")


@pytest.mark.parametrize(
    ("unit", "normal", "equivalent"),
    [
        ("day", "d", "d"),
        ("weeks", "wk", "wk"),
        ("milliseconds", "ms", "ms"),
        ("years", "year", "a"),
        ("month", "month", "mo"),
        ("d", None, "d"),
        ("s", None, "s"),
        ("kg", None, "kg"),
    ],
)
def test_calendar_units(unit: str, normal: str | None, equivalent: str) -> None:
    assert normalize_calendar(unit) == normal
    assert equivalent_unit(unit) == equivalent


@pytest.mark.parametrize(
    ("unit", "target", "expected"),
    [
        ("weeks", "days", "7"),
        ("week", "d", "7"),
        ("years", "months", "12"),
        ("year", "a", None),
        ("months", "days", None),
        ("", "1", "1"),
        ("g/L", "mg/dL", "100"),
        ("Cel", "[degF]", None),
        ("Cel", "K", None),
        ("[degF]", "[degF]", "1"),
        ("mmHg", "mm[Hg]", None),
        ("[pH]", "mol/L", None),
    ],
)
def test_ratio_of_cql_units(unit: str, target: str, expected: str | None) -> None:
    assert ratio(unit, target) == (None if expected is None else Decimal(expected))


def test_no_unit_is_a_plain_number() -> None:
    assert canonical_cql(None) == canonical_cql("") == canonical("1")


def test_the_table_is_what_the_script_makes(shared_data: Callable[[str], Path]) -> None:
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts/derive_ucum_table.py"))
    root = ET.parse(shared_data("specs/ucum/ucum-essence.xml")).getroot()
    shipped = files("salus.terminology").joinpath("ucum_units.txt").read_text()
    made = ["\t".join(line) for line in script["lines"](root)]
    assert [line for line in shipped.splitlines() if not line.startswith("#")] == made


@pytest.mark.parametrize(
    ("unit", "target", "expected"),
    [
        ("Cel", "[degF]", ("1.8", "32")),
        ("K", "Cel", ("1", "-273.15")),
        ("[degF]", "Cel", None),
        ("g", "mg", ("1000", "0")),
        ("Cel", "g", None),
        ("odd", "g", None),
    ],
)
def test_scales_that_begin_elsewhere(unit: str, target: str, expected: tuple[str, str] | None) -> None:
    assert linear(unit, target) == (expected and tuple(map(Decimal, expected)))
