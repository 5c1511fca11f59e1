"""Commands said by functions: what is read of the words a person types, and what is said when it is not understood."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest

from salus.cli.door import Argument, Commands, option


@pytest.fixture
def asked() -> list[Any]:
    return []


@pytest.fixture
def app(asked: list[Any]) -> Commands:
    app = Commands("A program.")

    @app.command("copy")
    def copied(
        paths: Annotated[list[Path], Argument(metavar="PATH...", help="What.")],
        into: Annotated[Path, option("--into", "--out", metavar="FILE", help="Where to, 100%.")],
        days: Annotated[tuple[date, date] | None, option("--days", metavar="START END", help="When.")] = None,
        by: Annotated[list[str] | None, option("--by", metavar="NAME", help="By what; repeat it.")] = None,
        times: Annotated[int, option("--times", metavar="N", least=1, most=9, help="How often.")] = 2,
        share: Annotated[float, option("--share", metavar="X", help="How much.")] = 0.5,
        dry: Annotated[bool, option("--dry", help="Do nothing.")] = False,
    ) -> int:
        """Copy things.

        Slowly.
        """
        asked.append((paths, into, days, by, times, share, dry))
        return 3

    more = app.several("more", "More of it.")

    @more.command()
    def show(name: Annotated[str | None, Argument(metavar="[NAME]", help="Which.")] = None) -> None:
        """Show one."""
        asked.append(name)

    return app


def test_words_become_what_the_types_say(app: Commands, asked: list[Any]) -> None:
    several = ["a", "--into=f", "b", "--by", "x", "--days", "2026-01-01", "2026-12-31", "--by", "y"]
    assert app("prog", ["copy", *several, "--times", "9", "--share", ".25", "--dry", "c"]) == 3
    days = date(2026, 1, 1), date(2026, 12, 31)
    assert asked == [([Path("a"), Path("b"), Path("c")], Path("f"), days, ["x", "y"], 9, 0.25, True)]


def test_what_is_not_given_is_the_default(app: Commands, asked: list[Any]) -> None:
    app("prog", ["copy", "a", "--out", "f"])
    app("prog", ["more", "show"])
    app("prog", ["more", "show", "it"])
    assert asked == [([Path("a")], Path("f"), None, None, 2, 0.5, False), None, "it"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("copy --into f", "prog copy: the following arguments are required: PATH"),
        ("copy a", "prog copy: the following arguments are required: --into/--out"),
        ("copy a --into f --in g", "prog copy: unrecognized arguments: --in g"),
        ("copy a --into f --times 10", "prog copy: argument --times: 10 is not from 1 to 9"),
        ("copy a --into f --times few", "prog copy: argument --times: 'few' is not a whole number"),
        ("copy a --into f --share much", "prog copy: argument --share: 'much' is not a number"),
        ("copy a --into f --days 2026 2027", "prog copy: argument --days: '2026' is not a day as 2026-12-31"),
        ("copy a --into f --days 2026-01-01", "prog copy: argument --days: expected 2 arguments"),
        ("more show it there", "prog more show: unrecognized arguments: there"),
        ("move", "prog: there is no command 'move'; choose copy, more"),
        ("more hide", "prog more: there is no command 'hide'; choose show"),
    ],
)
def test_what_is_not_understood_is_said_and_ends_with_2(
    app: Commands, asked: list[Any], capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    with pytest.raises(SystemExit) as left:
        app("prog", words.split())
    out, err = capsys.readouterr()
    assert (left.value.code, out, err.splitlines()[0]) == (2, "", said)
    assert not asked


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["-h"], 0), ([], 2)])
def test_several_commands_are_listed(
    app: Commands, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    assert app("prog", words) == code
    assert capsys.readouterr().out.splitlines() == [
        *("usage: prog COMMAND ...", "", "A program.", ""),
        *("  copy  Copy things.", "  more  More of it."),
    ]


def test_the_help_of_a_command_says_what_it_takes(app: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        app("prog", ["copy", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert left.value.code == 0
    for part in (
        "Copy things.",
        "--into FILE",
        "Where to, 100%.",
        "--days START END",
        "How often. Default: 2.",
        "--dry",
    ):
        assert part in said
