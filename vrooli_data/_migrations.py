"""Which migrations the package brings, and whether a database has them. Needs no extra."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .errors import NotMigrated, SchemaTooNew

_REQUIRES = re.compile(r"^-- requires extension: (\w+)$", re.MULTILINE)
_INSTALLED = Path(__file__).with_name("migrations")
#: In the wheel the files are inside the package, in the source tree beside it.
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "migrations"


class Migration(NamedTuple):
    """One file of the folder migrations."""

    id: str
    path: Path
    #: Of the text with line feeds alone, so that a checkout on Windows makes no difference.
    sha256: str
    #: The extension without which the migration is left out; None for most.
    extension: str | None


@cache
def known() -> tuple[Migration, ...]:
    """Return every migration of the package, in the order in which they are applied."""
    paths = sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return tuple(_read(path) for path in paths if not path.name.endswith(".rollback.sql"))


def check_applied(applied: Collection[str], schema: str | None = None) -> None:
    """Raise unless the migrations of the given ids are those that this package needs.

    *schema* is where they are, for the message.

    One that requires an extension may be absent: ids do not tell whether the server has it.
    """
    refuse_unknown(applied)
    where = "database" if schema is None else f"schema {schema!r}"
    for migration in known():
        if migration.extension is None and migration.id not in applied:
            raise NotMigrated(
                f"the {where} lacks the migration {migration.id}: run `vrooli-data migrate`, "
                "or call vrooli_data.migrate()"
            )


def refuse_unknown(applied: Collection[str]) -> None:
    """Raise when the database has a migration that this package does not bring."""
    unknown = sorted(set(applied).difference(migration.id for migration in known()))
    if unknown:
        raise SchemaTooNew(
            f"the database has the migration {unknown[0]}, which this version of vrooli_data "
            "does not know: use the version that applied it, or a later one"
        )


def has_trigrams(applied: Collection[str]) -> bool:
    """Tell whether all trigram indexes are among the applied migrations."""
    return all(m.id in applied for m in known() if m.extension == "pg_trgm")


def _read(path: Path) -> Migration:
    text = path.read_bytes().replace(b"\r\n", b"\n")
    required = _REQUIRES.search(text.decode())
    return Migration(
        id=path.stem,
        path=path,
        sha256=hashlib.sha256(text).hexdigest(),
        extension=required[1] if required else None,
    )
