"""``vrooli-data migrate``."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

import typer

from .._migrate import (
    LOCK_TIMEOUT,
    WAIT,
    MigrationReport,
    MigrationState,
    checked_rollback,
    checked_series,
    rollback_to,
    status,
)
from .._migrate import migrate as apply
from ..errors import MigrationFailed
from ._options import (
    Application,
    DatabaseUrl,
    DataDir,
    Migrations,
    Schema,
    SearchPath,
    checked_seconds,
    refuse_given,
)
from ._output import say, show, table
from ._target import target


def migrate(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
    search_path: SearchPath = None,
    migrations: Migrations = None,
    application: Application = None,
    application_only: Annotated[
        bool,
        typer.Option(
            "--application-only",
            help="With --migrations: do not apply the migrations of the package.",
        ),
    ] = False,
    show_status: Annotated[
        bool, typer.Option("--status", help="Show each migration's state; change nothing.")
    ] = False,
    rollback: Annotated[
        str | None,
        typer.Option(
            "--rollback-to",
            metavar="ID",
            help="Roll back every later migration, with its tables' data; 0 rolls back all. "
            "With --migrations, roll back only those of the application.",
        ),
    ] = None,
    lock_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            show_default=str(LOCK_TIMEOUT),
            help="Limit of the wait for one table lock; new queries on the table wait meanwhile.",
            callback=checked_seconds,
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            show_default=str(WAIT),
            help="Limit of all waits for other sessions together.",
            callback=checked_seconds,
        ),
    ] = None,
) -> None:
    """Apply the migrations that the database lacks, then those of an application."""
    if show_status:
        refuse_given(
            "does not go together with --status",
            rollback_to=rollback,
            lock_timeout=lock_timeout,
            wait=wait,
            search_path=search_path,
        )
    # Checked before `target` starts a server.
    checked_series(migrations, application, application_only=application_only)
    if rollback is not None:
        checked_rollback(migrations, application, rollback)
    url = target(database_url, data_dir).url
    path = search_path or []
    lock_timeout = LOCK_TIMEOUT if lock_timeout is None else lock_timeout
    wait = WAIT if wait is None else wait
    if show_status:
        states = status(
            url,
            migrations=migrations,
            application=application,
            application_only=application_only,
            schema=schema,
        )
        _show_status(states)
    elif rollback is not None:
        rolled_back = rollback_to(
            url,
            rollback,
            migrations=migrations,
            application=application,
            schema=schema,
            search_path=path,
            lock_timeout=lock_timeout,
            wait=wait,
        )
        _show_rolled_back(rollback, rolled_back)
    else:
        report = apply(
            url,
            migrations=migrations,
            application=application,
            application_only=application_only,
            schema=schema,
            search_path=path,
            lock_timeout=lock_timeout,
            wait=wait,
        )
        _show_applied(report)


def _show_applied(report: MigrationReport) -> None:
    for migration_id in report.applied:
        say(f"Applied   {migration_id}")
    for migration_id, reason in report.not_applicable.items():
        say(f"Left out  {migration_id}: {reason}")
    if report.applied:
        say(f"{len(report.applied)} applied in {report.seconds:.2f} s.")
    else:
        say(f"Nothing to do: {report.already_applied} were applied before.")


def _show_rolled_back(migration_id: str, rolled_back: list[str]) -> None:
    for id in rolled_back:
        say(f"Rolled back {id}")
    if not rolled_back:
        say(f"Nothing to do: none after {migration_id} was applied.")


def _show_status(states: list[MigrationState]) -> None:
    rows = table("id", "state", "applied at (UTC)")
    for state in states:
        applied_at = state.applied_at and f"{state.applied_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        rows.add(state.id, _explained(state), applied_at or "")
    show(rows)
    wrong = [state.id for state in states if state.state in ("changed", "unknown")]
    if wrong:
        raise MigrationFailed(f"changed or unknown: {', '.join(wrong)}")


def _explained(state: MigrationState) -> str:
    if state.state == "pending" and state.extension:
        return f"pending, needs {state.extension}"
    return state.state
