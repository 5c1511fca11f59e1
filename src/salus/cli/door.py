"""Commands said by functions: their parameters are the arguments and options, their first line is the help.

A parameter without a default must be given. Its type says what is read: text, numbers, paths, days, a flag (bool), a
list of any of these (an option to repeat, an argument of several words), a tuple of days (an option of as many words).
The note in `Annotated` says how it is called and what it is. A parser is made of the one command that is called, by the
standard library: a command is started often, and shall take no time to start.
Leaves to others: the commands (`main`).
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from msgspec import Struct

Run = Callable[..., "int | None"]


class Argument(Struct, frozen=True):
    """A parameter given by its place."""

    metavar: str
    help: str


class Option(Struct, frozen=True):
    """A parameter given by name; `least` and `most` bound a number."""

    names: tuple[str, ...]
    metavar: str | None
    help: str
    least: int | None = None
    most: int | None = None


def option(
    *names: str, help: str, metavar: str | None = None, least: int | None = None, most: int | None = None
) -> Option:
    return Option(names, metavar, help, least, most)


class Parameter(Struct, frozen=True):
    """One parameter of a command: `kind` is the type of one word, of which there are `words` (None: one or more)."""

    name: str
    note: Argument | Option
    kind: type
    words: int | None
    required: bool
    default: Any

    @property
    def called(self) -> str:
        """As a person types it: the option and what it takes, or the argument."""
        names = self.note.names if isinstance(self.note, Option) else ()
        return " ".join([*names, *([self.note.metavar] if self.note.metavar else [])])

    def of(self, given: Any) -> Any:
        """What the function gets for what was parsed: several words of an option are a tuple."""
        return tuple(given) if given is not None and self.words not in (None, 1) else given


class Command(Struct, frozen=True):
    """A function as a command."""

    run: Run

    @property
    def help(self) -> str:
        return inspect.getdoc(self.run) or ""

    def parameters(self) -> list[Parameter]:
        hints = get_type_hints(self.run, include_extras=True)
        return [_parameter(each, hints[each.name]) for each in inspect.signature(self.run).parameters.values()]

    def __call__(self, name: str, words: Sequence[str]) -> int | None:
        """Run it with the words that follow its name; leaves with 2 where they are not understood."""
        parser = _Parser(prog=name, description=self.help, allow_abbrev=False, add_help=False)
        parser.add_argument("-h", "--help", action="help", help="Show this and stop.")
        parameters = self.parameters()
        for each in parameters:
            _add(parser, each)
        given = vars(parser.parse_intermixed_args(words))
        return self.run(**{each.name: each.of(given[each.name]) for each in parameters})


class Commands(Struct):
    """Commands under one name, in the order in which they are shown; a command may be several again."""

    help: str
    inside: dict[str, Command | Commands] = {}

    def command(self, name: str | None = None) -> Callable[[Run], Run]:
        """The function below becomes a command, by its own name where none is given."""

        def add(run: Run) -> Run:
            self.inside[name or run.__name__] = Command(run)
            return run

        return add

    def several(self, name: str, help: str) -> Commands:
        """Further commands, under a name of their own."""
        made = self.inside[name] = Commands(help)
        return made

    def __call__(self, name: str, words: Sequence[str]) -> int | None:
        """Run the command that the first word names with the others."""
        if not words or words[0] in ("-h", "--help"):
            print(self._told(name))
            return 0 if words else 2
        found = self.inside.get(words[0])
        if found is None:
            _Parser(prog=name).error(f"there is no command {words[0]!r}; choose {', '.join(self.inside)}")
        return found(f"{name} {words[0]}", words[1:])

    def _told(self, name: str) -> str:
        width = max(map(len, self.inside))
        lines = (f"  {each:{width}}  {found.help.partition(chr(10))[0]}" for each, found in self.inside.items())
        return "\n".join([f"usage: {name} COMMAND ...", "", self.help, "", *lines])


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n{self.prog} --help says what it takes\n")


def _parameter(given: inspect.Parameter, hint: Any) -> Parameter:
    type_, note = get_args(hint)
    if get_origin(type_) is UnionType:
        (type_,) = (each for each in get_args(type_) if each is not NoneType)
    words, kinds = 1, get_args(type_)
    if get_origin(type_) is tuple:
        words = len(kinds)
    several = get_origin(type_) is list
    required = given.default is inspect.Parameter.empty
    kind = kinds[0] if kinds else type_
    return Parameter(given.name, note, kind, None if several else words, required, None if required else given.default)


def _add(parser: argparse.ArgumentParser, each: Parameter) -> None:
    if isinstance(each.note, Argument):
        _add_argument(parser, each, each.note)
    elif each.kind is bool:
        parser.add_argument(*each.note.names, dest=each.name, action="store_true", help=_escaped(each.note.help))
    else:
        _add_option(parser, each, each.note)


def _add_argument(parser: argparse.ArgumentParser, each: Parameter, note: Argument) -> None:
    number = ("+" if each.required else "*") if each.words is None else None if each.required else "?"
    shown = note.metavar.strip("[].")
    settings: Mapping[str, Any] = {"nargs": number, "default": each.default, "type": _reader(each.kind)}
    parser.add_argument(each.name, metavar=shown, help=_escaped(note.help), **settings)


def _add_option(parser: argparse.ArgumentParser, each: Parameter, note: Option) -> None:
    settings: dict[str, Any] = {"action": "append"} if each.words is None else {}
    metavar: Any = (note.metavar or each.name).removesuffix("...")
    if each.words not in (None, 1):
        settings, metavar = {"nargs": each.words}, tuple(metavar.split())
    parser.add_argument(
        *note.names, dest=each.name, metavar=metavar, required=each.required, default=each.default,
        type=_reader(each.kind, note.least, note.most), help=_with_default(note.help, each.default), **settings,
    )  # fmt: skip


def _with_default(help: str, default: Any) -> str:
    told = default is None or "default:" in help
    return _escaped(help if told else f"{help} Default: {default}.")


def _escaped(help: str) -> str:
    return help.replace("%", "%%")


def _reader(kind: type, least: int | None = None, most: int | None = None) -> Callable[[str], Any]:
    """What makes a value of a word; its errors say what is expected."""

    def read(word: str) -> Any:
        try:
            value: Any = datetime.strptime(word, "%Y-%m-%d").date() if kind is date else kind(word)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{word!r} is not {_EXPECTED[kind]}") from None
        if (least is not None and value < least) or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"{word} is not {_between(least, most)}")
        return value

    return read


_EXPECTED = {date: "a day as 2026-12-31", int: "a whole number", float: "a number"}


def _between(least: int | None, most: int | None) -> str:
    return f"{least} or more" if most is None else f"from {least} to {most}"
