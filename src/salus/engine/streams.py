"""What is to be done, done side by side: each stream takes the first of what can be done, as soon as it can.

The database plans a statement in one thread, and works on few rows in one, too; two statements at a time keep two
processors busy. What is made by one is read by others, so that tables stand in a database in memory that all see.
Leaves to others: the statements and their order (`script`), what doing one means (`duckdb`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from threading import Condition

import duckdb

from salus.engine.script import Action, Make
from salus.errors import SalusError
from salus.store.sql import beside, quote

_numbers = count(1)

Do = Callable[[duckdb.DuckDBPyConnection, int, Action], None]
"""Does one action, which has that place in the script."""


@contextmanager
def connections(con: duckdb.DuckDBPyConnection, number: int) -> Iterator[list[duckdb.DuckDBPyConnection]]:
    """Connections beside one that make their tables in a place of their own, beside those stored; it goes with them."""
    place = f"salus_plan_{next(_numbers)}"
    con.execute(f"ATTACH ':memory:' AS {place} (READ_WRITE)")
    ((stored,),) = con.execute("SELECT current_database()").fetchall()
    made = [beside(con) for _ in range(number)]
    try:
        for each in made:
            each.execute("SET search_path = ?", [f"{place}.main,{quote(stored)}.main"])
        yield made
    finally:
        for each in made:
            each.close()
        with suppress(duckdb.Error):  # of a database that failed; why it did is the error to be told
            con.execute(f"DETACH {place}")


def carry_out(
    actions: Sequence[Action],
    cons: Sequence[duckdb.DuckDBPyConnection],
    do: Do,
    meanwhile: Callable[[], object] | None = None,
) -> None:
    """Do every action, each after those whose tables it reads; a table goes when nothing reads it any more. Several
    streams leave this thread nothing to do: `meanwhile` is called in it. A single one is this thread: it is called
    before.

    Raises what the first that fails raises; what is not begun then is not done.
    """
    work = _Work(actions)
    if len(cons) == 1:
        if meanwhile:
            meanwhile()
        _stream(work, cons[0], do)
        return
    with ThreadPoolExecutor(len(cons)) as pool:
        running = [pool.submit(_stream, work, con, do) for con in cons]
        try:
            if meanwhile:
                meanwhile()
            for each in running:
                each.result()
        except BaseException:
            work.end()
            raise


def _stream(work: _Work, con: duckdb.DuckDBPyConnection, do: Do) -> None:
    try:
        while (taken := work.take()) is not None:
            do(con, *taken)
            for name in work.done(*taken):
                con.execute(f'DROP TABLE "{name}"')
    except BaseException:
        work.end()
        raise


def failed(what: str, error: duckdb.Error) -> SalusError:
    """What to tell the user where the database refuses a statement."""
    return SalusError(f"computing {what} failed in the engine: {str(error).splitlines()[0]}")


class _Work:
    """What is left to do, shared by all streams."""

    def __init__(self, actions: Sequence[Action]) -> None:
        makes = {action.name for action in actions if isinstance(action, Make)}
        self._reads = [action.statement.reads & makes for action in actions]
        self._left = dict(enumerate(actions))
        self._there = set[str]()
        self._readers = Counter(name for names in self._reads for name in names)
        self._changed = Condition()

    def take(self) -> tuple[int, Action] | None:
        """The first action that can be done, waited for; None where nothing is left to begin."""
        with self._changed:
            while self._left:
                for place, action in self._left.items():
                    if self._reads[place] <= self._there:
                        del self._left[place]
                        return place, action
                self._changed.wait()
            return None

    def done(self, place: int, action: Action) -> list[str]:
        """Tells that an action is done; the tables that may go."""
        with self._changed:
            read = self._reads[place]
            self._readers.subtract(read)
            if isinstance(action, Make):
                self._there.add(action.name)
                read |= {action.name}
            self._changed.notify_all()
            return [name for name in read if not self._readers[name]]

    def end(self) -> None:
        """Nothing more is begun."""
        with self._changed:
            self._left.clear()
            self._changed.notify_all()
