"""``vrooli-data demo``: run typical reads on a seeded database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from ... import Database, HeldConnection, migrate
from ..._classify import translate
from ..._queries import load_folder, sql_folder
from ..._seed import check_scale, seed
from .._options import SCALE, DatabaseUrl, DemoDir
from .._output import say
from .._progress import progress_bars
from .._target import target
from ._next_steps import next_steps
from ._patterns import resources, runs, users
from ._show import show_aggregate, show_explanation
from ._subjects import find_subjects

#: From about this size on, the planner uses an index for every pattern.
_DEFAULT_SCALE = 0.4
_HOLDS_ROWS = load_folder(sql_folder() / "schema")["schema.holds_rows"].statement


def demo(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DemoDir = None,
    scale: Annotated[
        float | None, typer.Option(show_default=str(_DEFAULT_SCALE), help=SCALE)
    ] = None,
) -> None:
    """Run typical reads of users, resources and runs, and show their latency and indexes.

    The database is migrated and seeded first. The data of an earlier run is used again.
    """
    wanted = _DEFAULT_SCALE if scale is None else scale
    check_scale(wanted)
    url, folder, _ = target(database_url, data_dir, Path("var/demo"))
    migrations = migrate(url)
    with Database.connect(url) as db, _held(db) as held:
        server = held.connection.info.parameter_status("server_version")
        say(f"Server:     PostgreSQL {server}")
        say(f"Migrations: {len(migrations.applied)} applied, {migrations.already_applied} earlier")
        if held.connection.execute(_HOLDS_ROWS).fetchone() == (True,):
            unused = "" if scale is None else "; --scale applies to an empty database only"
            say(f"Data:       using the existing rows{unused}")
        else:
            _seed(url, wanted)
        subjects = find_subjects(held)
        show_aggregate("users", held, users(subjects))
        show_aggregate("resources", held, resources(subjects, held))
        show_aggregate("runs", held, runs(subjects))
        show_explanation()
    next_steps(folder, subjects)


def _seed(url: str, scale: float) -> None:
    say(f"Data:       seeding at scale {scale:g} ...")
    with progress_bars() as progress:
        report = seed(url, scale=scale, progress=progress)
    say(f"            {sum(report.rows.values()):,} rows in {report.seconds:.1f} s")


@contextmanager
def _held(db: Database) -> Iterator[HeldConnection]:
    """Hold a connection. The demo's own statements raise the layer's errors too."""
    with db.connection() as held:
        try:
            yield held
        except psycopg.Error as error:
            raise translate(error, "demo", held.connection.closed) from None
