"""The value of a define as readable text: what goes into strata and attributes.

Works on whole Arrow arrays. A code shows its display, else its code; a concept its own display, else its
codes'; a list its distinct parts joined by "; "; a quantity its value and unit; true and false are those
words; unknown stays null.
Leaves to others: what the values mean (`equity` reads attributes).
"""

from __future__ import annotations

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
    return pc.if_else(pc.equal(text, ""), None, text)


def _struct(values: pa.Array) -> pa.Array:
    names = [field.name for field in values.type]
    parts = {name: readable(pc.struct_field(values, name)) for name in names}
    if {"value", "unit"} <= set(names):
        return joined([parts["value"], parts["unit"]], " ")
    if {"low", "high"} <= set(names):
        return joined([parts["low"], parts["high"]], " to ")
    if shown := [parts[name] for name in _SHOWN_FIRST if name in parts]:
        return pc.coalesce(*shown)
    return joined(list(parts.values()), " ") if parts else pa.nulls(len(values), pa.string())


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
