"""Print the findings of check and lint in the current tree as JSON: ``URL [prepared]``."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from tools.lint import lint_migrations, lint_queries, schema_of
from tools.mutation.result import Look, Seen
from vrooli_data._contract.check import check, check_prepared
from vrooli_data._migrations import FOLDER
from vrooli_data._queries import sql_folder


def main(url: str, *options: str) -> None:
    """Print the findings; a prepared database is one for the check, with this tree's schema."""
    report = check_prepared(url) if "prepared" in options else check(url)
    lint = [*lint_queries(sql_folder(), schema_of(FOLDER)), *lint_migrations(FOLDER)]
    found = Look(
        [Seen(found.path, found.query, found.code, found.what) for found in report.findings],
        [Seen(_from_here(found.path), found.query, found.rule, found.message) for found in lint],
    )
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _from_here(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix()


if __name__ == "__main__":
    main(*sys.argv[1:])
