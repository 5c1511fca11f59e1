"""Lists that are not rows yet, made rows: lists written out, and the parts of a text.

Each is unnested beside the row it is computed in, with its place in the list, so that order and duplicates are kept.
Leaves to others: what is done with the list (`operators`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import Const, E, Op, columns_of
from salus.logic.frame import Frame, Link, Rows
from salus.logic.relation import Select
from salus.logic.values import STRING, ListLiteral, Point, Resource, Texts, Tuple, Value, combine, leaves_of, present


def literal_list(cx: Context, value: ListLiteral) -> Rows:
    """A list written out, as rows of the frame it is computed in."""
    if any(_holds_rows(item) for item in value.items):
        lists = [literal_rows(cx, item) for item in value.items]
        return lists[0] if len(lists) == 1 else frames.union(lists, cx.frame, distinct=False)
    needed = [e for item in value.items for e in (*leaves_of(item), present(item))]
    size = Const(len(value.items))
    return _unnested(cx, needed, size, lambda each: combine(value.items, lambda parts: _one_of(each, parts)))


def _one_of(each: Callable[[E], E], parts: Sequence[E]) -> E:
    """What is at a place of the list; a constant where it is the same at every place."""
    same = isinstance(parts[0], Const) and parts[0].value is not None and all(part == parts[0] for part in parts)
    return parts[0] if same else each(Op("list", tuple(parts)))


def _holds_rows(value: Value) -> bool:
    if isinstance(value, Tuple):
        return any(_holds_rows(field) for field in value.fields.values())
    return isinstance(value, (Rows, Resource, ListLiteral))


def text_rows(cx: Context, value: Texts) -> Rows:
    """The parts of a split text, as rows."""
    parts = Op(value.split, (value.text, value.separator))
    return _unnested(cx, [parts], Op("size", (parts,)), lambda each: Point(STRING, each(parts)))


def _unnested(cx: Context, needed: Iterable[E], size: E, element: Callable[[Callable[[E], E]], Value]) -> Rows:
    """Rows of one element for each place of a list; `element` says what is at a place, given how to unnest a list."""
    frame = staged_copy(cx, needed)
    inner = frame.select
    frame.select = Select()
    frame.select.join("from", inner)
    place = inner.col(Op("each", (Op("range", (Const(1), size)),)))
    made = element(lambda items: inner.col(Op("each", (items,))))
    frame.key, frame.position = None, (place,)
    return Rows(frame, made)


def literal_rows(cx: Context, item: Value) -> Rows:
    """A list of the one value `item`, as rows of the frame it is computed in."""
    return Rows(staged_copy(cx, [*leaves_of(item), present(item)]), item)


def staged_copy(cx: Context, needed: Iterable[E]) -> Frame:
    """The rows of the frame once more, as a frame inside it, with the columns that some expressions need."""
    frame = cx.frame
    columns = [col for e in needed for col in columns_of(e)]
    for col in columns:
        frame.reach(col)
    stage = frame.stage([*columns, *columns_of(frame.pid)])
    assert frame.key is not None
    select = Select()
    select.join("from", stage)
    key = stage.col(frame.key)
    copy = Frame(frame.data, select, frame.pid, frame, Link(key, frame.key), key, (key,))
    copy.linked = stage
    return copy
