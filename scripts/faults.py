"""Faults done to Salus on purpose, and what must hold after each of them.

A fault is a function of a `Bench`; it returns the outcome in words, or fails an assertion: the population is that of
before or that of after and nothing between, the message says what was wrong, the next run works, no file is left.
`scripts/reliability.py` tries them many times; tests/scripts/test_faults.py holds a fixed selection.

Leaves to others: damaged and hostile input (`hostile`).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from salus.publish.audit import verify

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ROOT / "src/salus/catalog/content"
MEASURE = ("--measure", "SalusBloodPressureControl")
SERVER = ROOT / "tests/fhir/bulk/bulk_server.py"
PERIOD = ("--period", "2026-01-01", "2026-12-31")
Before = Callable[[], object]


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "faults",
        "salus.cli.load",
        "salus.cli.bulk",
        "salus.cli.evaluate",
        "salus.engine.oracle",
        "salus.equity.attributes",
    ]
)
"""Commands begin where their imports end: moments are then moments of the work, and there are many more of them."""


@dataclass(frozen=True)
class Ran:
    """A finished command: its exit code (negative: the signal that ended it) and what it wrote on stderr."""

    code: int
    errors: str


def command(arguments: Sequence[str], said: str, before: Before | None) -> None:
    """Be the `salus` command; what it says goes to the file `said`."""
    file = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(file, 2)
    if before:
        before()
    from salus.cli.main import main

    main(list(arguments))


def started(said: Path, arguments: Sequence[str | Path], before: Before | None = None) -> Any:
    process = FORKS.Process(target=command, args=([str(each) for each in arguments], str(said), before))
    process.start()
    return process


def salus(*arguments: str | Path, before: Before | None = None) -> Ran:
    """Run the command; `before` is done in its process first."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        process = started(said, arguments, before)
        process.join()
        errors = said.read_text(encoding="utf-8")
    assert "Traceback" not in errors, errors
    assert "should not have happened" not in errors, errors
    return Ran(process.exitcode, " ".join(errors.split()))


def killed(delay: float, *arguments: str | Path) -> bool:
    """Start a command and kill it after a while; whether it was still at work then."""
    process = started(Path(os.devnull), arguments)
    process.join(delay)
    alive = process.exitcode is None
    process.kill()
    process.join()
    return alive


def state(population: Path) -> str:
    """What tells one load's population from another's: resources by type. Asserts that every row has its record."""
    with duckdb.connect(str(population)) as con:
        types = con.execute("SELECT type, resources FROM resource_type ORDER BY type").fetchall()
        for kind, resources in types:
            found = con.execute(f'SELECT count(*) FROM "{kind}" JOIN raw."{kind}" USING (seq)').fetchone()
            assert found == (resources,), f"{kind} has {found} of {resources} rows"
        return json.dumps(types)


def records(path: Path, first: int, people: int) -> Path:
    """NDJSON of made-up people with five Observations each."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(first, first + people):
            patient = {"resourceType": "Patient", "id": f"p{number}", "birthDate": "1960-01-01"}
            for resource_ in (patient, *(observation(f"o{number}-{place}", f"p{number}") for place in range(5))):
                file.write(json.dumps(resource_) + "\n")
    return path


def observation(name: str, who: str) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    said = {"subject": {"reference": f"Patient/{who}"}, "valueQuantity": {"value": 120, "unit": "mmHg"}}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": code, **said}


@dataclass
class Bench:
    """A folder with a population of `old` records, `more` to add, and the states a fault may leave."""

    folder: Path
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.old, self.more = (
            records(self.folder / "old.ndjson", 0, 200),
            records(self.folder / "more.ndjson", 200, 400),
        )
        (self.folder / "kept").mkdir()
        (self.folder / "house").mkdir()
        self.kept = self.folder / "kept/population.duckdb"
        self.house = self.folder / "house"
        self.population, self.results = self.house / "population.duckdb", self.house / "results"
        self._timed("load", "load", self.old, "--into", self.kept)
        self.before = state(self.kept)
        self.reset()
        self._timed("load", *self.load())
        self.after = state(self.population)
        self._timed("evaluate", *self.evaluation())

    def _timed(self, name: str, *arguments: str | Path) -> None:
        started = time.perf_counter()
        ran = salus(*arguments)
        assert ran.code == 0, ran.errors
        self.seconds[name] = time.perf_counter() - started

    def reset(self) -> None:
        """The population of before, and nothing else, in the house."""
        shutil.rmtree(self.house)
        self.house.mkdir()
        shutil.copyfile(self.kept, self.population)

    def load(self) -> list[str | Path]:
        return ["load", self.more, "--into", self.population]

    def evaluation(self) -> list[str | Path]:
        return ["evaluate", self.population, "--content", CONTENT, *MEASURE, *PERIOD, "--out", self.results]

    def moment(self, name: str) -> float:
        """Some time from the start of a command to a little after its end."""
        return self.dice.uniform(0.1, self.seconds[name] * 1.1)

    def in_order(self, *expected: str) -> None:
        """Nothing is in the house but what is expected and a whole audit log."""
        found = sorted(path.name for path in self.house.iterdir() if path.name != "audit.jsonl")
        log = self.house / "audit.jsonl"
        assert not log.exists() or not verify(log).broken, f"{log} is broken"
        assert found == sorted(expected), f"in the folder are {found}"

    def next_load_works(self) -> None:
        ran = salus(*self.load())
        assert ran.code == 0, f"the next load failed: {ran.errors}"
        assert state(self.population) == self.after, "the next load lost something"
        self.in_order(self.population.name)

    def next_evaluation_works(self) -> None:
        ran = salus(*self.evaluation())
        assert ran.code == 0, f"the next evaluation failed: {ran.errors}"
        self.whole_results()
        self.in_order(self.population.name, self.results.name)

    def whole_results(self) -> None:
        run = json.loads((self.results / "run.json").read_text(encoding="utf-8"))
        assert run
        assert pq.read_metadata(self.results / "determinations.parquet").num_rows == 200


def killed_load(bench: Bench) -> str:
    """kill -9 of a load onto a population"""
    bench.reset()
    alive = killed(bench.moment("load"), *bench.load())
    found = state(bench.population)
    assert found in (bench.before, bench.after), "half a load"
    bench.next_load_works()
    return "as before, the next load works" if found == bench.before and alive else "the load was done"


def killed_first_load(bench: Bench) -> str:
    """kill -9 of a load that makes a population"""
    bench.reset()
    bench.population.unlink()
    killed(bench.moment("load"), "load", bench.old, "--into", bench.population)
    made = bench.population.exists()
    assert not made or state(bench.population) == bench.before, "half a population"
    assert salus("load", bench.old, "--into", bench.population).code == 0, "the next load failed"
    assert state(bench.population) == bench.before, "the next load lost something"
    bench.in_order(bench.population.name)
    return "the load was done" if made else "no population, the next load works"


def killed_evaluation(bench: Bench) -> str:
    """kill -9 of an evaluation, which also types elements in the population"""
    bench.reset()
    alive = killed(bench.moment("evaluate"), *bench.evaluation())
    assert state(bench.population) == bench.before, "the population changed"
    if bench.results.exists():
        bench.whole_results()
    bench.next_evaluation_works()
    return "no results, the next run works" if alive else "the evaluation was done"


def killed_evaluation_again(bench: Bench) -> str:
    """kill -9 of an evaluation that replaces older results"""
    if not bench.results.exists():
        bench.reset()
        bench.next_evaluation_works()
    alive = killed(bench.moment("evaluate"), *bench.evaluation())
    if bench.results.exists():  # for an instant there are none, and the next run brings them back
        bench.whole_results()
    bench.next_evaluation_works()
    return "the older results, the next run works" if alive else "the evaluation was done"


KILL_AT = """
import os, signal, sys
from pathlib import Path
from salus.store import load, scratch
from salus.measure import folder
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
step, sources, into = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
if step == "replace":
    scratch.os.replace = die
if step == "replaced":
    scratch._sync = lambda path, done=[]: die() if done else done.append(path)
load([sources], into, progress=lambda name, done, total: die() if name == step else None)
"""
STEPS = ("read", "settle", "type", "replace", "replaced")


def killed_at(bench: Bench, step: str) -> str:
    """The same at a step of the load, so that it is every time at the same."""
    bench.reset()
    done = subprocess.run([sys.executable, "-c", KILL_AT, step, bench.more, bench.population], check=False)
    assert done.returncode == -signal.SIGKILL, f"the step {step} never came"
    assert state(bench.population) == (bench.after if step == "replaced" else bench.before), "half a load"
    bench.next_load_works()
    return "as before, the next load works"


def half_replaced_results(bench: Bench) -> str:
    """an evaluation that died between taking the older results away and putting the new ones there"""
    bench.reset()
    bench.next_evaluation_works()
    bench.results.rename(bench.house / ".results.old")
    (bench.house / ".results.writing").mkdir()
    wrong = salus("evaluate", bench.population, "--content", bench.more, *PERIOD, "--out", bench.results)
    assert wrong.code != 0
    bench.next_evaluation_works()
    return "the older results come back"


def no_file_over(limit: int) -> None:
    """Let no file of this process grow over a limit, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def full_disk_load(bench: Bench, limit: int | None = None) -> str:
    """a load, when no file may grow over a limit (as on a full disk)"""
    bench.reset()
    limit = limit or bench.dice.randrange(1 << 12, bench.kept.stat().st_size + (1 << 20))
    ran = salus(*bench.load(), before=partial(no_file_over, limit))
    assert ran.code in (0, 1), f"ended with {ran.code}"
    assert state(bench.population) == (bench.before if ran.code else bench.after), "half a load"
    if ran.code:
        assert f"cannot write the population {bench.population}" in ran.errors, f"no clear message: {ran.errors}"
        bench.in_order(bench.population.name)
        bench.next_load_works()
    return "refused with a message, as before, the next load works" if ran.code else "there was room enough"


def full_disk_evaluation(bench: Bench, limit: int | None = None) -> str:
    """an evaluation, when no file may grow over a limit (as on a full disk)"""
    bench.reset()
    limit = limit or int(2 ** bench.dice.uniform(9, 14))
    ran = salus(*bench.evaluation(), before=partial(no_file_over, limit))
    assert ran.code in (0, 1), f"ended with {ran.code}"
    assert state(bench.population) == bench.before, "the population changed"
    if not ran.code:
        bench.whole_results()
        return "there was room enough"
    assert any(words in ran.errors for words in ("cannot write", "does not suffice", "is not a population, or")), (
        ran.errors
    )
    assert not bench.results.exists(), "half a results folder"
    bench.next_evaluation_works()
    return "refused with a message, no results, the next run works"


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of so many KiB at a folder, where the system lets us make one. Raises Impossible."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise Impossible("no disk could be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class Impossible(Exception):
    """The fault cannot be made on this machine, or by this user."""


def really_full_disk(bench: Bench) -> str:
    """a load and an evaluation on a small disk that is really full (tmpfs)"""
    bench.reset()
    disk = bench.folder / "disk"
    room = bench.kept.stat().st_size // 1024 + bench.dice.randrange(16, 4096)
    with small_disk(disk, room):
        population = disk / "population.duckdb"
        shutil.copyfile(bench.kept, population)
        ran = salus("load", bench.more, "--into", population)
        if not ran.code:
            return "there was room enough"
        assert "cannot write the population" in ran.errors, ran.errors
        assert state(population) == bench.before, "half a load"
        assert sorted(path.name for path in disk.iterdir()) == [population.name], "something is left on the disk"
        ran = salus("evaluate", population, "--content", CONTENT, *MEASURE, *PERIOD, "--out", disk / "results")
        assert (disk / "results").exists() == (ran.code == 0), "half a results folder"
        assert state(population) == bench.before, "the population changed"
    return "refused with a message, as before"


def without_power() -> None:
    """Be nobody in particular, where this is root: who may write anywhere cannot meet a folder that is read-only."""
    if os.geteuid() == 0:
        capabilities = (ctypes.c_uint32 * 6)()  # none: effective, permitted, inheritable; twice
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        assert ctypes.CDLL(None, use_errno=True).capset(header, capabilities) == 0


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


def read_only_folder(bench: Bench) -> str:
    """a folder that may not be written to"""
    bench.reset()
    with read_only(bench.house):
        for arguments in (bench.load(), bench.evaluation(), ["load", bench.more, "--into", bench.house / "new.duckdb"]):
            ran = salus(*arguments, before=without_power)
            assert ran.code == 1, f"ended with {ran.code}"
            assert "Permission denied" in ran.errors, f"no clear message: {ran.errors}"
            assert str(bench.house) in ran.errors, f"no folder named: {ran.errors}"
        bench.in_order(bench.population.name)
    assert state(bench.population) == bench.before, "the population changed"
    bench.next_load_works()
    return "refused with a message, as before, the next load works"


@contextlib.contextmanager
def serving(plan: dict[str, Any]) -> Iterator[str]:
    """The tests' server with this plan; its address."""
    process = subprocess.Popen([sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())[0]}/fhir"
        process.stdin.close()


def killed_export(bench: Bench) -> str:
    """kill -9 of a load from a server that exports in bulk, and that cuts connections as well"""
    bench.reset()
    lines = bench.more.read_text(encoding="utf-8").splitlines()
    files = [
        {"type": kind, "lines": [line for line in lines if f'"{kind}", "id"' in line]}
        for kind in ("Patient", "Observation")
    ]
    cuts = [{"at": "GET /files/", "do": "cut", "bytes": bench.dice.randrange(50_000)} for _ in range(3)]
    with serving({"files": files, "faults": cuts}) as server:
        arguments = ("load", server, "--into", bench.population)
        alive = killed(bench.moment("load") + 0.5, *arguments)
        assert state(bench.population) in (bench.before, bench.after), "half a load"
        ran = salus(*arguments)
        assert ran.code == 0, f"the next load failed: {ran.errors}"
        assert state(bench.population) == bench.after, "the next load lost something"
    bench.in_order(bench.population.name)
    return "as before, the next load works" if alive else "the load was done"
