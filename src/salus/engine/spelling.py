"""Operators spelled as SQL of DuckDB, one by one, by a table.

What is spelled is text at once: a run of many measures has millions of nodes, and a tree of SQL beside that of the
logic would take longer to build and to print than the database takes to read it. A piece knows how it holds together,
so that parentheses stand where they are needed. Leaves to others: relations, and what stands where (`base`); what an
operator means (`salus.logic`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

WHOLE, LOOSE, CONNECTED = 0, 1, 2
"""How a piece holds together: a name, call or case; an operator between operands; `AND` or `OR`."""


class Sql(NamedTuple):
    """A piece of SQL text."""

    text: str
    hold: int = WHOLE


TRUE, FALSE, NULL, ZERO = Sql("TRUE"), Sql("FALSE"), Sql("NULL"), Sql("0")


def quoted(name: str) -> str:
    """A name as SQL takes it whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> Sql:
    """A constant."""
    match value:
        case None:
            return NULL
        case bool():
            return TRUE if value else FALSE
        case datetime():
            return Sql(f"CAST('{value.isoformat(sep=' ', timespec='milliseconds')}' AS TIMESTAMP)")
        case int():
            return Sql(str(value), LOOSE if value < 0 else WHOLE)
        case Decimal():
            return Sql(f"{value:f}", LOOSE if value < 0 else WHOLE)
    text = str(value).replace("'", "''")
    return Sql(f"'{text}'")


def call(name: str, *args: Sql) -> Sql:
    """A function of some arguments."""
    return Sql(f"{name}({', '.join(arg.text for arg in args)})")


def cases(branches: Sequence[tuple[Sql, Sql]], otherwise: Sql | None = None) -> Sql:
    """CASE WHEN ... END."""
    parts = [f" WHEN {condition.text} THEN {value.text}" for condition, value in branches]
    rest = "" if otherwise is None or otherwise == NULL else f" ELSE {otherwise.text}"
    return Sql(f"CASE{''.join(parts)}{rest} END")


def connected(word: str, parts: Sequence[Sql]) -> Sql:
    """Conditions with AND or OR between them."""
    if len(parts) == 1:
        return parts[0]
    return Sql(f" {word} ".join(f"({p.text})" if p.hold == CONNECTED else p.text for p in parts), CONNECTED)


def _in_parentheses(piece: Sql) -> str:
    return piece.text if piece.hold == WHOLE else f"({piece.text})"


def _between(word: str) -> Callable[..., Sql]:
    return lambda a, b: Sql(f"{_in_parentheses(a)} {word} {_in_parentheses(b)}", LOOSE)


def _function(name: str) -> Callable[..., Sql]:
    return lambda *args: call(name, *args)


def _cast(kind: str, word: str = "CAST") -> Callable[[Sql], Sql]:
    return lambda a: Sql(f"{word}({a.text} AS {kind})")


def _word(constant: Sql) -> str:
    """The text of a literal."""
    return constant.text[1:-1].replace("''", "'")


def _not(a: Sql) -> Sql:
    return Sql(f"NOT {_in_parentheses(a)}", LOOSE)


def _is_null(a: Sql) -> Sql:
    return Sql(f"{_in_parentheses(a)} IS NULL", LOOSE)


def _not_null(a: Sql) -> Sql:
    return Sql(f"{_in_parentheses(a)} IS NOT NULL", LOOSE)


def or_false(a: Sql) -> Sql:
    """Whether it is true, null counting as false."""
    return call("COALESCE", a, FALSE)


def _after(number: Sql, place: Sql) -> Sql:
    """A place in the list of that number, counted on from the lists before it."""
    return Sql(f"{int(number.text) << 40} + {_in_parentheses(place)}", LOOSE)


def _product_of_decimals(a: Sql, b: Sql) -> Sql:
    """Decimal arithmetic: computed in doubles, kept to 8 places."""
    return Sql(f"CAST(ROUND(CAST({a.text} AS DOUBLE) * CAST({b.text} AS DOUBLE), 8) AS DECIMAL(28, 8))")


def _struct(*parts: Sql) -> Sql:
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return Sql("{" + ", ".join(f"{name.text}: {value.text}" for name, value in pairs) + "}")


def _picked(function: str) -> Callable[[Sql, Sql], Sql]:
    """arg_min and arg_max that keep nulls: the value travels inside a struct."""
    return lambda value, key: Sql(f"STRUCT_EXTRACT({function}({{'v': {value.text}}}, {key.text}), 'v')")


def _count(*args: Sql) -> Sql:
    return call("COUNT", cases([(args[0], Sql("1"))])) if args else Sql("COUNT(*)")


def _only(value: Sql) -> Sql:
    return cases([(Sql("COUNT(*) = 1", LOOSE), call("ANY_VALUE", value))])


def _order(keys: Sequence[Sql]) -> str:
    return f" ORDER BY {', '.join(key.text for key in keys)}" if keys else ""


def _collect(value: Sql, *order: Sql) -> Sql:
    """The values of a group as a list. Most lists hold one: the database orders lists that are there in half the time
    that it takes to make them in order.
    """
    if not order or any(key.text.endswith(" DESC") for key in order):
        return Sql(f"LIST({value.text}{_order(order)})")
    named = [part for number, key in enumerate(order) for part in (Sql(f"'k{number}'"), key)]
    held = call("LIST", _struct(*named, Sql("'value'"), value))
    ordered = cases([(Sql(f"LEN({held.text}) > 1", LOOSE), call("LIST_SORT", held))], held)
    return Sql(f"LIST_TRANSFORM({ordered.text}, LAMBDA held : held.value)")


def _collected(value: Sql, *order: Sql) -> Sql:
    """The values of a group as a list, nulls left out; null where there are none."""
    return Sql(f"LIST({value.text}{_order(order)}) FILTER (WHERE {_not_null(value).text})", LOOSE)


def _windowed(function: str, partition: Sequence[Sql], order: Sequence[Sql] = (), rows: str = "") -> Sql:
    parts = f"PARTITION BY {', '.join(key.text for key in partition)}" if partition else ""
    return Sql(f"{function} OVER ({(parts + _order(order) + rows).strip()})", LOOSE)


def _greatest_before(value: Sql, partition: Sql, *order: Sql) -> Sql:
    """The greatest value among the rows before this one."""
    before = " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    return _windowed(f"MAX({value.text})", [partition], order, before)


def _seen_first(value: Sql, position: Sql) -> Sql:
    """The value at the least position; of what the position begins with, that is the least of all."""
    begins = position.text.startswith((f"ROW({value.text})", f"ROW({value.text}, "))
    return call("MIN", value) if begins else call("ARG_MIN", value, position)


def _first_seen(value: Sql, position: Sql, *same: Sql) -> Sql:
    """The value at the least position among the rows that are the same."""
    return _windowed(call("ARG_MIN", value, position).text, same)


def _fold(items: Sql, step: Sql, initial: Sql) -> Sql:
    """The state after the last item: `step` makes it of the state so far and the item."""
    reduced = f"LIST_REDUCE({items.text}, LAMBDA so_far, item : {step.text}, {initial.text})"
    return Sql(f"STRUCT_EXTRACT({reduced}, 'value')")


def _geometric_mean(value: Sql) -> Sql:
    """Of positive numbers; null as soon as one is not."""
    above = _between(">")
    mean = call("EXP", call("AVG", cases([(above(value, ZERO), call("LN", value))])))
    return cases([(above(call("MIN", value), ZERO), mean)])


def _in(value: Sql, *items: Sql) -> Sql:
    return Sql(f"{_in_parentheses(value)} IN ({', '.join(item.text for item in items)})", LOOSE)


def spelled(name: str, args: Sequence[Sql]) -> Sql:
    """An operator of the logic; one that is not in the table is a function of that name."""
    spell = _SPELLING.get(name)
    return call(name.upper(), *args) if spell is None else spell(*args)


_ARITHMETIC = ("add", "sub", "mul", "intdiv", "mod", "pow", "abs")
_NUMBERS = ("integer", "long", "decimal")
_MACROS = """
div_decimal exp ln log round truncate ceiling floor_number time_of_day moment_low moment_precision time_low
time_precision moment_text offset_text offset_minutes floor_to make_time split_last normalise split substring
substring_of position last_position replace_matches joined equivalent to_integer to_long to_decimal to_boolean
decimal_text amount_text within_years
"""
"""Operators that are macros of their own name (macros.sql)."""

_SPELLING: dict[str, Callable[..., Sql]] = {
    "and": lambda *parts: connected("AND", parts),
    "or": lambda *parts: connected("OR", parts),
    "not": _not,
    "is_true": or_false,
    "not_true": lambda a: _not(or_false(a)),
    "is_null": _is_null,
    "not_null": _not_null,
    "eq": _between("="),
    "ne": _between("<>"),
    "lt": _between("<"),
    "le": _between("<="),
    "gt": _between(">"),
    "ge": _between(">="),
    "in": _in,
    "coalesce": _function("COALESCE"),
    **{f"{name}_{kind}": _function(f"salus_{name}_{kind}") for name in _ARITHMETIC for kind in _NUMBERS},
    **{name: _function(f"salus_{name}") for name in _MACROS.split()},
    "mul": _product_of_decimals,
    "negate": lambda a: Sql(f"-{_in_parentheses(a)}", LOOSE),
    "as_decimal": _cast("DECIMAL(28, 8)"),
    "as_integer": _cast("INT"),
    "as_text": _cast("TEXT"),
    "code_number": _cast("UINTEGER"),
    "to_json": _function("TO_JSON"),
    "json": _cast("JSON"),
    "split_on_matches": _function("STRING_SPLIT_REGEX"),
    "floor": lambda e, unit: call("DATE_TRUNC", unit, e),
    "part": lambda e, unit: call("salus_part_" + _word(unit), e),
    "add_time": lambda e, amount, unit: call("salus_add_" + _word(unit), e, amount),
    "duration": lambda a, b, unit: call("salus_duration_" + _word(unit), a, b),
    "least": _function("LEAST"),
    "greatest": _function("GREATEST"),
    "concat": lambda *parts: Sql(" || ".join(map(_in_parentheses, parts)), LOOSE),
    "size": _function("LEN"),
    "collected": _collected,
    "matches": _function("REGEXP_FULL_MATCH"),
    "row": _function("ROW"),
    "row_number": lambda: Sql("ROW_NUMBER() OVER ()", LOOSE),
    "numbered": lambda partition, *order: _windowed("ROW_NUMBER()", [partition], order),
    "descending": lambda a: Sql(f"{a.text} DESC", LOOSE),
    "greatest_before": _greatest_before,
    "count_so_far": lambda condition, partition, *order: _windowed(_count(condition).text, [partition], order),
    "first_seen": _first_seen,
    "after": _after,
    "seen_first": _seen_first,
    "how_many": lambda *same: _windowed("COUNT(*)", same),
    "product": _function("PRODUCT"),
    "geometric_mean": _geometric_mean,
    "as_fitting_integer": _cast("INT", "TRY_CAST"),
    "as_fitting_long": _cast("BIGINT", "TRY_CAST"),
    "as_fitting_decimal": _function("salus_decimal"),
    "fold": _fold,
    "so_far": lambda name: Sql(f"so_far.{quoted(_word(name))}"),
    "of_item": lambda name: Sql(f"item.{quoted(_word(name))}"),
    "as_type": lambda a, name: _cast(_word(name))(a),
    "each": _function("UNNEST"),
    "range": _function("GENERATE_SERIES"),
    "struct": _struct,
    "list": _function("LIST_VALUE"),
    "collect": _collect,
    "count": _count,
    "only": _only,
    "arg_min": _picked("ARG_MIN"),
    "arg_max": _picked("ARG_MAX"),
    "every": _function("BOOL_AND"),
    "some": _function("BOOL_OR"),
}
