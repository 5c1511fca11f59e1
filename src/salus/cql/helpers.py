"""FHIRHelpers for content that brings none: the conversions from FHIR's types to CQL's that the model calls for.

Most say the same of one type after another and are made from the model's table; those of types with parts are written
out here. Content that has a FHIRHelpers of its own is read with that.
Leaves to others: when a conversion is implied (`cql.conversions`).
Source: FHIR 4.0.1 model description, conversions; Using CQL with FHIR, "FHIR type mapping".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from salus.cql.models import model
from salus.cql.source import Source
from salus.elm.types import Named

NAME, VERSION = "FHIRHelpers", "4.0.1"

_WITH_PARTS = """
// A quantity with a comparator is no exact amount: it has no System value, but lies in an interval.
define function ToQuantity(quantity FHIR.Quantity):
  if quantity.comparator.value is not null then null else ToQuantityIgnoringComparator(quantity)

define function ToQuantityIgnoringComparator(quantity FHIR.Quantity):
  if quantity.value.value is null or (quantity.system.value is not null and not (quantity.system.value in
      {'http://unitsofmeasure.org', 'http://hl7.org/fhirpath/CodeSystem/calendar-units'})) then null
  else System.Quantity {
    value: quantity.value.value,
    unit: ToCalendarUnit(Coalesce(quantity.code.value, quantity.unit.value, '1')) }

define function ToCalendarUnit(unit System.String):
  case unit
    when 'a' then 'year' when 'mo' then 'month' when 'wk' then 'week' when 'd' then 'day'
    when 'h' then 'hour' when 'min' then 'minute' when 's' then 'second' when 'ms' then 'millisecond'
    else unit
  end

define function ToInterval(quantity FHIR.Quantity):
  ToBounds(ToQuantityIgnoringComparator(quantity), Coalesce(quantity.comparator.value, ''))

define function ToBounds(amount System.Quantity, comparator System.String):
  if amount is null then null
  else case comparator
    when '<' then Interval[null as System.Quantity, amount)
    when '<=' then Interval[null as System.Quantity, amount]
    when '>' then Interval(amount, null as System.Quantity]
    when '>=' then Interval[amount, null as System.Quantity]
    else Interval[amount, amount]
  end

define function ToInterval(range FHIR.Range):
  if range is null then null else Interval[ToQuantity(range.low), ToQuantity(range.high)]

// A missing start is not known; a missing end has not come yet.
define function ToInterval(period FHIR.Period):
  if period is null then null
  else if period."start".value is null then Interval(period."start".value, period."end".value]
  else Interval[period."start".value, period."end".value]

define function ToRatio(ratio FHIR.Ratio):
  if ratio is null then null
  else System.Ratio { numerator: ToQuantity(ratio.numerator), denominator: ToQuantity(ratio.denominator) }

define function ToCode(coding FHIR.Coding):
  if coding is null then null
  else System.Code {
    code: coding.code.value, system: coding.system.value, version: coding.version.value, display: coding.display.value }

define function ToConcept(concept FHIR.CodeableConcept):
  if concept is null then null
  else System.Concept { codes: concept.coding C return ToCode(C), display: concept.text.value }
"""


@cache
def fhir_helpers() -> Source:
    """The text of the library."""
    head = f"library {NAME} version '{VERSION}'\nusing FHIR version '{VERSION}'\ncontext Patient\n"
    return Source(head + _WITH_PARTS + "\n".join(_of_primitives()) + "\n", NAME)


def _of_primitives() -> Iterator[str]:
    """A conversion of a type with a value is that value."""
    fhir = model("FHIR", VERSION)
    assert fhir is not None
    for (source, target), function in sorted(fhir.conversions.items(), key=str):
        if isinstance(target, Named) and target.name.removeprefix("System.") in _PLAIN:
            yield f"define function {function.rpartition('.')[2]}(value {source}): value.value"


_PLAIN = ("Boolean", "Integer", "Decimal", "String", "Date", "DateTime", "Time")
