"""What authors write in TOML, held to the keys there are and the form each has: every fault names file, table and key.

Leaves to others: what the keys mean (`measure.authored`, `measure.table`, `measure.testing.cases`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from reprlib import repr as shortened
from typing import Any, Final, NamedTuple

from salus.cql.diagnostics import did_you_mean
from salus.errors import SalusError

Json = dict[str, Any]


class Form(NamedTuple):
    """How a value is written: in words, and whether one is."""

    words: str
    fits: Callable[[Any], bool]


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


ANY: Final = Form("anything", lambda value: True)
PLAIN: Final = Form("one value", _is_plain)
TEXT: Final = Form("a text", _is_text)
TEXTS: Final = Form("a list of texts", _list_of(_is_text))
TEXT_OR_TEXTS: Final = Form("a text, or a list of texts", lambda value: TEXT.fits(value) or TEXTS.fits(value))
TABLE: Final = Form("a table", _is_table)
TABLES: Final = Form("a list of tables", _list_of(_is_table))
TWO: Final = Form("a list of two days", lambda value: _list_of(_is_plain)(value) and len(value) == 2)


def held(said: Any, forms: Mapping[str, Form], where: str) -> Json:
    """`said`: a table with no other keys than those of `forms`, each in its form. Raises SalusError."""
    for key, value in tables(said, where, ANY).items():
        check(value, forms[one_of(key, forms, where)], f"{where}: {key}")
    return dict(said)


def tables(said: Any, where: str, form: Form = TABLE) -> Json:
    """`said`: a table of any keys, each in the same form. Raises SalusError."""
    check(said, TABLE, where)
    for key, value in said.items():
        check(value, form, f"{where}: {key}")
    return dict(said)


def check(value: Any, form: Form, where: str) -> None:
    """Raise SalusError for a value that is written another way."""
    if not form.fits(value):
        raise SalusError(f"{where} is written as {form.words}, not {shortened(value)}")


def needed(said: Mapping[str, Any], key: str, where: str) -> Any:
    """The value of a key that may not be left out. Raises SalusError."""
    if key not in said:
        raise SalusError(f"{where} needs {key}")
    return said[key]


def one_of(value: Any, allowed: Collection[str], where: str) -> str:
    """The value, which is one of those `allowed`. Raises SalusError, with the one that was most likely meant."""
    if value not in allowed:
        raise SalusError(f"{where}: {value!r} is not known; {did_you_mean(str(value), allowed)}".rstrip("; "))
    return str(value)
