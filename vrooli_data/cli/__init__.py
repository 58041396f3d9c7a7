"""The entry point of the command line, its exit status, and its error messages."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys

from .._visible import visible
from ..errors import InvalidInput, MissingExtra, VrooliDataError

_FAILED = 1
_USAGE_ERROR = 2
_INTERRUPTED = 130

#: Errors of writing the output. The commands report those of other files themselves.
_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

#: The options by the names of the library's arguments.
_OPTIONS = {
    "application": "--application",
    "application_only": "--application-only",
    "batch_size": "--batch-size",
    "compress": "--gzip",
    "conninfo": "--database-url",
    "every": "--every",
    "folder": "--data-dir",
    "lease": "--lease",
    "lock_timeout": "--lock-timeout",
    "max_attempts": "--max-attempts",
    "migration_id": "--rollback-to",
    "migrations": "--migrations",
    "poll_interval": "--poll-interval",
    "records": "--records",
    "repositories": "--repositories",
    "scale": "--scale",
    "schema": "--schema",
    "search_path": "--search-path",
    "seed": "--seed",
    "sql": "--sql",
    "update_plans": "--update-plans",
    "wait": "--wait",
    "wait_initial": "--wait-initial",
    "wait_max": "--wait-max",
}
#: The part of an error that could repeat a misplaced URL with its password.
_MAY_BE_SECRET = re.compile(
    r"(unexpected extra argument)\(s\).*|(://|password *=).*", re.IGNORECASE | re.DOTALL
)


def main() -> int:
    """Run the command line and return its exit status."""
    if sys.stdout is None:
        # A file or a connection that is opened next would have its number.
        return _print_error("the standard output is closed", _FAILED)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # psycopg logs each connection that is lost, and Python prints what no handler takes. The
    # commands report their errors themselves.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        status = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        if error.errno not in _OF_OUTPUT:
            raise
        # Python would report it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            # Its reader has left, and knows.
            return _FAILED
        return _print_error(f"the output cannot be written: {error.strerror}", _FAILED)
    return status


def _run() -> int:
    try:
        import typer  # noqa: PLC0415 (only the extra brings it)

        from ._app import app  # noqa: PLC0415 (only with it)
        from ._target import with_options  # noqa: PLC0415 (only with it)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("rich", "typer"):
            raise
        return _print_error(
            "the command line needs typer and rich: pip install 'vrooli-data[cli]'", _USAGE_ERROR
        )
    try:
        return app(standalone_mode=False) or 0
    except typer.TyperException as error:
        message = _MAY_BE_SECRET.sub(r"\1\2", error.format_message()).rstrip(".")
        if not message:
            # A group without a command has printed its help.
            return error.exit_code
        return _print_error(f"{message} (see --help)", error.exit_code)
    except InvalidInput as error:
        option = _OPTIONS.get(error.field, error.field)
        return _print_error(f"{option}{str(error).removeprefix(error.field)}", _USAGE_ERROR)
    except VrooliDataError as error:
        status = _USAGE_ERROR if isinstance(error, MissingExtra) else _FAILED
        return _print_error(with_options(str(error)), status)


def _print_error(message: str, status: int) -> int:
    sys.stderr.write(f"error: {visible(message)}\n")
    return status
