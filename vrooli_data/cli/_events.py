"""``vrooli-data events``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, TypeAlias
from uuid import UUID

import typer

from .._sync.database import Database
from ..errors import InvalidInput, NotFound
from ..records import EventLag
from ..validation import check_age, check_id
from ._options import DatabaseUrl, DataDir, Schema, refuse_given
from ._output import say, show, table
from ._target import target

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGE = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
#: The parked events that are listed.
_MOST_LISTED = 100


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise InvalidInput("--prune", "must be a number and a unit, such as 7d: s, m, h or d")
    age = timedelta(**{_UNITS[found[2]]: int(found[1])})
    check_age("--prune", age)
    return age


def _key(text: str) -> tuple[int, UUID]:
    user_id, _, event_id = text.partition("/")
    try:
        key = int(user_id), UUID(event_id)
    except ValueError:
        raise InvalidInput("--resend", "must be USER_ID/EVENT_ID, as --parked shows it") from None
    check_id("--resend", key[0])
    return key


def _checked_age(text: str | None) -> str | None:
    if text is not None:
        _age(text)
    return text


def _checked_key(text: str | None) -> str | None:
    if text is not None:
        _key(text)
    return text


_Parked: TypeAlias = Annotated[
    bool,
    typer.Option("--parked", help="List the newest parked events. This is the default."),
]
_Lag: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--lag", help="Show how far delivery is behind, and which transaction hides events."
    ),
]
_Restamp: TypeAlias = Annotated[
    bool,
    typer.Option("--restamp", help="Show listeners events that were restored from another server."),
]
_Prune: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="AGE",
        show_default=False,
        help="Delete the events that were published longer ago, such as 7d or 12h.",
        callback=_checked_age,
    ),
]
_Resend: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="USER_ID/EVENT_ID",
        show_default=False,
        help="Put a parked event back into the queue.",
        callback=_checked_key,
    ),
]


def events(
    *,
    parked: _Parked = False,
    prune: _Prune = None,
    resend: _Resend = None,
    lag: _Lag = False,
    restamp: _Restamp = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
) -> None:
    """List parked events, send one again, delete old ones, or show what is behind."""
    if parked:
        refuse_given(
            "does not go together with --parked",
            prune=prune,
            resend=resend,
            lag=lag or None,
            restamp=restamp or None,
        )
    if prune is not None:
        refuse_given(
            "does not go together with --prune",
            resend=resend,
            lag=lag or None,
            restamp=restamp or None,
        )
    if resend is not None:
        refuse_given("does not go together with --resend", lag=lag or None, restamp=restamp or None)
    if lag:
        refuse_given("does not go together with --lag", restamp=restamp or None)
    url = target(database_url, data_dir).url
    with Database.connect(url, schema=schema, max_size=1) as db:
        if prune is not None:
            say(f"{db.events.prune(_age(prune)):,} events deleted")
        elif resend is not None:
            if db.events.resend(*_key(resend)) is None:
                raise NotFound("no event with this key is parked")
            say("the event is in the queue again")
        elif lag:
            _show_lag(db.events.lag())
        elif restamp:
            say(f"{db.events.restamp():,} events restamped")
        else:
            _list_parked(db)


def _show_lag(lag: EventLag) -> None:
    say(f"unpublished: {lag.unpublished:,}")
    if lag.oldest_age is not None:
        say(f"the oldest of them: {_rounded(lag.oldest_age)}")
    say(f"parked: {lag.parked:,}")
    say(f"committed, and hidden from listeners: {lag.hidden:,}")
    say(f"restored from another server, and hidden from listeners: {lag.restored:,}")
    holder = lag.holder
    if holder is None:
        return
    say("the oldest open transaction, which hides later events from listeners:")
    facts = {
        "process": holder.pid,
        "prepared transaction": holder.gid,
        "database": holder.database,
        "application": holder.application_name,
        "role": holder.role,
        "state": holder.state,
        "since": None if holder.since is None else f"{holder.since:%Y-%m-%d %H:%M:%S}Z",
    }
    for name, fact in facts.items():
        if fact is not None:
            say(f"  {name}: {fact}")


def _rounded(age: timedelta) -> timedelta:
    return timedelta(seconds=round(age.total_seconds()))


def _list_parked(db: Database) -> None:
    page = db.events.list_parked(limit=_MOST_LISTED)
    rows = table("event", "entity", "change", "attempts", "error", "parked", numbers=("attempts",))
    for event in page:
        rows.add(
            f"{event.user_id}/{event.event_id}",
            f"{event.entity_type} {event.entity_id}",
            event.change_type,
            f"{event.attempts}",
            event.last_error or "",
            f"{event.parked_at:%Y-%m-%d %H:%M:%S}Z",
        )
    show(rows)
    if page.has_next_page:
        say(f"only the newest {_MOST_LISTED} are listed", err=True)
