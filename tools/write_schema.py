"""Write the schema that all migrations make together, in two files of migrations/.

pg_dump writes schema.sql. catalog.json has the rows of the catalogue, which `vrooli-data drift`
compares.

Run ``python -m tools.write_schema`` after adding a migration; ``--check`` only compares.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from psycopg import conninfo

from tools.server import server
from vrooli_data._contract import catalog
from vrooli_data._contract.catalog import Fact, read_facts
from vrooli_data._migrate import migrate
from vrooli_data.embedded._binaries import DEFAULT_VERSION, installation

PATH = Path(__file__).parents[1] / "migrations" / "schema.sql"
#: Of the server and of pg_dump: each version writes the same schema a little differently.
VERSION: Final = DEFAULT_VERSION
_HEADER = """\
-- The schema that all migrations together make, where each extension can be had.
-- For reading and comparing. Written by `python -m tools.write_schema`; do not edit.

"""


def dump(url: str) -> str:
    """Return the schema of the database *url* in the form of schema.sql."""
    given = conninfo.conninfo_to_dict(url)
    options = {"--host": "host", "--port": "port", "--username": "user", "--dbname": "dbname"}
    command = [
        str(installation(VERSION) / "bin" / "pg_dump"),
        *(f"{option}={given[name]}" for option, name in options.items() if name in given),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--restrict-key=fixed",
    ]
    environment = os.environ | {"PGTZ": "UTC", "PGPASSWORD": str(given.get("password", ""))}
    text = subprocess.run(
        command, check=True, capture_output=True, encoding="utf-8", env=environment
    ).stdout
    lines = [line for line in text.splitlines() if not line.startswith(("--", "\\", "SET "))]
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    # Before the first table there are only settings of the session that reads the dump.
    return _HEADER + body[body.index("CREATE ") :] + "\n"


def _lines(facts: list[Fact]) -> str:
    """Return facts as JSON, one in a line."""
    lines = (msgspec.json.encode(fact).decode() for fact in facts)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` return 1 when it is stale."""
    with server() as url:
        migrate(url)
        text = dump(url)
        with psycopg.connect(url) as connection:
            facts = read_facts(connection)
    stale = False
    for path, written in ((PATH, text), (catalog.PATH, _lines(facts))):
        if "--check" not in arguments:
            path.write_text(written, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != written:
            stale = True
            print(f"{path} is stale: run python -m tools.write_schema", file=sys.stderr)  # noqa: T201
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
