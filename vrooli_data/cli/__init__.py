"""The command line: what it ends with, whatever happens."""

from __future__ import annotations

import os
import re
import sys

from .._visible import visible
from ..errors import InvalidInput, MissingExtra, VrooliDataError

_FAILED = 1
_CALLED_WRONG = 2
_INTERRUPTED = 130

#: What the arguments of the library are called here.
_OPTIONS = {
    "application": "--application",
    "application_only": "--application-only",
    "compress": "--gzip",
    "conninfo": "--database-url",
    "folder": "--data-dir",
    "lock_timeout": "--lock-timeout",
    "migration_id": "--rollback-to",
    "migrations": "--migrations",
    "records": "--records",
    "repositories": "--repositories",
    "scale": "--scale",
    "schema": "--schema",
    "search_path": "--search-path",
    "seed": "--seed",
    "sql": "--sql",
    "update_plans": "--update-plans",
    "wait": "--wait",
}
#: Where a misplaced URL, or a piece of one, would be repeated with its password.
_MAY_BE_SECRET = re.compile(
    r"(unexpected extra argument)\(s\).*|(://|password *=).*", re.IGNORECASE | re.DOTALL
)


def main() -> int:
    """Run the command line and return its exit status."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on; Python would complain about it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    return status


def _run() -> int:
    try:
        import typer  # noqa: PLC0415 (only the extra brings it)

        from ._app import app  # noqa: PLC0415 (only with it)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("rich", "typer"):
            raise
        return _complain(
            "the command line needs typer and rich: pip install 'vrooli-data[cli]'", _CALLED_WRONG
        )
    try:
        return app(standalone_mode=False) or 0
    except typer.TyperException as error:
        message = _MAY_BE_SECRET.sub(r"\1\2", error.format_message()).rstrip(".")
        if not message:
            # A group without a command has shown its help.
            return error.exit_code
        return _complain(f"{message} (--help tells what there is)", error.exit_code)
    except InvalidInput as error:
        option = _OPTIONS.get(error.field, error.field)
        return _complain(f"{option}{str(error).removeprefix(error.field)}", _CALLED_WRONG)
    except VrooliDataError as error:
        return _complain(str(error), _CALLED_WRONG if isinstance(error, MissingExtra) else _FAILED)


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"error: {visible(message)}\n")
    return status
