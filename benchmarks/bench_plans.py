"""The generic plan compared with custom plans, on skewed data.

The parameters are the ends of skewed data: the rarest and the most frequent type, status, user,
team and text, and the shortest and the longest period; each with its first page, a later page, and
the page before that.

Both sides are psycopg's RawCursor with the statement and the parameters that our method sends. The
first connection has `plan_cache_mode = force_custom_plan`: each execution is planned for its own
parameters. The second has `force_generic_plan`, as the library's connections do. *Planned anew* is
the number of custom plans that PostgreSQL makes with `auto`, in the same executions on a third
connection, from pg_prepared_statements. *Pages* are those that an execution touches; they do not
depend on the load of the machine.

Bar: the generic plan takes at most 1.3 times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args

import psycopg
from psycopg import Connection, RawCursor
from psycopg.sql import SQL, Identifier, Literal

from vrooli_data import Database, HeldConnection, ResourceOrder, RunStatus

from ._measure import Effort, Table, alternate, compare
from ._patterns import PAGE, Call, Recorder, listed_types
from .bench_reads import psycopg_turn

BAR = 1.3
#: With `auto`, PostgreSQL makes so many custom plans before it chooses.
_UNSETTLED = 5
_EXECUTIONS = 8
_MODES = ("force_custom_plan", "force_generic_plan", "auto")
#: One statement may be prepared several times, with other types of parameters.
_FIND_NAME = """
SELECT name FROM pg_prepared_statements WHERE statement = $1 ORDER BY prepare_time DESC LIMIT 1
"""
_COUNT_PLANNED = "SELECT custom_plans FROM pg_prepared_statements WHERE statement = $1"
#: The keys with the fewest and the most rows, by what is counted.
_ENDS = """
WITH counted AS (SELECT {key} AS key, count(*) AS rows FROM {table} GROUP BY 1)
SELECT
    (SELECT key FROM counted ORDER BY rows ASC, key ASC LIMIT 1),
    (SELECT key FROM counted ORDER BY rows DESC, key ASC LIMIT 1)
"""
_TEXTS = {"rare": "qzqz", "frequent": "e", "a word": "the", "long": "x" * 255}


class Case(NamedTuple):
    """One call, with the end of the data that it reads."""

    title: str
    call: Call


def measure(url: str, effort: Effort, advance: Callable[[str], None]) -> list[Table]:
    """Measure every listing query with the ends of the data."""
    with Database.connect(url) as db, db.connection() as held:
        cases = list(_cases(held))
    comparisons = []
    opened = [_connect(url, mode) for mode in _MODES]
    custom, generic, auto = opened
    try:
        for case in cases:
            advance(f"plans, {case.title}")
            turns = [psycopg_turn(connection, [case.call]) for connection in (custom, generic)]
            runs = [alternate(turns, 1, effort) for _ in range(effort.runs)]
            planned, made = zip(*runs, strict=True)
            counts = {
                f"planned anew of {_EXECUTIONS}": _planned_anew(auto, case.call),
                "now": _planned_anew(generic, case.call),
                "pages": _pages(custom, case.call),
                "pages now": _pages(generic, case.call),
            }
            comparisons.append(compare(case.title, planned, made, bar=BAR, counts=counts))
    finally:
        for connection in opened:
            connection.close()
    title = "One plan for all parameters against one for each call"
    return [Table(title, "custom", "generic", "µs", comparisons)]


def _connect(url: str, mode: str) -> Connection[Any]:
    connection = psycopg.connect(url, autocommit=True)
    connection.prepared_max = None
    connection.execute("SELECT set_config('plan_cache_mode', %s, false)", (mode,))
    connection.execute("SET jit = off")
    return connection


def _cases(held: HeldConnection) -> Iterator[Case]:  # noqa: PLR0912 (one for each kind of data)
    """Make every call."""
    recorder = Recorder(held)

    def case(end: str, method: str, *positional: Any, **named: Any) -> Case:
        call = recorder.sent(method, *positional, **named)
        return Case(f"{call.query}, {end}" if end else call.query, call)

    def pages(end: str, method: str, *positional: Any, **named: Any) -> Iterator[Case]:
        """Read the first page, the second, and the first again with its cursor."""
        first = case(end, method, *positional, **named, limit=PAGE)
        yield first
        cursor = first.call.on(held)().next_cursor
        if cursor is None:
            return
        second = case(end, method, *positional, **named, limit=PAGE, cursor=cursor)
        yield second
        back = second.call.on(held)().previous_cursor
        yield case(end, method, *positional, **named, limit=PAGE, cursor=back)

    def ends(key: str, table: str) -> Iterator[tuple[str, Any]]:
        query = SQL(_ENDS).format(key=Identifier(key), table=Identifier(table))
        ((fewest, most),) = held.connection.execute(query).fetchall()
        return zip(("fewest", "most"), (fewest, most), strict=True)

    types = listed_types(held)
    for end, (resource_type, _) in zip(("most", "fewest"), (types[0], types[-1]), strict=True):
        for order in get_args(ResourceOrder):
            yield from pages(end, "resources.find_by_type", resource_type, order_by=order)
        for text_end, text in _TEXTS.items():
            both = f"{text_end}, {end}"
            yield case(both, "resources.search", text, resource_type=resource_type)
    for end, text in _TEXTS.items():
        yield case(end, "resources.search", text)
        yield case(end, "users.search", text)
        yield case(end, "users.search", text, match_email="substring")
    for days in (1, 2, 7, 30, 365, 365_000):
        for limit in (PAGE, 500):
            end = f"{days} d, limit {limit}"
            yield case(end, "resources.find_trending", days=days, limit=limit)
    for method in ("users.find_many", "teams.find_many", "chats.find_many"):
        yield from pages("", method)
    for end, status in ends("status", "runs"):
        yield from pages(end, "runs.find_by_status", [status])
    yield from pages("all", "runs.find_by_status", get_args(RunStatus))
    for end, user_id in ends("user_id", "runs"):
        yield from pages(end, "runs.find_by_user", user_id)
        yield from pages(end, "runs.find_active_runs", user_id=user_id)
        yield from pages(end, "runs.find_by_status", get_args(RunStatus), user_id=user_id)
        yield case(end, "runs.get_execution_stats", user_id=user_id)
    for table, key, method in (
        ("bookmarks", "user_id", "bookmarks.list_by_user"),
        ("members", "user_id", "members.find_by_user"),
        ("members", "team_id", "members.find_by_team"),
        ("chat_participants", "user_id", "chats.find_by_user"),
        ("chat_participants", "chat_id", "chats.find_participants"),
        ("resource_versions", "resource_id", "resources.find_versions"),
    ):
        for end, key_value in ends(key, table):
            yield from pages(end, method, key_value)
    for end, resource_id in ends("resource_id", "resource_translations"):
        yield case(end, "resources.find_translations", resource_id)
    for end, user_id in ends("user_id", "members"):
        ((public_id,),) = held.connection.execute(
            "SELECT public_id FROM users WHERE id = %s", (user_id,)
        ).fetchall()
        yield case(end, "users.find_with_teams", public_id)


def _planned_anew(connection: Connection[Any], call: Call) -> int:
    """Return the number of custom plans among some executions with `auto`, after the first ones."""
    cursor = RawCursor(connection)

    def planned_after(executions: int) -> int:
        for _ in range(executions):
            cursor.execute(call.statement, call.parameters, prepare=True, binary=True)
        cursor.execute(_COUNT_PLANNED, (call.statement.decode(),), prepare=False)
        return sum(count for (count,) in cursor.fetchall())

    first = planned_after(_UNSETTLED)
    return planned_after(_EXECUTIONS) - first


def _pages(connection: Connection[Any], call: Call) -> int:
    """Return the number of pages that an execution touches, in the cache or not."""
    cursor = RawCursor(connection)
    cursor.execute(_FIND_NAME, (call.statement.decode(),), prepare=False)
    ((name,),) = cursor.fetchall()
    given = SQL("({})").format(SQL(", ").join(map(Literal, call.parameters)))
    explain = SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {}").format(Identifier(name))
    ((found,),) = connection.execute(explain + given if call.parameters else explain).fetchall()
    plan = found[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
