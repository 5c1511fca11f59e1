"""The `salus` command: names, options and exit codes, and nothing else.

Each command lives in a module of its own, imported when it is called, so that `salus --help` stays quick.
Exit codes: 0 done; 1 the run failed (a `SalusError`, its message on stderr); 2 the command was wrong
(`UsageError`, or an option or argument that is not understood).
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from copy import copy
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer.models import CommandInfo

from salus import __version__
from salus.cli.options import (
    MEMORY,
    MINIMUM,
    AllowMissing,
    AllPatients,
    AsJson,
    By,
    ClientId,
    Content,
    Cross,
    Day,
    Engine,
    Group,
    Improvement,
    InsecureHttp,
    Key,
    Kid,
    Level,
    Libraries,
    Log,
    Minimum,
    NoControl,
    Reference,
    Results,
    Scope,
    Since,
    Site,
    Split,
    Standardise,
    TokenUrl,
    Types,
)
from salus.errors import SalusError, UsageError

app = typer.Typer(
    help="Salus, a learning health system engine: records in, measures, who is left out, a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback must never show the values of a row
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"salus {__version__}")
        raise typer.Exit


@app.callback()
def salus(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Say the version and stop."),
    ] = False,
) -> None:
    """Salus, a learning health system engine: records in, measures, who is left out, a report."""


@app.command()
def load(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="NDJSON(.gz), FHIR Bundles, folders, .zip or .tar.* of them; or https://server/fhir.",
        ),
    ],
    into: Annotated[
        Path, typer.Option("--into", "--out", metavar="FILE", help="The population file to add to, or to make.")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Leave out what is in the population so far.")] = False,
    memory: Annotated[str, MEMORY] = "768MB",
    group: Group = None,
    patient: AllPatients = False,
    types: Types = None,
    since: Since = None,
    client_id: ClientId = None,
    key: Key = None,
    kid: Kid = None,
    scope: Scope = None,
    token_url: TokenUrl = None,
    insecure_http: InsecureHttp = False,
) -> None:
    """Load FHIR records into a population file, from files or a server: what is new, what changed, what is gone."""
    from salus.cli.load import load_command
    from salus.cli.server import Asked, only_files

    whom = (group, patient, tuple(types or ()), since)
    asked = Asked(*whom, client_id, key, kid, scope, token_url, insecure_http)
    if only_files(paths, asked):
        load_command([Path(path) for path in paths], into, replace, memory)
    else:
        from salus.cli.bulk import bulk_command

        bulk_command(paths[0], into, asked, replace, memory)


@app.command()
def population(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file `salus load` made.")],
    as_json: AsJson = False,
) -> None:
    """Say what is inside a population: counts, dates, what is missing, unmapped or set aside, and its files."""
    from salus.cli.population import population_command

    population_command(file, as_json, date.today())


def days(period: tuple[datetime, datetime]) -> tuple[date, date]:
    return period[0].date(), period[1].date()


@app.command()
def evaluate(
    population: Annotated[
        Path,
        typer.Argument(
            metavar="POPULATION", help="The file `salus load` made; or a table (.csv, .tsv, .parquet) for its measures."
        ),
    ],
    period: Day,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The results folder to write.")],
    content: Annotated[
        list[Path] | None,
        typer.Option(
            "--content",
            metavar="PATH...",
            help="Measures, libraries and value sets: files, folders, archives; default: the catalog of Salus.",
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            "--measure", metavar="NAME", help="A measure to evaluate; repeat it; default: all in the content."
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="duckdb, or oracle: slow and plain, to check the other.")
    ] = "duckdb",
    allow_missing_valuesets: AllowMissing = False,
    individual: Annotated[bool, typer.Option("--individual", help="Write individual MeasureReports too.")] = False,
    clauses: Annotated[
        bool, typer.Option("--clauses", help="Count every clause too: the report then shows where people fall out.")
    ] = False,
    prefer_elm: Annotated[
        bool, typer.Option("--prefer-elm", help="Use a library's ELM where there is any, rather than its CQL text.")
    ] = False,
    memory: Annotated[str | None, MEMORY] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Say what each define took: time, rows and memory, slowest first.")
    ] = False,
) -> None:
    """Evaluate measures over a population: who is in which population of which measure."""
    from salus.cli.evaluate import evaluate_command

    choices = (engine, allow_missing_valuesets, individual, clauses, prefer_elm, memory, profile)
    evaluate_command(population, content or (), measure or [], days(period), out, *choices)


@app.command()
def conformance(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The XML files of the official CQL test suite.")],
    engine: Engine = "duckdb",
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every verdict into this file.")
    ] = None,
) -> None:
    """Judge the front end and an engine by the official CQL test suite."""
    from salus.cli.conformance import conformance_command

    conformance_command(folder, engine, out)


@app.command()
def equity(
    results: Results,
    by: By = None,
    level: Level = 0.95,
    minimum: Minimum = MINIMUM,
    reference: Reference = None,
    no_control: NoControl = False,
    improvement: Improvement = None,
    cross: Cross = None,
    ordered: Annotated[
        list[str] | None,
        typer.Option(
            "--ordered",
            metavar="ATTRIBUTE[=LEAST,...,MOST]",
            help="An attribute whose groups have an order of advantage; without groups, that of their names.",
        ),
    ] = None,
    areas: Annotated[
        Path | None,
        typer.Option(
            "--areas", metavar="TABLE", help="A CSV or Parquet table with a column zip: its columns become attributes."
        ),
    ] = None,
    standardise: Standardise = None,
    split: Split = None,
    site: Site = "site",
) -> None:
    """Compare groups of people in every measure: who is left out, and how sure that is."""
    from salus.cli.equity import equity_command

    equity_command(
        results, by or (), level, minimum, reference or (), not no_control, improvement or (),
        cross=cross or (), ordered=ordered or (), areas=areas, standard=standardise, split=split or (), site=site,
    )  # fmt: skip


@app.command()
def report(
    results: Results,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file to write.")],
    by: By = None,
    level: Level = 0.95,
    minimum: Minimum = MINIMUM,
    reference: Reference = None,
    no_control: NoControl = False,
    show_small: Annotated[
        bool, typer.Option("--show-small", help="Show counts of 1 to 10: for use inside the house only.")
    ] = False,
    improvement: Improvement = None,
    cross: Cross = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", metavar="FOLDER", help="Results of an earlier period; repeat it: gaps are followed."),
    ] = None,
    site: Site = "site",
) -> None:
    """Write one HTML file that opens without a network."""
    from salus.cli.report import report_command

    report_command(
        results, out, by or (), level, minimum, reference or (), show_small, not no_control, improvement or (),
        cross=cross or (), earlier=earlier or (), site=site,
    )  # fmt: skip


@app.command()
def scorecard(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...", help="Results of `salus evaluate`, of one or several periods; or releases."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file; .json and .csv stand beside it.")],
    mission: Annotated[
        Path | None,
        typer.Option("--mission", metavar="FILE", help="A mission file; default: the one `salus mission` prints."),
    ] = None,
    by: By = None,
    level: Level = 0.95,
    minimum: Minimum = MINIMUM,
    reference: Reference = None,
    no_control: NoControl = False,
    improvement: Improvement = None,
) -> None:
    """Write the mission's scorecard: every clause, how well, for whom worse, and since when better or worse."""
    from salus.cli.scorecard import order_of, scorecard_command

    order = order_of(by or (), level, minimum, reference or (), not no_control, improvement or ())
    scorecard_command(folders, out, mission, order)


@app.command()
def mission() -> None:
    """Print the mission file that comes with Salus, to be edited into one's own."""
    from salus.cli.scorecard import mission_command

    mission_command()


@app.command()
def publish(
    results: Results,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The release folder to write.")],
    profile: Annotated[
        str,
        typer.Option("--profile", metavar="NAME", help="The rule on small counts: cms11, opensafely, census, none."),
    ] = "cms11",
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", metavar="FOLDER", help="A release let out before; repeat it for each."),
    ] = None,
    by: By = None,
    level: Level = 0.95,
    minimum: Minimum = MINIMUM,
    reference: Reference = None,
    no_control: NoControl = False,
    improvement: Improvement = None,
) -> None:
    """Write results that may be let out, with a certificate that an attack on them found nothing; or refuse."""
    from salus.cli.publish import publish_command

    choices = (level, minimum, reference or (), not no_control, improvement or ())
    publish_command(results, out, profile, earlier or (), by or (), *choices)


audit = typer.Typer(help="The log of what was loaded, run and let out, and whether it is whole.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command("verify")
def audit_verify(log: Log = None) -> None:
    """Say whether the chain of entries holds, or name the first that breaks it."""
    from salus.cli.audit import verify_command

    verify_command(log)


@audit.command("show")
def audit_show(log: Log = None, as_json: AsJson = False) -> None:
    """Every entry: who did what, when, from what."""
    from salus.cli.audit import show_command

    show_command(log, as_json)


@app.command()
def lint(
    files: Libraries,
    content: Content = None,
    json: Annotated[bool, typer.Option("--json", help="For machines: a list of findings.")] = False,
) -> None:
    """Say what is wrong with libraries of CQL: every error and warning, at its line."""
    from salus.cli.lint import lint_command

    raise typer.Exit(lint_command(files, content or (), json))


@app.command()
def translate(
    files: Libraries,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to write an ELM document for each.")],
    content: Content = None,
) -> None:
    """Translate libraries of CQL to ELM documents."""
    from salus.cli.translate import translate_command

    raise typer.Exit(translate_command(files, out, content or ()))


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CQL file, or a Library resource with one.")],
    population: Annotated[Path, typer.Option("--population", metavar="FILE", help="The file `salus load` made.")],
    define: Annotated[
        list[str] | None, typer.Option("--define", metavar="NAME", help="A define; repeat it; default: all of them.")
    ] = None,
    period: Annotated[
        tuple[datetime, datetime] | None,
        typer.Option(
            "--period",
            formats=["%Y-%m-%d"],
            metavar="START END",
            help="First and last day; default: what the library says.",
        ),
    ] = None,
    content: Content = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="ID", help="Show the values of this patient (Patient.id).")
    ] = None,
    engine: Engine = "duckdb",
    json: Annotated[bool, typer.Option("--json", help="For machines: every value, one to a line.")] = False,
    allow_missing_valuesets: AllowMissing = False,
) -> None:
    """Evaluate the defines of a library over a population, while writing it."""
    from salus.cli.run import Asked, run_command

    where = (file, population, tuple(content or ()), tuple(define or ()), days(period) if period else None)
    run_command(Asked(*where, engine, subject, json, allow_missing_valuesets))


@app.command("test")
def run_measure_tests(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Folders of measures, TOML files with [test.NAME], or test cases: Bundles with a MeasureReport.",
        ),
    ],
    content: Content = None,
    engine: Annotated[
        list[str] | None, typer.Option("--engine", metavar="NAME", help="duckdb or oracle; repeat it; default: both.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    allow_missing_valuesets: AllowMissing = False,
) -> None:
    """Run the tests of measures on every engine, and say which clauses no test made true or false."""
    from salus.cli.testing import run_tests

    raise typer.Exit(run_tests(paths, content or (), engine or (), json, allow_missing_valuesets))


new = typer.Typer(help="Start something of your own.", no_args_is_help=True)
app.add_typer(new, name="new")


@new.command("measure")
def new_measure(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: letters and digits, as in FluVaccine.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where its folder is made.")] = Path(),
) -> None:
    """Start a measure: a folder with its CQL, what it says of itself, a value set and tests, ready for `salus test`."""
    from salus.cli.catalog import new_measure_command

    new_measure_command(name, into)


catalog = typer.Typer(help="The measures that come with Salus.", no_args_is_help=True)
app.add_typer(catalog, name="catalog")


@catalog.command("list")
def catalog_list(
    json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Every measure, by the clause of the mission it serves."""
    from salus.cli.catalog import list_command

    list_command(json)


@catalog.command("show")
def catalog_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The measure, or how its name begins.")],
) -> None:
    """One measure: what it counts, why, on what evidence, what it needs, and its CQL."""
    from salus.cli.catalog import show_command

    show_command(name)


@catalog.command("test")
def catalog_test(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Measures, or how their names begin; default: all.")
    ] = None,
) -> None:
    """Run the tests of the catalog's measures on every engine."""
    from salus.cli.catalog import catalog_test_command

    raise typer.Exit(catalog_test_command(names or ()))


@catalog.command("export")
def catalog_export(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A folder, new or empty.")],
) -> None:
    """Write the catalog as FHIR Measure, Library and ValueSet resources, for other software."""
    from salus.cli.catalog import export_command

    export_command(out)


@app.command()
def explain(
    results: Results,
    measure: Annotated[str, typer.Option("--measure", metavar="NAME", help="The measure to explain.")],
    subject: Annotated[
        str | None,
        typer.Option("--subject", metavar="ID", help="Whose answer: a Patient.id; without it, where people fall out."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="ID", help="Of a measure of episodes, the one with this resource id."),
    ] = None,
    population: Annotated[
        Path | None, typer.Option("--population", metavar="FILE", help="Where the population of the run is now.")
    ] = None,
    content: Annotated[
        list[Path] | None,
        typer.Option("--content", metavar="PATH", help="Where the content of the run is now; repeat it."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with the source, painted (one subject).")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write it for machines.")] = None,
) -> None:
    """Explain one subject's answer, clause by clause with the records behind it; or where a population falls out."""
    from salus.cli.explain import Asked, explain_command

    explain_command(Asked(results, measure, subject, unit, population, tuple(content or ()), html, json))


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder for the records and the truth.")],
    people: Annotated[int, typer.Option("--people", metavar="N", min=1, help="How many people.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Another seed, other people.")] = 1,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME|FILE", help="standard, null, intervention, or a TOML file.")
    ] = "standard",
    year: Annotated[
        int | None, typer.Option("--year", metavar="YEAR", min=1990, max=2099, help="The year that measures are about.")
    ] = None,
    mess: Annotated[bool, typer.Option("--mess", help="Spoil some records the usual ways.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Processes; the bytes do not depend on it.")
    ] = None,
) -> None:
    """A synthetic community as FHIR records, some of whose people are treated worse, and the truth about it."""
    from salus.cli.synth import synth_command

    synth_command(out, people, seed, scenario, year, mess, workers)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to put it all.")] = Path("demo-output"),
    people: Annotated[int, typer.Option("--people", metavar="N", min=100, help="How many synthetic people.")] = 4000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed, other people.")] = 1,
) -> None:
    """The whole way on synthetic people in whom gaps are planted: are they found?"""
    from salus.cli.demo import demo_command

    demo_command(out, people, seed)


def spread(arguments: list[str]) -> list[str]:
    """`--content A B` as `--content A --content B`, as the contract allows.

    Only where the population came first: nothing but options can follow it, so that no word is ambiguous.
    """
    if len(arguments) < 2 or arguments[0] != "evaluate" or arguments[1].startswith("-"):
        return arguments
    made: list[str] = []
    option = ""
    for position, argument in enumerate(arguments):
        if argument.startswith("--"):
            option = argument
        elif option == "--content" and arguments[position - 1] != option:
            made.append(option)
        made.append(argument)
    return made


def asked_for(arguments: list[str]) -> typer.Typer:
    """The program with that command alone which the arguments begin with, whole where they begin with none: to lay out
    the options of all takes as long as many a command."""
    wanted = [each for each in app.registered_commands if arguments and arguments[0] == _name(each)]
    if not wanted:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = wanted, []
    return alone


def _name(command: CommandInfo) -> str:
    """How a command is called: by what it is registered as, else by its function."""
    return command.name or (command.callback.__name__ if command.callback else "")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; leaves with the exit code."""
    # a command ends before there is much garbage; to look for it takes a twentieth of its time
    gc.set_threshold(100_000)
    try:
        given = spread(sys.argv[1:] if arguments is None else arguments)
        asked_for(given)(given, prog_name="salus")
    except UsageError as error:
        fail(str(error), 2)
    except (SalusError, OSError) as error:
        fail(str(error), 1)
    except Exception as error:
        if os.environ.get("SALUS_DEBUG"):
            raise
        fail(unexpected(error), 1)


def unexpected(error: Exception) -> str:
    """An error that is ours: where it arose, but not its words, which may hold values of records."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "salus" in frame.filename]
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return (
        f"this should not have happened: {type(error).__name__}{where}. "
        "SALUS_DEBUG=1 shows the whole trace, which may hold values of records."
    )


def fail(message: str, code: int) -> None:
    print(f"salus: {message}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
