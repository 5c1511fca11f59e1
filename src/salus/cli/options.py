"""The options and arguments that several commands share, or that are many to one command.

Leaves to others: the commands (`main`). Imported for `salus --help`, so that nothing heavy may be imported here.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

MINIMUM = 11  # that of equity.estimate, which is not imported for the sake of --help; a test compares them

# --- what is evaluated ---

Day = Annotated[
    tuple[datetime, datetime],
    typer.Option(
        "--period",
        formats=["%Y-%m-%d"],
        metavar="START END",
        help="First and last day, as 2026-01-01 2026-12-31.",
    ),
]
AllowMissing = Annotated[
    bool,
    typer.Option(
        "--allow-missing-valuesets",
        help="Take a value set that is not there as empty, with a loud warning.",
    ),
]
Engine = Annotated[str, typer.Option("--engine", metavar="NAME", help="duckdb or oracle.")]
MEMORY = typer.Option("--memory", metavar="LIMIT", help="How much the database may hold; the rest waits on disk.")
Content = Annotated[
    list[Path] | None,
    typer.Option("--content", metavar="PATH", help="Where included libraries (and value sets) are; repeat it."),
]
Libraries = Annotated[list[Path], typer.Argument(metavar="FILE...", help="CQL files, Library resources, folders.")]

# --- load from a server ---

Group = Annotated[str | None, typer.Option("--group", metavar="ID", help="From a server: the people of this Group.")]
AllPatients = Annotated[
    bool, typer.Option("--patient", help="From a server: all patients; without it or --group, the whole system.")
]
Types = Annotated[
    list[str] | None, typer.Option("--types", metavar="TYPE,...", help="From a server: only these resource types.")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="INSTANT", help="From a server: only what changed since; `last`: since the load before."
    ),
]
ClientId = Annotated[
    str | None, typer.Option("--client-id", metavar="ID", help="Who we are to the server (SMART Backend Services).")
]
Key = Annotated[Path | None, typer.Option("--key", metavar="PEM", help="Our private key: RSA, or EC P-384.")]
Kid = Annotated[
    str | None,
    typer.Option("--kid", metavar="ID", help="What the server calls our key; default: its RFC 7638 thumbprint."),
]
Scope = Annotated[
    str | None,
    typer.Option("--scope", metavar="SCOPES", help="What to ask leave for; default: to read what is exported."),
]
TokenUrl = Annotated[
    str | None, typer.Option("--token-url", metavar="URL", help="Where tokens are got; default: as the server says.")
]
InsecureHttp = Annotated[
    bool, typer.Option("--insecure-http", help="Allow a server without encryption on another machine.")
]

# --- results, and comparing groups in them ---

Results = Annotated[Path, typer.Argument(metavar="RESULTS", help="The folder `salus evaluate` wrote.")]
By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="ATTRIBUTE", help="An attribute to compare by; repeat it; default: all."),
]
Level = Annotated[float, typer.Option("--level", metavar="SHARE", help="Confidence level of the intervals.")]
Minimum = Annotated[int, typer.Option("--minimum", metavar="N", help="The smallest denominator that says something.")]
Reference = Annotated[
    list[str] | None,
    typer.Option("--reference", metavar="ATTRIBUTE=GROUP", help="Compare with this group; default: the largest known."),
]
Improvement = Annotated[
    list[str] | None,
    typer.Option(
        "--improvement", metavar="MEASURE=decrease", help="Set right a measure that says which way is better."
    ),
]
NoControl = Annotated[
    bool, typer.Option("--no-control", help="Leave out false-discovery control over the many comparisons.")
]
Cross = Annotated[
    list[str] | None,
    typer.Option("--cross", metavar="A,B", help="Attributes to take together (race,sex), or all: every pair."),
]
Standardise = Annotated[
    list[str] | None,
    typer.Option(
        "--standardise",
        metavar="ATTRIBUTE",
        help="Hold this equal in adjusted differences; repeat it; default: age_band and sex, where there are.",
    ),
]
Split = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        metavar="ATTRIBUTE",
        help="Say how much of a gap goes with this; repeat it; default: payer, age_band and site, where there are.",
    ),
]
Site = Annotated[str, typer.Option("--site", metavar="ATTRIBUTE", help="The attribute that names sites.")]

# --- what is shown ---

AsJson = Annotated[bool, typer.Option("--json", help="For a program to read.")]
Log = Annotated[
    Path | None,
    typer.Argument(metavar="[LOG]", help="A log, or what it lies beside; default: SALUS_AUDIT, else audit.jsonl here."),
]
