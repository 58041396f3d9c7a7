"""The application of the command line, with all its commands."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated

import typer

from ._check import check
from ._db import db
from ._demo import demo
from ._drift import drift
from ._events import events
from ._explain import explain
from ._export import export_to
from ._import import import_from
from ._mend_search import mend_search
from ._migrate import migrate
from ._output import say
from ._reconcile import reconcile
from ._relay import relay
from ._seed import seed

app = typer.Typer(
    name="vrooli-data",
    help="Try out Vrooli's data layer, set up its database, and check its queries.",
    add_completion=False,
    no_args_is_help=True,
    # Tracebacks with local variables would show passwords.
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.add_typer(db, name="db")
app.command()(migrate)
app.command()(seed)
app.command()(check)
app.command()(drift)
app.command()(explain)
app.command()(mend_search)
app.command()(relay)
app.command()(events)
app.command()(reconcile)
app.add_typer(import_from, name="import")
app.add_typer(export_to, name="export")


def _show_version(value: bool) -> None:
    if value:
        say(f"vrooli-data {version_of('vrooli-data')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass
