"""One user by id, compared with what libpq in C needs for it: pgbench.

pgbench is one client that sends the prepared statement of `users.find_by_id` again and again, each
time for another user. It reads the same users as the others, with the settings of our session. It
does less than they do: it asks for the results as text, and looks at no value of them. No client
that waits for each reply in turn takes much less.

The others are the contestants of `bench_reads`, on a held connection and with the generic plan. A
turn of pgbench is a process of its own. Its time is the one that pgbench tells, without connecting;
its CPU time is the one that the system counts. A turn has one read more than the others, and a
process of one read is taken off again: the first one also starts pgbench, and plans the statement.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias

from psycopg import Connection, conninfo

from vrooli_data import AsyncDatabase, Database

from ._measure import Effort, Table, Turn, Turns, alternate, compare, in_fresh_process
from ._patterns import Call, Recorder
from ._pinning import is_on_socket, pin_client, pinned_server
from .bench_client_cpu import on_cpu
from .bench_reads import (
    FACES,
    as_it_is,
    async_psycopg_turn,
    lent,
    our_async_turn,
    our_turn,
    psycopg_turn,
)

_QUERY = "users.find_by_id"
#: Turns of each contestant in a run: one in each order.
_ROUNDS = 6
#: The start of pgbench takes some milliseconds of CPU time, never exactly as many.
_SHORTEST_TURN = 0.02
_SCRIPT, _SERVICES, _SERVICE = "read.sql", "services.conf", "floor"
_CLOCKS = {"time": as_it_is, "CPU time of the client": on_cpu}
#: The folder of the server's programs, which superusers alone may read.
_PROGRAMS = """
SELECT (SELECT setting FROM pg_config WHERE name = 'BINDIR')
WHERE has_table_privilege('pg_config', 'SELECT')
    AND has_function_privilege('pg_config()', 'EXECUTE')
"""
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE source = 'session'"
#: What ends a value, or escapes, in the options of libpq.
_ESCAPED, _ESCAPE = re.compile(r"([\\\s])"), r"\\\1"
_PER_SECOND = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)
#: The turns of the contestants, by clock and face.
_Measured: TypeAlias = dict[tuple[str, str], list[Turns]]


class _Run(NamedTuple):
    """The result of one fresh process."""

    measured: _Measured
    #: The CPUs of the two sides.
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure both faces beside pgbench; *advance* is called for each run."""
    titles = {clock: f"The floor, {clock}: {_QUERY} against libpq in C" for clock in _CLOCKS}
    with Database.connect(url) as db, db.connection() as held:
        program = pgbench_of(held.connection)
        calls = _calls(Recorder(held), effort.sample)
    if program is None:
        note = "left out: there is no pgbench beside the server, and none in PATH"
        return [Table(title, "pgbench", "others", "µs", [], note) for title in titles.values()]
    turn_seconds = max(effort.load_seconds, _SHORTEST_TURN)
    effort = effort._replace(turn_seconds=turn_seconds, rounds=_ROUNDS)
    runs: list[_Run] = []
    for number in range(effort.runs):
        advance(f"floor, run {number + 1} of {effort.runs}")
        runs.append(in_fresh_process(_measure_run, url, program, calls, effort))
    tables = []
    for clock, title in titles.items():
        comparisons = []
        for face in FACES:
            ours, theirs, floor = zip(*(run.measured[clock, face] for run in runs), strict=True)
            comparisons.append(compare(f"{face}, psycopg", floor, theirs))
            comparisons.append(compare(f"{face}, ours", floor, ours))
        tables.append(Table(title, "pgbench", "others", "µs", comparisons, runs[0].pinning))
    return tables


def pgbench_of(connection: Connection[Any]) -> str | None:
    """Return the pgbench of a server on this machine, else the one in PATH, else None."""
    found = connection.execute(_PROGRAMS).fetchone() if is_on_socket(connection.info) else None
    beside = None if found is None else shutil.which("pgbench", path=found[0])
    return beside or shutil.which("pgbench")


def _calls(recorder: Recorder, sample: int) -> list[Call]:
    """Record the calls for the users with the lowest ids, which have no gaps."""
    [(lowest,)] = recorder.sample("id", "users")
    return [recorder.call(_QUERY, id) for id in range(lowest, lowest + sample)]


def _measure_run(url: str, program: str, calls: Sequence[Call], effort: Effort) -> _Run:
    """Measure one run. Runs in a process of its own."""
    pin_client()
    measured: _Measured = {}
    with (
        Database.connect(url, max_size=1) as db,
        db.connection() as held,
        pinned_server(held.connection.info) as pinning,
        _floor(url, program, held.connection, calls) as floor,
    ):
        turns = [our_turn(held, calls), psycopg_turn(held.connection, calls)]
        for clock, timed in _CLOCKS.items():
            contestants = [*map(timed, turns), floor[clock]]
            measured[clock, "sync"] = alternate(contestants, len(calls), effort)
        with _async_turns(url, calls) as turns:
            for clock, timed in _CLOCKS.items():
                contestants = [*map(timed, turns), floor[clock]]
                measured[clock, "async"] = alternate(contestants, len(calls), effort)
    return _Run(measured, pinning)


@contextmanager
def _async_turns(url: str, calls: Sequence[Call]) -> Iterator[list[Turn]]:
    """Yield the contestants on a held connection of AsyncDatabase: ours, and psycopg alone."""
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        try:
            db = AsyncDatabase.connect(url, max_size=1)
            loop.run(stack.enter_async_context(db))
            held = loop.run(stack.enter_async_context(db.connection()))
            connection = loop.run(lent(held))
            yield [
                our_async_turn(loop, held, calls),
                async_psycopg_turn(loop, connection, calls),
            ]
        finally:
            loop.run(stack.aclose())


@contextmanager
def _floor(
    url: str, program: str, connection: Connection[Any], calls: Sequence[Call]
) -> Iterator[dict[str, Turn]]:
    """Yield the turns of pgbench, by clock."""
    with TemporaryDirectory() as folder:
        ids = [call.parameters[0] for call in calls]
        # A colon begins a variable of pgbench, also in the comment that tags the statement.
        statement = calls[0].statement.decode().replace("_data:", "_data.").replace("$1", ":id")
        script = f"\\set id random({min(ids)}, {max(ids)})\n{statement};\n"
        Path(folder, _SCRIPT).write_text(script)
        # A command line would show a password to the other users of the machine.
        service = conninfo.conninfo_to_dict(url) | {"options": _options(connection)}
        lines = [f"[{_SERVICE}]", *(f"{name}={value}" for name, value in service.items()), ""]
        Path(folder, _SERVICES).write_text("\n".join(lines))

        def turn(places: Sequence[int], clock: int) -> float:
            first = _run(program, folder, 1)[clock]
            return _run(program, folder, 1 + len(places))[clock] - first

        yield {clock: partial(turn, clock=number) for number, clock in enumerate(_CLOCKS)}


def _options(connection: Connection[Any]) -> str:
    """Return the options of libpq that give a session the settings of this one."""
    settings = connection.execute(_SETTINGS).fetchall()
    return " ".join(f"-c {name}={_ESCAPED.sub(_ESCAPE, value)}" for name, value in settings)


def _run(program: str, folder: str, reads: int) -> tuple[float, float]:
    """Have pgbench make so many reads, and return the seconds that it tells, and its CPU time."""
    command = [program, "--no-vacuum", "--protocol=prepared", "--client=1", "--jobs=1"]
    command += [f"--transactions={reads}", f"--file={_SCRIPT}", f"service={_SERVICE}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PGSERVICEFILE": _SERVICES},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = _PER_SECOND.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise ChildProcessError(f"pgbench failed: {done.stderr}")
    cpu_time = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return reads / float(found[1]), cpu_time
