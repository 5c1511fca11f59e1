"""Derive the table of UCUM units that Salus ships (src/salus/terminology/ucum_units.txt) from
ucum-essence.xml.

    python scripts/derive_ucum_table.py ../shared/data/specs/ucum/ucum-essence.xml

One line per prefix or unit, fields parted by tabs:
    prefix  code  value
    base    code
    unit    code  metric (m or -)  kind (= defined, * arbitrary, else the name of a special function)
    value  unit
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

GOAL = Path(__file__).resolve().parent.parent / "src/salus/terminology/ucum_units.txt"
NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"
HEADER = """\
# Units of the Unified Code for Units of Measure (UCUM), version {version} of {date}; made by
scripts/derive_ucum_table.py. # This product includes all or a portion of the UCUM table, UCUM codes, and UCUM
definitions or is derived from it, subject # to a license from Regenstrief Institute, Inc. and The UCUM
Organization. The UCUM table, codes and definitions are # copyright (c) 1995-2024, Regenstrief Institute, Inc.
and The UCUM Organization (http://unitsofmeasure.org).
"""


def lines(root: ET.Element) -> Iterator[tuple[str, ...]]:
    for prefix in root.iter(f"{NAMESPACE}prefix"):
        yield "prefix", prefix.attrib["Code"], prefix.find(f"{NAMESPACE}value").attrib["value"]  # type: ignore[union-attr]
    for base in root.iter(f"{NAMESPACE}base-unit"):
        yield "base", base.attrib["Code"]
    for unit in root.iter(f"{NAMESPACE}unit"):
        yield "unit", unit.attrib["Code"], *definition(unit)


def definition(unit: ET.Element) -> tuple[str, str, str, str]:
    metric = "m" if unit.get("isMetric") == "yes" else "-"
    value = unit.find(f"{NAMESPACE}value")
    assert value is not None
    function = value.find(f"{NAMESPACE}function")
    if function is not None:
        return metric, function.attrib["name"], function.attrib["value"], function.attrib["Unit"]
    arbitrary = unit.get("isArbitrary") == "yes" and value.attrib["Unit"] == "1"
    return metric, "*" if arbitrary else "=", value.attrib["value"], value.attrib["Unit"]


def main(source: str) -> None:
    root = ET.parse(source).getroot()
    header = HEADER.format(version=root.get("version"), date=root.get("revision-date"))
    GOAL.write_text(header + "".join("\t".join(line) + "\n" for line in lines(root)), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1])
