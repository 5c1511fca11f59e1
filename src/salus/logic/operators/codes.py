"""Equivalence and membership of codes, answered from the population's dictionary while compiling.

A literal code becomes the ids of the dictionary's concepts that carry it; a value set, the ids of those that have any
of its codes. What is left to the data is a look into a list of integers.
Source: CQL 1.5 Reference B.4 Equivalent (codes: code and system; concepts: any code), B.12 In (Valueset).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, Const, E, InRel, and_, coalesce, eq, in_list, is_true, or_
from salus.logic.frame import Rows
from salus.logic.relation import Select, Table
from salus.logic.values import Coded, CodeFields, CodeLiterals, ListLiteral, Value

CodeValue = Coded | CodeFields | CodeLiterals


def ids_in(id_: E, ids: frozenset[int]) -> E:
    """Whether an id is one of `ids`; null for a null id."""
    if not ids:
        return FALSE if id_ != NULL else NULL
    return in_list(id_, [Const(i) for i in sorted(ids)])


def literal_codes(value: CodeValue) -> frozenset[tuple[str, str]] | None:
    """The (system, code) pairs of a literal; None when the value is not a literal."""
    if isinstance(value, CodeLiterals):
        return value.codes
    if isinstance(value, CodeFields) and isinstance(value.code, Const) and isinstance(value.system, Const):
        return frozenset({(str(value.system.value), str(value.code.value))})
    return None


def has_code(cx: Context, value: CodeValue, codes: Iterable[tuple[str, str]]) -> E:
    """Whether a code, or any code of a concept, is one of the pairs; null for null."""
    wanted = frozenset(codes)
    match value:
        case Coded(id=id_):
            return ids_in(id_, cx.data.concept_ids(wanted))
        case CodeLiterals(codes=literals):
            return Const(bool(wanted & literals))
        case CodeFields(code=code, system=system):
            return _fields_in(code, system, wanted)


def _fields_in(code: E, system: E, wanted: frozenset[tuple[str, str]]) -> E:
    by_system: dict[str, list[str]] = {}
    for system_name, name in sorted(wanted):
        by_system.setdefault(system_name, []).append(name)
    parts = [
        and_(eq(system, Const(system_name)), in_list(code, [Const(name) for name in names]))
        for system_name, names in by_system.items()
    ]
    return or_(*parts) if parts else FALSE


def any_code(cx: Context, codes: Value, test: Callable[[Value], E]) -> E:
    """Whether a test holds of any of a list of codes, as those of a concept that logic puts together; false of none."""
    if isinstance(codes, ListLiteral):
        return or_(*(test(code) for code in codes.items))
    if not isinstance(codes, Rows):
        return FALSE
    rows = frames.instance(codes, cx.frame)
    rows.frame.filter(test(rows.element))
    return frames.exists(rows, cx.frame)


def equivalent_codes(cx: Context, a: CodeValue, b: CodeValue) -> E:
    """a ~ b on codes and concepts: some code of one is (by code and system) a code of the other; never null."""
    for one, other in ((a, b), (b, a)):
        codes = literal_codes(one)
        if codes is not None:
            return is_true(has_code(cx, other, codes))
    if isinstance(a, CodeFields) and isinstance(b, CodeFields):
        return is_true(and_(eq(a.code, b.code), eq(a.system, b.system)))
    if isinstance(a, CodeLiterals) or isinstance(b, CodeLiterals):
        raise AssertionError("a literal has codes")
    return _shares_code(a, b)


def _shares_code(a: Coded | CodeFields, b: Coded | CodeFields) -> E:
    """Whether two codes or concepts, one of the data at least, have a code in common: a look into the dictionary."""
    if isinstance(a, CodeFields):
        a, b = b, a
    assert isinstance(a, Coded)
    mine = Table("coding")
    select = Select()
    select.join("from", mine)
    keys: list[tuple[E, E]] = [(a.id, mine.col("cid"))]
    if isinstance(b, CodeFields):
        keys += [(b.code, mine.col("code")), (_known(b.system), _known(mine.col("system")))]
    else:
        other = Table("coding")
        same = and_(
            eq(mine.col("code"), other.col("code")), eq(_known(mine.col("system")), _known(other.col("system")))
        )
        select.join("inner", other, same)
        keys.append((b.id, other.col("cid")))
    return InRel(tuple(k for k, _ in keys), select, tuple(select.export(e) for _, e in keys))


def _known(system: E) -> E:
    """A system that is not stated is the same as another that is not."""
    return coalesce(system, Const(""))
