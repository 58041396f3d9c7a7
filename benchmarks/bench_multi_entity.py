"""Writes to several tables: one statement compared with a transaction of several statements.

Ours is a call on a held connection: one statement, which commits by itself. The baseline does the
same work with bare psycopg on the same connection, between BEGIN and COMMIT, as a careful program
does by hand: prepared, binary, all rows of a table in one statement, rows as tuples. Both are
checked to insert the same number of rows into every table.

Both write to a copy of the seeded database, which is dropped afterwards. synchronous_commit is off,
so that the work and the round trips are compared, and not the disk, which both flush once. Over a
unix socket a round trip is short. Over a network the difference is larger.

There is no bar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from psycopg import Connection, RawCursor, sql
from psycopg.rows import tuple_row

from vrooli_data import Database, HeldConnection
from vrooli_data._rows import Row

from ._database import scratch_database
from ._measure import Effort, Table, Turn, Turns, alternate, compare, in_fresh_process
from ._multi_entity import OPERATIONS, Execute, Operation, Rows
from ._pinning import pin_backends, pin_client

_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


class Run(NamedTuple):
    """The result of one fresh process."""

    #: The turns of the several statements and of the one, by operation.
    measured: dict[str, list[Turns]]
    pinning: str


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every operation; *advance* is called for each run."""
    with scratch_database(url, "multi_entity", copied=True) as copy_url:
        with Database.connect(copy_url) as db, db.connection() as held:
            statements = {each.name: _statements(held, each) for each in OPERATIONS}
        runs: list[Run] = []
        for number in range(effort.runs):
            advance(f"multi_entity, run {number + 1} of {effort.runs}")
            runs.append(in_fresh_process(measure_operations, copy_url, effort))
    comparisons = [
        compare(
            name,
            [run.measured[name][0] for run in runs],
            [run.measured[name][1] for run in runs],
            counts={"statements": count},
        )
        for name, count in statements.items()
    ]
    title = "Several tables at once: one statement against a transaction of several"
    note = f"statements: the baseline's, beside BEGIN and COMMIT; {runs[0].pinning}"
    return [Table(title, "several", "one", "µs", comparisons, note)]


def measure_operations(url: str, effort: Effort) -> Run:
    """Measure the operations. Runs in a process of its own."""
    pin_client()
    with Database.connect(url) as db, db.connection() as held:
        pinning = pin_backends(held.connection.info, [held.connection.info.backend_pid])
        held.connection.execute("SET synchronous_commit = off")
        rows = Rows.of(held.connection)
        measured = {
            operation.name: alternate(
                (_several_turn(operation, held.connection, rows), _one_turn(operation, held, rows)),
                effort.sample,
                effort,
            )
            for operation in OPERATIONS
        }
    return Run(measured, pinning)


def _several_turn(operation: Operation, connection: Connection[Row], rows: Rows) -> Turn:
    execute = _executing(connection)

    def turn(places: Sequence[int]) -> float:
        given = operation.given(rows, places)
        started = perf_counter()
        for each in given:
            with connection.transaction():
                operation.several(execute, each)
        return perf_counter() - started

    return turn


def _one_turn(operation: Operation, held: HeldConnection, rows: Rows) -> Turn:
    def turn(places: Sequence[int]) -> float:
        given = operation.given(rows, places)
        started = perf_counter()
        for each in given:
            operation.one(held, each)
        return perf_counter() - started

    return turn


def _executing(connection: Connection[Row]) -> Execute:
    cursor = RawCursor(connection, row_factory=tuple_row)

    def execute(statement: Any, *parameters: Any) -> list[Row]:
        cursor.execute(statement, parameters, prepare=True, binary=True)
        return cursor.fetchall() if cursor.description else []

    return execute


def _statements(held: HeldConnection, operation: Operation) -> int:
    """Count the statements of the baseline, and check that both insert the same rows."""
    connection = held.connection
    execute = _executing(connection)
    sent: list[object] = []

    def counting(statement: Any, *parameters: Any) -> list[Row]:
        sent.append(statement)
        return execute(statement, *parameters)

    first, second = operation.given(Rows.of(connection), [0, 1])
    before = _row_counts(connection)
    operation.several(counting, first)
    between = _row_counts(connection)
    operation.one(held, second)
    after = _row_counts(connection)
    theirs = {table: between[table] - before[table] for table in before}
    ours = {table: after[table] - between[table] for table in before}
    if ours != theirs:
        raise AssertionError(f"{operation.name} inserts {ours}, and by hand {theirs}")
    return len(sent)


def _row_counts(connection: Connection[Row]) -> dict[str, int]:
    tables = connection.execute(_TABLES).fetchall()
    counts = {}
    for (table,) in tables:
        statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        [(counts[table],)] = connection.execute(statement).fetchall()
    return counts
