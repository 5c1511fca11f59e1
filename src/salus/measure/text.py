"""The value of a define as readable text: what goes into strata and attributes.

Works on whole Arrow arrays. A code shows its display, else its code; a concept its own display, else its
codes'; a list its distinct parts joined by "; "; a quantity its value and unit; true and false are those
words; a decimal has the places it needs; unknown stays null.
Leaves to others: what the values mean (`equity` reads attributes).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SHOWN_FIRST = ("display", "codes", "code", "text")


def readable(values: pa.Array) -> pa.Array:
    """`values` of any type as an array of strings, as long as it; null where there is nothing to show."""
    kind = values.type
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.string())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _list(values)
    if pa.types.is_struct(kind):
        return _struct(values)
    text = values.cast(pa.string())
    return _shortest(text) if pa.types.is_decimal(kind) else pc.if_else(pc.equal(text, ""), None, text)


def _shortest(numbers: pa.Array) -> pa.Array:
    """Decimals as people write them, however many places a column has: 30, not 30.00000000 nor 0E-8."""
    for pattern, instead in ((r"^0E-?\d+$", "0"), (r"(\.\d*?)0+$", r"\1"), (r"\.$", "")):
        numbers = pc.replace_substring_regex(numbers, pattern, instead)
    return numbers


def _struct(values: pa.Array) -> pa.Array:
    names = [field.name for field in values.type]
    if {"value", "unit"} <= set(names):
        return joined([_part(values, "value"), _part(values, "unit")], " ")
    if {"low", "high"} <= set(names):
        return joined([_part(values, "low"), _part(values, "high")], " to ")
    if shown := [name for name in _SHOWN_FIRST if name in names]:
        return _first(values, shown)
    return joined([_part(values, name) for name in names], " ") if names else pa.nulls(len(values), pa.string())


def _part(values: pa.Array, name: str) -> pa.Array:
    return readable(pc.struct_field(values, name))


def _first(values: pa.Array, names: Sequence[str]) -> pa.Array:
    """The first of the parts that says something; those after it are looked at only where it says nothing."""
    text = _part(values, names[0])
    for name in names[1:]:
        silent = pc.and_(pc.is_null(text), pc.is_valid(values))
        if not pc.any(silent).as_py():
            break
        text = pc.replace_with_mask(text, silent, _part(values.filter(silent), name))
    return text


def joined(parts: list[pa.Array], separator: str) -> pa.Array:
    """Strings side by side as one, nulls left out; null where all are.

    (Arrow's own "skip" drops such rows.)
    """
    text = parts[0]
    for part in parts[1:]:
        text = pc.coalesce(pc.binary_join_element_wise(text, part, separator), text, part)
    return text


def _list(values: pa.Array) -> pa.Array:
    """The distinct readable parts of each list, in order of first appearance, joined."""
    parts = pa.table({"row": pc.list_parent_indices(values), "text": readable(pc.list_flatten(values))})
    parts = parts.filter(pc.is_valid(parts["text"])).group_by(["row", "text"], use_threads=False).aggregate([])
    counts = np.bincount(parts["row"].to_numpy(), minlength=len(values))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), parts["text"].combine_chunks())
    text = pc.binary_join(lists, "; ")
    return pc.if_else(pc.equal(text, ""), None, text)
