"""Damaged and hostile input: the good record arrives, the bad one is named with its file and line.

Leaves to others: faults of the machine (`faults`).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from faults import CONTENT, MEASURE, PERIOD, Bench, observation, salus
from salus.catalog.synth import synthesize

GOOD = b'{"resourceType":"Patient","id":"good"}\n'

HOSTILE = (
    *("'; DROP TABLE patient; --", '"; DROP SCHEMA raw CASCADE; --', "..\\..\\windows", "<script>alert(1)</script>"),
    *("\u0000null", "%s%n{0}", "a" * 10_000, "\u202egnp.exe", "${jndi:ldap://x}", "[bold]x[/bold][/]"),
    *(
        "' OR '1'='1",
        "&lt;b&gt;",
        '" onload="alert(1)',
        "--help",
        "{{7*7}}",
        "\U0001f600",
    ),
)
"""Texts that have done harm to other programs, for every identifier."""


def damaged(bench: Bench, name: str, data: bytes, said: str) -> str:
    """Load a file that holds one good patient and some harm; `said` is part of what is said of the harm."""
    bench.reset()
    file = bench.folder / name
    file.write_bytes(data)
    ran = salus("load", file, "--into", bench.population)
    file.unlink()
    assert ran.code == 0, f"ended with {ran.code}: {ran.errors}"
    with duckdb.connect(str(bench.population)) as con:
        good = con.execute("SELECT count(*) FROM patient WHERE id = 'good'").fetchone()
        found = con.execute("SELECT file, line, reason FROM quarantine").fetchall()
    assert good == (1,), "the good record is lost"
    assert not said or any(said in reason and name in file and line >= 1 for file, line, reason in found), f"{found}"
    bench.in_order(bench.population.name)
    return "the good record is in, the bad one is named with its file and line" if said else "all is in"


def truncated_gzip() -> bytes:
    lines = b"".join(json.dumps(observation(f"o{number}", "good")).encode() + b"\n" for number in range(3000))
    packed = gzip.compress(GOOD + os.urandom(1 << 15).hex().encode() + b"\n" + lines)
    return packed[: len(packed) - 100]


def small_truncated_gzip() -> bytes:
    packed = gzip.compress(GOOD + os.urandom(4096).hex().encode())
    return packed[: len(packed) - 10]


def long_line(size: int = 100_000_000) -> bytes:
    return GOOD + b'{"resourceType":"Patient","id":"' + b"x" * size + b"\n"


def bundle(entries: int = 1_000_000) -> bytes:
    one = b'{"resource":{"resourceType":"Observation","subject":{"reference":"Patient/good"},"id":"%d"}}'
    listed = b",".join(one % number for number in range(entries))
    return b'{"resourceType":"Bundle","type":"batch","entry":[{"resource":' + GOOD.strip() + b"}," + listed + b"]}"


def of_nobody() -> bytes:
    return GOOD + b"".join(
        json.dumps(observation(f"o{number}", f"nobody{number}")).encode() + b"\n" for number in range(100)
    )


def outside() -> bytes:
    """A tar whose members lead out of any folder it were unpacked in, one of them a link."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("../../../tmp/salus-was-here.ndjson", "/tmp/salus-was-here.ndjson"):
            info = tarfile.TarInfo(name)
            info.size = len(GOOD)
            tar.addfile(info, io.BytesIO(GOOD))
        link = tarfile.TarInfo("link.ndjson")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return file.getvalue()


def packed(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(f"{name}.ndjson", data)
    return file.getvalue()


def bomb(size: int = 3 << 29) -> bytes:
    """A zip of a megabyte or two that unpacks to more than a gigabyte of blanks."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.ndjson", GOOD)
        with made.open("bomb.ndjson", "w", force_zip64=True) as member:
            member.write(GOOD)
            for _ in range(size >> 20):
                member.write(b" " * ((1 << 20) - 1) + b"\n")
    return file.getvalue()


def nested(levels: int = 40) -> bytes:
    data = GOOD
    for _ in range(levels):
        data = packed(inner=data)
    return packed(a=GOOD, deep=data)


INPUTS: tuple[tuple[str, str, Callable[[], bytes], str], ...] = (
    ("truncated gzip", "cut.ndjson.gz", truncated_gzip, "breaks off"),
    ("truncated gzip of a few lines", "cut.ndjson.gz", small_truncated_gzip, "breaks off"),
    ("invalid UTF-8", "bytes.ndjson", lambda: GOOD + b'{"resourceType":"Patient","id":"\xff"}\n', "is not UTF-8"),
    ("a line of 100 MB that does not end", "long.ndjson", long_line, "not valid JSON"),
    ("a Bundle of a million entries", "big.json", bundle, ""),
    ("the same id ten thousand times", "same.ndjson", lambda: GOOD * 10_000, ""),
    ("resources of unknown patients", "lost.ndjson", of_nobody, ""),
    ("an archive of names that lead outside, and a link", "out.tar", outside, ""),
    ("a zip that unpacks to a thousand times its size (1.6 GB)", "bomb.zip", bomb, "500 times its size"),
    ("a zip in a zip, forty deep", "deep.zip", nested, "containers are in one another"),
    ("JSON a hundred thousand levels deep", "nest.ndjson", lambda: GOOD + b"[" * 100_000 + b"\n", "is not"),
    ("NUL bytes and an empty file name", "nul.ndjson", lambda: GOOD + b"\x00" * 4096 + b"\n", "is not"),
)
"""(fault, file name, its bytes, part of what is said of it)"""


def renamed(records: Path, into: Path, names: dict[str, str]) -> Path:
    """The same records under other patient ids."""
    into.mkdir()
    for file in sorted(records.glob("*.ndjson")):
        text = file.read_text(encoding="utf-8")
        for old, new in names.items():
            told = json.dumps(new)[1:-1]
            text = text.replace(f'"id":"{old}"', f'"id":"{told}"').replace(f'"Patient/{old}"', f'"Patient/{told}"')
        (into / file.name).write_text(text, encoding="utf-8")
    return into


def answers(folder: Path, records: Path) -> dict[str, tuple[object, ...]]:
    """Load and evaluate records: subject -> its populations."""
    folder.mkdir()
    population, results = folder / "population.duckdb", folder / "results"
    for arguments in (
        ("load", records, "--into", population),
        ("evaluate", population, "--content", CONTENT, *MEASURE, *PERIOD, "--out", results),
    ):
        ran = salus(*arguments)
        assert ran.code == 0, ran.errors
    table = pq.read_table(results / "determinations.parquet").to_pylist()
    return {row["subject_id"]: (row["initial_population"], row["denominator"], row["numerator"]) for row in table}


def hostile_identifiers(bench: Bench) -> str:
    """hostile texts (SQL, HTML, markup, NUL ...) as the identifiers of people, from load to report and explanation"""
    synthesize(bench.folder / "people", people=100, seed=3)
    plain = bench.folder / "people/records"
    expected = answers(bench.folder / "plain", plain)
    names = dict(zip(sorted(expected), HOSTILE, strict=False))
    found = answers(bench.folder / "hostile", renamed(plain, bench.folder / "renamed", names))
    assert found == {names.get(name, name): populations for name, populations in expected.items()}, "other answers"
    pages_are_harmless(bench.folder / "hostile")
    return f"the same answers for {len(names)} hostile ids, no page obeys them"


def pages_are_harmless(folder: Path) -> None:
    """The report, and the explanation of each hostile subject, hold no identifier as markup."""
    page, results = folder / "page.html", folder / "results"
    measure = json.loads((results / "run.json").read_text(encoding="utf-8"))["measures"][0]["name"]
    assert salus("report", results, "--out", page).code == 0
    texts = [page.read_text(encoding="utf-8")]
    for name in ("<script>alert(1)</script>", '" onload="alert(1)'):
        ran = salus("explain", results, "--measure", measure, f"--subject={name}", "--html", page)
        assert ran.code == 0, ran.errors
        texts.append(page.read_text(encoding="utf-8"))
    assert not any("<script>alert" in text or '" onload="alert' in text for text in texts), "a page obeys an identifier"
