"""Determinations and attributes -> a tally: how many units of each group count, and how many of those meet the measure.

DuckDB joins the two parquet files once; attributes become small integers, and every table of counts is then a count of
integers in memory, a measure at a time. Leaves to others: tables of areas (`areas`), rates and comparisons (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from salus.equity.areas import gather_attributes
from salus.equity.design import Repeats, by_person
from salus.equity.relations import identifier, parquet, quoted
from salus.equity.results import Results
from salus.equity.tally import CROSS, EVERYONE, OVERALL, UNKNOWN, Floats, Tally, Whole, sort_key
from salus.errors import SalusError, UsageError

Crossing = tuple[str, ...]
Codes = npt.NDArray[np.int32]
_LARGEST_BLOCK = 20_000
"""Crossings of groups a block of attributes may have, so that a measure's counts stay within a processor's memory."""
COUNTS = "denominator AND NOT coalesce(denominator_exclusion, false) AND NOT coalesce(denominator_exception, false)"
"""Which units of a proportion count."""
MEETS = "coalesce(numerator AND NOT coalesce(numerator_exclusion, false), false)"


def count_cells(results: Results, by: Sequence[str] = (), crossings: Sequence[Crossing] = ()) -> Tally:
    """All cells of a results folder by the attributes named (default: all), in the order they are to be read.

    `crossings` are sets of attributes to be taken together, after the single ones: the attribute of such a cell is
    "race × sex", its value "White × Female"; crossings nobody is in have no cell.

    Every group there is among the subjects has a cell in every measure, also where nobody counts (n = 0), and
    each measure group has its "overall"/"everyone" cell. What counts is denominator and neither exclusion nor
    exception. A subject without a row in attributes.parquet, a null and an empty text are "unknown". Measures
    whose scoring is not a proportion are left out. UsageError: an attribute that is not there.
    """
    units = read_units(results, by, [name for crossing in crossings for name in crossing])
    return tally(units, by, crossings)


def attribute_names(results: Results) -> list[str]:
    """The attributes of a results folder, those of its table of areas last."""
    with duckdb.connect() as con:
        return gather_attributes(con, results)


@dataclass
class Units:
    """The units that count, as integers.

    `people` is how many there are; `person` (units) is the place of the subject among them, one past the last for a
    subject without attributes; `met` is 0 or 1; `ends` the places where each row's units end. `codes` has the group of
    each person, one more for those without attributes, and `values` the groups' names in reading order.
    """

    rows: tuple[tuple[str, str], ...]
    people: int
    person: Codes
    met: npt.NDArray[np.uint8]
    ends: Whole
    codes: Mapping[str, Codes]
    values: Mapping[str, tuple[str, ...]]
    tables: dict[Crossing, Whole] = field(default_factory=dict)

    def table(self, names: Crossing) -> Whole:
        """Counts by the groups of attributes taken together: shape (rows, groups of each ..., 2), missed and met.

        Read off a larger table where one has been made.
        """
        for block, counts in self.tables.items():
            if set(names) <= set(block):
                return _margin(counts, block, names)
        counts = self._by(_key(self, names), self.size(names))
        return counts.reshape(len(self.rows), *(len(self.values[name]) for name in names), 2)

    def size(self, names: Crossing) -> int:
        """How many crossings of groups there could be."""
        return prod(len(self.values[name]) for name in names)

    def everyone(self) -> Whole:
        """Counts of all people together: shape (rows, 1, 2)."""
        return self._by(np.zeros(self.people + 1, dtype=np.int32), 1)

    def repeats(self, row: int) -> Repeats | None:
        """The units of a row by person; None where nobody has two."""
        start = int(self.ends[row - 1]) if row else 0
        here = slice(start, int(self.ends[row]))
        return by_person(self.person[here], self.met[here], self.people)

    def design(self) -> Floats:
        """The design effect of each row, on everyone's rate."""
        found = np.ones(len(self.rows))
        for row, of in self._repeated():
            found[row] = of.overall()
        return found

    def design_within(self, crossings: Sequence[Crossing]) -> Floats:
        """The design effect of each row on the rates of the groups of each crossing: shape (rows, crossings)."""
        effects = np.ones((len(self.rows), len(crossings)))
        several = list(self._repeated())
        for place, names in enumerate(crossings if several else ()):
            cell, cells = _key(self, names)[:-1], self.size(names)
            for row, of in several:
                effects[row, place] = of.within(cell, cells)
        return effects

    @cached_property
    def several(self) -> tuple[int, ...]:
        """The rows in which somebody has two units."""
        return tuple(row for row in range(len(self.rows)) if self.repeats(row) is not None)

    def _repeated(self) -> Iterator[tuple[int, Repeats]]:
        """These rows with their units by person."""
        yield from ((row, of) for row in self.several if (of := self.repeats(row)) is not None)

    def prepare(self, crossings: Sequence[Crossing]) -> None:
        """Make the few large tables off which all crossings can be read."""
        sizes = {name: len(values) for name, values in self.values.items()}
        for block in _blocks(crossings, sizes):
            if self.size(block) <= _LARGEST_BLOCK and not any(set(block) <= set(made) for made in self.tables):
                self.tables[block] = self.table(block)

    def there(self, names: Crossing) -> tuple[Codes, Whole]:
        """The crossings that anybody is in, as codes (crossings, attributes), and their counts (rows, crossings, 2)."""
        shape = [len(self.values[name]) for name in names]
        if self.size(names) <= _LARGEST_BLOCK:
            counts = self.table(names).reshape(len(self.rows), self.size(names), 2)
            among = np.bincount(_key(self, names)[:-1], minlength=counts.shape[1]) > 0
            found = np.flatnonzero(among | (counts.sum(axis=(0, 2)) > 0))
            counts = counts[:, found]
        else:
            found, dense = np.unique(_key(self, names), return_inverse=True)
            counts = self._by(dense.astype(np.int32), len(found))
            kept = (np.bincount(dense[:-1], minlength=len(found)) > 0) | (counts.sum(axis=(0, 2)) > 0)
            found, counts = found[kept], counts[:, kept]
        return np.stack(np.unravel_index(found, shape), axis=1).astype(np.int32), counts

    def _by(self, key: Codes | Whole, size: int) -> Whole:
        """Counts by a key of each person: shape (rows, size, 2)."""
        counts = np.empty((len(self.rows), size, 2), dtype=np.int64)
        start = 0
        for row, end in enumerate(self.ends.tolist()):
            of = key[self.person[start:end]] * 2 + self.met[start:end]
            counts[row] = np.bincount(of, minlength=2 * size).reshape(size, 2)
            start = end
        return counts


def tally(units: Units, by: Sequence[str] = (), crossings: Sequence[Crossing] = ()) -> Tally:
    """The cells of units by single attributes (default: all there are) and by crossings."""
    wanted = [*((name,) for name in (by or units.values)), *dict.fromkeys(crossings)]
    wanted = list(dict.fromkeys(wanted))
    units.prepare(wanted)
    columns, counts = [(OVERALL, EVERYONE)], [units.everyone()]
    for crossing in wanted:
        names, found = _columns(units, crossing)
        columns += names
        counts.append(found)
    both = np.concatenate(counts, axis=1)
    return Tally(units.rows, tuple(columns), both[..., 1], both.sum(axis=-1), units.design())


def _columns(units: Units, crossing: Crossing) -> tuple[list[tuple[str, str]], Whole]:
    """The columns of a crossing in reading order, with their counts."""
    codes, counts = units.there(crossing)
    parts = [np.array(units.values[name], dtype=object)[codes[:, i]] for i, name in enumerate(crossing)]
    texts = [CROSS.join(of) for of in zip(*parts, strict=True)]
    order = sorted(range(len(texts)), key=lambda i: sort_key(texts[i]))
    attribute = CROSS.join(crossing)
    return [(attribute, texts[i]) for i in order], counts[:, order]


def _key(units: Units, names: Crossing) -> Codes | Whole:
    """The crossing of groups that each person is in, as one integer."""
    first, *rest = names
    key = units.codes[first].astype(np.int64)
    for name in rest:
        key = key * len(units.values[name]) + units.codes[name]
    return key.astype(np.int32) if units.size(names) < 2**30 else key


def _margin(counts: Whole, block: Crossing, names: Crossing) -> Whole:
    """A table by some attributes of a larger one, in the order of `names`."""
    gone = tuple(i + 1 for i, name in enumerate(block) if name not in names)
    left = [name for name in block if name in names]
    summed = counts.sum(axis=gone) if gone else counts
    return np.transpose(summed, (0, *(left.index(name) + 1 for name in names), len(names) + 1))


def _blocks(crossings: Sequence[Crossing], sizes: Mapping[str, int]) -> dict[Crossing, list[Crossing]]:
    """Which crossings are read off which block of attributes: blocks are filled up to `_LARGEST_BLOCK` crossings of
    groups, so that few passes over the units answer many crossings."""
    blocks: list[tuple[list[str], list[Crossing]]] = []
    for crossing in sorted(crossings, key=len, reverse=True):
        for block, answered in blocks:
            joined = list(dict.fromkeys((*block, *crossing)))
            if set(crossing) <= set(block) or prod(sizes[name] for name in joined) <= _LARGEST_BLOCK:
                block[:] = joined
                answered.append(crossing)
                break
        else:
            blocks.append((list(crossing), [crossing]))
    return {tuple(block): answered for block, answered in blocks}


# --- reading ---


def read_units(results: Results, by: Sequence[str] = (), also: Sequence[str] = ()) -> Units:
    """The units that count of all proportions, and who they are by the attributes `by` (default: all) and `also`.

    UsageError: an attribute that is not there. SalusError: more than one row of attributes for a subject.
    """
    with duckdb.connect() as con:
        known = gather_attributes(con, results)
        check_names(known, (*by, *also))
        names = list(dict.fromkeys((*(by or known), *also)))
        people, codes, values = read_people(con, results, names)
        rows = _rows(con, results)
        person, met, ends = _read_determinations(con, results, len(rows))
    return Units(rows, people, person, met, ends, codes, values)


def check_names(known: Sequence[str], names: Sequence[str]) -> None:
    strange = dict.fromkeys(name for name in names if name not in known)
    if strange:
        raise UsageError(f"no attribute {', '.join(strange)}; there are: {', '.join(known) or 'none'}")


def read_people(
    con: duckdb.DuckDBPyConnection, results: Results, names: Sequence[str]
) -> tuple[int, dict[str, Codes], dict[str, tuple[str, ...]]]:
    """Temp table `person(subject_id, place)`; how many there are, each one's groups as codes, and the groups' names."""
    _check_subjects(con, results)
    columns = "".join(f", {group_text(name)} AS {identifier(name)}" for name in names)
    con.execute(
        f"CREATE TEMP TABLE people AS SELECT (row_number() OVER () - 1)::INTEGER AS place, subject_id{columns} "
        "FROM attributes"
    )
    con.execute("CREATE TEMP TABLE person AS SELECT subject_id, place FROM people")
    table = con.sql("SELECT * FROM people ORDER BY place").to_arrow_table()
    coded = {name: _coded(table[name].combine_chunks()) for name in names}
    return (
        table.num_rows,
        {name: code for name, (code, _) in coded.items()},
        {name: values for name, (_, values) in coded.items()},
    )


def _coded(column: pa.Array) -> tuple[Codes, tuple[str, ...]]:
    """Texts as codes into their names, sorted; with "unknown" last for those of whom there is no row."""
    encoded = column.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    values = sorted({*found, UNKNOWN}, key=sort_key)
    turned = np.array([values.index(value) for value in found], dtype=np.int32)
    codes = turned[encoded.indices.to_numpy()] if len(column) else np.empty(0, dtype=np.int32)
    return np.r_[codes, np.int32(values.index(UNKNOWN))].astype(np.int32), tuple(values)


def group_text(name: str) -> str:
    """SQL of the group of an attribute a row is in; null and empty are "unknown"."""
    return f"coalesce(nullif(trim({identifier(name)}::VARCHAR), ''), {quoted(UNKNOWN)})"


def _check_subjects(con: duckdb.DuckDBPyConnection, results: Results) -> None:
    row = con.execute("SELECT count(*) - count(DISTINCT subject_id) FROM attributes").fetchone()
    if row and row[0]:
        raise SalusError(f"{results.attributes} has more than one row for {row[0]} subjects or rows without one")


def _rows(con: duckdb.DuckDBPyConnection, results: Results) -> tuple[tuple[str, str], ...]:
    """The groups of the measures that are rates; temp table `listed(measure, group_id, row)`."""
    query = f"SELECT DISTINCT measure, group_id FROM {parquet(results.determinations)} ORDER BY ALL"
    found = [(str(m), str(g)) for m, g in con.execute(query).fetchall()]
    rows = [row for row in found if results.measure(*row).is_rate]
    con.execute("CREATE TEMP TABLE listed (measure VARCHAR, group_id VARCHAR, number SMALLINT)")
    if rows:
        con.executemany("INSERT INTO listed VALUES (?, ?, ?)", [(*row, place) for place, row in enumerate(rows)])
    return tuple(rows)


def _read_determinations(
    con: duckdb.DuckDBPyConnection, results: Results, rows: int
) -> tuple[Codes, npt.NDArray[np.uint8], Whole]:
    """Person and `met` of each unit that counts, row by row, and where each row's units end."""
    query = f"""
        SELECT l.number, coalesce(p.place, (SELECT count(*) FROM person))::INTEGER AS person,
          {MEETS}::UTINYINT AS met
        FROM {parquet(results.determinations)} d JOIN listed l USING (measure, group_id)
          LEFT JOIN person p USING (subject_id)
        WHERE {COUNTS}
        """
    found = con.execute(query).fetchnumpy()
    row, person, met = (np.asarray(found[name]) for name in ("number", "person", "met"))
    if np.any(np.diff(row) < 0):
        order = np.argsort(row, kind="stable")
        row, person, met = row[order], person[order], met[order]
    return person.astype(np.int32), met.astype(np.uint8), np.cumsum(np.bincount(row, minlength=rows)).astype(np.int64)
