"""Commands to try after the demo."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..._queries import sql_folder
from .._invocation import program, python, short
from .._output import say_lines
from .._target import db_command
from ._subjects import Subjects

_LINE = (
    '{"public_id": "helloworld00", "resource_type": "Note", "language": "en", '
    '"name": "Hello", "description": null, "version_label": "1.0", "is_complete": true, '
    '"config": {}}'
)


def next_steps(data_dir: Path | None, subjects: Subjects) -> None:
    """Print the commands. None contains a given URL, which may hold a password."""
    if data_dir is not None:
        url = db_command("url", data_dir)
        first = f'export DATABASE_URL="$({url})"'
        stop = db_command("stop", data_dir)
        last = f"\n# The server keeps running. This stops it, and keeps its data:\n{stop}"
    else:
        first = "# with DATABASE_URL set to the database of this demo:"
        last = ""
    say_lines(f"""
# Three things to try next
{first}

# 1. Run a query of sql/ in psql:
{_query_in_psql("find_with_details")} -v id={subjects.run_id}

# 2. Read the same row as a record:
{python()} -c '
from vrooli_data import Database
with Database.connect() as db:
    print(db.runs.find_with_details({subjects.run_id}))'

# 3. Import resources, one JSON object per line:
echo '{_LINE}' |
    {program()} import resources /dev/stdin
{last}""")


def _query_in_psql(name: str) -> str:
    file = shlex.quote(short(sql_folder() / "runs" / "read.sql"))
    return f"sed -n '/^-- name: {name}(/,/;$/p' {file} |\n    psql \"$DATABASE_URL\" -x"
