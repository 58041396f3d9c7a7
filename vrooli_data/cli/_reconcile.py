"""``vrooli-data reconcile``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Annotated

import typer

from .._sync.database import Database
from ..records import Reconciliation
from ..validation import check_batch_size
from ._options import DatabaseUrl, DataDir, Schema, checked_seconds
from ._output import say
from ._target import target


def reconcile(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
    whole: Annotated[
        bool, typer.Option("--all", help="First request a comparison of every counter.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            show_default="run once",
            help="Go on until Ctrl-C or SIGTERM, with so many seconds between two runs.",
            callback=checked_seconds,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Counters compared in one transaction.")] = 500,
) -> None:
    """Compare bookmark counters with the bookmarks, where requested, and correct them."""
    check_batch_size(batch_size)
    url = target(database_url, data_dir).url
    with (
        Database.connect(
            url, schema=schema, max_size=1, application_name="vrooli_data reconcile"
        ) as db,
        _stopped_by_signals(every is not None) as stopped,
    ):
        if whole:
            db.counters.request_all()
        while True:
            found = _run(db, batch_size, stopped)
            if every is None or found.checked:
                say(
                    f"counters compared: {found.checked:,}; "
                    f"wrong: {found.wrong:,}, by {found.difference:,} in all"
                )
            if every is None or stopped.wait(every):
                return


def _run(db: Database, batch_size: int, stopped: Event) -> Reconciliation:
    """Handle the requests that are there."""
    checked = wrong = difference = 0
    while not stopped.is_set():
        batch = db.counters.reconcile(batch_size=batch_size)
        checked += batch.checked
        wrong += batch.wrong
        difference += batch.difference
        # A counter that was too low is requested again.
        if batch.checked < batch_size and not batch.wrong:
            break
    return Reconciliation(checked, wrong, difference)


@contextmanager
def _stopped_by_signals(is_loop: bool) -> Iterator[Event]:
    """Let SIGINT and SIGTERM end a loop after the transaction that runs."""
    stopped = Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    if not is_loop:
        yield stopped
        return
    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
