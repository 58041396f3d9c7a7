"""The queries of the folders of ``.sql`` files, each with its name, header and statement."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import msgspec

#: A query whose rows are streamed.
COPIED_OUT = re.compile(
    r"COPY\s*\((?P<query>.*)\)\s*TO\s+STDOUT\s*\(\s*FORMAT\s+\"?binary\"?\s*\)[\s;]*",
    re.IGNORECASE | re.DOTALL,
)
_COMMANDS = frozenset({"ANALYZE", "COPY", "CREATE", "DROP"})


class Source(msgspec.Struct, frozen=True):
    """One query of a file."""

    #: Folder and name: ``users.find_by_id``.
    name: str
    path: Path
    line: int
    parameters: tuple[str, ...]
    #: The character after the parameters in the name line: ``^``, ``$``, ``!`` or none.
    suffix: str
    #: Header fields by their names; the purpose is in ``Purpose``.
    header: dict[str, str]
    #: The statement as in the file.
    written: str
    #: The statement without comments and with ``$n`` parameters, in the order of the name line.
    sql: str

    @property
    def is_planned_anew(self) -> bool:
        """Whether its Plan line asks for a new plan for each call."""
        return "Plan" in self.header

    @property
    def is_command(self) -> bool:
        """Whether it is a utility command of a bulk load, which has no plan and returns no rows."""
        return not self.is_streamed and self.sql.split(maxsplit=1)[0].upper() in _COMMANDS

    @property
    def is_streamed(self) -> bool:
        """Whether it is a `COPY (query) TO STDOUT (FORMAT "binary")`, which takes no parameters."""
        return COPIED_OUT.fullmatch(self.sql) is not None

    @property
    def planned(self) -> str:
        """What the server can prepare: the query inside of a COPY, else the statement itself."""
        streamed = COPIED_OUT.fullmatch(self.sql)
        return self.sql if streamed is None else streamed["query"]

    @property
    def is_staged(self) -> bool:
        """Whether it uses or creates the staging table of a bulk load."""
        return "pg_temp." in self.sql

    @property
    def statement(self) -> bytes:
        """The text sent to the server, with the tag that pg_stat_activity shows."""
        return self._tagged(self.sql)

    @property
    def prepared(self) -> bytes:
        """What the server can prepare, with the same tag."""
        return self._tagged(self.planned)

    def _tagged(self, sql: str) -> bytes:
        return f"/* vrooli_data:{self.name} */ {sql}".encode()


def sql_folder() -> Path:
    """Return the folder of the package's queries: installed, or in the source tree."""
    package = Path(__file__).parent
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


@cache
def load_folder(folder: Path) -> dict[str, Source]:
    """Return the queries of a folder by name; raise at the first that cannot be read."""
    from ._query_files import read_folder  # noqa: PLC0415 (imports read no files)

    sources, unreadable = read_folder(folder)
    if unreadable:
        raise unreadable[0].error()
    return sources
