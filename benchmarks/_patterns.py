"""The measured calls, with real rows as arguments, and the statement that each call sends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, get_args

from vrooli_data import HeldConnection, ResourceOrder
from vrooli_data._bound import BoundQuery
from vrooli_data._rows import Row

from ._database import UNTIL

PAGE = 50
_ONE_ROW_BAR = 0.75
_PAGE_BAR = 0.95


class Call(NamedTuple):
    """One call of a method, with the statement and parameters that it sends."""

    method: str
    positional: tuple[Any, ...]
    named: dict[str, Any]
    query: str
    statement: bytes
    parameters: tuple[Any, ...]
    rows: int

    def on(self, repositories: object) -> partial[Any]:
        """Bind the call to a database or a held connection of either face."""
        aggregate, name = self.method.split(".")
        method = getattr(getattr(repositories, aggregate), name)
        return partial(method, *self.positional, **self.named)


class Pattern(NamedTuple):
    """The calls of one query, under its name."""

    name: str
    calls: list[Call]

    @property
    def rows(self) -> int:
        """The average number of rows of a call."""
        return round(sum(call.rows for call in self.calls) / len(self.calls))

    @property
    def bar(self) -> float | None:
        """The highest ratio to bare psycopg that passes; None where there is no bar."""
        if self.name == "runs.get_execution_stats":
            # It reads every run, so that its time depends on their number.
            return None
        if self.rows == 1:
            return _ONE_ROW_BAR
        return _PAGE_BAR if self.rows >= PAGE else None


class _Sent(NamedTuple):
    """One execution of a query, and how many rows came back."""

    query: BoundQuery[..., Any]
    parameters: tuple[Any, ...]
    rows: int


class Recorder:
    """Makes calls on a held connection, and keeps what they execute."""

    def __init__(self, held: HeldConnection, sample: int = 1) -> None:
        self._held = held
        self._sample = sample
        self._sent: list[_Sent] = []
        session = held._runner._session
        execute = session._execute

        def recorded(query: BoundQuery[..., Any], parameters: tuple[Any, ...]) -> list[Row]:
            rows = execute(query, parameters)
            self._sent.append(_Sent(query, parameters, len(rows)))
            return rows

        session._execute = recorded  # type: ignore[method-assign]

    def call(self, method: str, *positional: Any, **named: Any) -> Call:
        """Make a call that must return a row."""
        made = self.sent(method, *positional, **named)
        if self._sent[-1].rows == 0:
            raise LookupError(f"{method} found nothing with {positional} {named}")
        return made

    def sent(self, method: str, *positional: Any, **named: Any) -> Call:
        """Make a call that may return no row."""
        Call(method, positional, named, "", b"", (), 0).on(self._held)()
        query, parameters, count = self._sent[-1]
        # A page reads one more row, to know whether another page follows.
        rows = min(count, named.get("limit", 1))
        return Call(method, positional, named, query.name, query.statement, parameters, rows)

    def sample(self, columns: str, source: str) -> list[tuple[Any, ...]]:
        """Return rows that are spread evenly over the ids of *source*."""
        return self._held.connection.execute(
            f"WITH numbered AS (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place,"
            f" count(*) OVER () AS total FROM {source})"
            f" SELECT {columns} FROM numbered"
            f" WHERE mod(place, greatest(total / {self._sample}, 1)) = 0"
            f" ORDER BY place LIMIT {self._sample}"
        ).fetchall()


def read_patterns(held: HeldConnection, sample_size: int) -> list[Pattern]:
    """Record the calls of every reading pattern, for *sample* rows of each table."""
    recorder = Recorder(held, sample_size)
    call, sample = recorder.call, recorder.sample
    users = "users WHERE email IS NOT NULL AND handle IS NOT NULL"
    ids, public_ids, emails, handles = zip(
        *sample("id, public_id, email, handle", users), strict=True
    )
    resources = "resources WHERE latest_version_id IS NOT NULL AND created_by_id IS NOT NULL"
    resource_ids, resource_public_ids = zip(*sample("id, public_id", resources), strict=True)
    runs = "runs WHERE EXISTS (SELECT FROM run_steps WHERE user_id = runs.user_id AND run_id = id)"
    runners = "users WHERE EXISTS (SELECT FROM runs WHERE user_id = users.id)"
    members = "users WHERE EXISTS (SELECT FROM members WHERE user_id = users.id)"
    # Trends of the last seven to sixteen days before the end of the seeded rows.
    age = max(0, (datetime.now(UTC) - UNTIL).days)
    return [
        *_patterns(call("users.find_by_id", id) for id in ids),
        *_patterns(call("users.find_by_public_id", id) for id in public_ids),
        *_patterns(call("users.find_by_email", email) for email in emails),
        *_patterns(call("users.find_by_handle", handle) for handle in handles),
        *_patterns(call("users.find_with_teams", id) for (id,) in sample("public_id", members)),
        *_patterns(call("resources.find_by_id", id) for id in resource_ids),
        *_patterns(call("resources.find_by_public_id", id) for id in resource_public_ids),
        *_patterns(call("resources.find_with_latest_version", id) for id in resource_public_ids),
        *_patterns(_pages(held, recorder)),
        *_patterns(
            call("resources.find_trending", days=age + days, limit=PAGE) for days in range(7, 17)
        ),
        *_patterns(call("runs.find_with_details", id) for (id,) in sample("id", runs)),
        *_patterns(
            call("runs.find_with_details", id, user_id=user_id)
            for id, user_id in sample("id, user_id", runs)
        ),
        *_patterns(call("runs.get_execution_stats", user_id=id) for (id,) in sample("id", runners)),
        *_patterns([call("runs.get_execution_stats")]),
    ]


def listed_types(held: HeldConnection) -> list[tuple[str, int]]:
    """Return the resource types with their numbers of listed resources, the largest first."""
    return held.connection.execute(
        "SELECT resource_type, count(*) FROM resources"
        " WHERE NOT is_private AND NOT is_deleted AND has_complete_version"
        " GROUP BY resource_type ORDER BY count(*) DESC, resource_type"
    ).fetchall()


def _pages(held: HeldConnection, recorder: Recorder) -> Iterable[Call]:
    """Read the first three pages of each type, in each order."""
    for resource_type, count in listed_types(held):
        if count <= 3 * PAGE:
            continue
        for order in get_args(ResourceOrder):
            cursor = None
            for _ in range(3):
                arguments = {"order_by": order, "cursor": cursor, "limit": PAGE}
                call = recorder.call("resources.find_by_type", resource_type, **arguments)
                yield call
                cursor = call.on(held)().next_cursor


def _patterns(calls: Iterable[Call]) -> list[Pattern]:
    """Group calls by the query that they ran."""
    patterns: dict[str, Pattern] = {}
    for call in calls:
        patterns.setdefault(call.query, Pattern(call.query, [])).calls.append(call)
    return list(patterns.values())
