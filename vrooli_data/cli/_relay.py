"""``vrooli-data relay``."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
from typing import Annotated, Literal, TypeAlias

import msgspec
import typer

from .._relay import RelayOptions
from .._sync.database import Database
from .._sync.relay import Handler
from .._visible import visible_json
from ..errors import InvalidInput
from ..records.events import ChangeEvent
from ._options import DatabaseUrl, DataDir, Schema
from ._target import target

_encode = msgspec.json.Encoder().encode


def _checked_command(command: str | None) -> str | None:
    if command is not None:
        try:
            program, *_ = shlex.split(command)
        except ValueError:
            raise InvalidInput("command", "must be a program and its arguments") from None
        if shutil.which(program) is None:
            raise InvalidInput("command", "names no program that can be run")
    return command


_To: TypeAlias = Annotated[
    Literal["stdout", "exec"] | None,
    typer.Option(
        show_default="exec where COMMAND is given, else stdout",
        help="Where events go: to the standard output, one a line, or to a command.",
    ),
]
_Command: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="COMMAND",
        show_default=False,
        help="What is run for each event, which it reads from its standard input.",
        callback=_checked_command,
    ),
]
_BatchSize: TypeAlias = Annotated[
    int, typer.Option(help="Events that are claimed at once, at most.")
]
_Lease: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="How long a claim lasts. The command must take less than half of it for an event.",
    ),
]
_PollInterval: TypeAlias = Annotated[
    float, typer.Option(metavar="SECONDS", help="The time between two polls that find nothing.")
]
_MaxAttempts: TypeAlias = Annotated[
    int, typer.Option(help="Deliveries of one event that may fail before it is parked.")
]
_WaitInitial: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", help="The wait after the first failure; each further wait doubles."
    ),
]
_WaitMax: TypeAlias = Annotated[float, typer.Option(metavar="SECONDS", help="The longest wait.")]
_HoldParked: TypeAlias = Annotated[
    bool,
    typer.Option("--hold-parked", help="Let a parked event hold up later events of its entity."),
]


def relay(
    command: _Command = None,
    *,
    to: _To = None,
    batch_size: _BatchSize = 100,
    lease: _Lease = 30.0,
    poll_interval: _PollInterval = 0.5,
    max_attempts: _MaxAttempts = 10,
    wait_initial: _WaitInitial = 1.0,
    wait_max: _WaitMax = 300.0,
    hold_parked: _HoldParked = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    schema: Schema = None,
) -> None:
    """Deliver events of changes as JSON, until Ctrl-C or SIGTERM."""
    if to == "exec" and command is None:
        raise InvalidInput("command", "is needed with --to exec")
    if to == "stdout" and command is not None:
        raise InvalidInput("command", "goes with --to exec")
    options = RelayOptions(
        batch_size, lease, poll_interval, max_attempts, wait_initial, wait_max, hold_parked
    )
    # Before an embedded server is started.
    options.check()
    handler = _print if command is None else _executing(shlex.split(command))
    url = target(database_url, data_dir).url
    with Database.connect(url, schema=schema, max_size=1) as db:
        running = db.events.relay(handler, **options._asdict())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: running.stop())
        try:
            running.run()
        except _OutputClosed as closed:
            raise closed.error from None


class _OutputClosed(BaseException):
    """The output takes no more: no fault of an event, and so no failed delivery."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


def _print(event: ChangeEvent) -> None:
    try:
        sys.stdout.buffer.write(visible_json(_encode(event)) + b"\n")
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _OutputClosed(error) from None


def _executing(words: list[str]) -> Handler:
    def execute(event: ChangeEvent) -> None:
        # Ctrl-C is for the relay: in a session of its own, the command comes to its end.
        subprocess.run(words, input=_encode(event) + b"\n", check=True, start_new_session=True)

    return execute
