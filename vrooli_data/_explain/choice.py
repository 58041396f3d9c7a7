"""Choose queries by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from .._contract.findings import shown_path
from .._queries import Source, load_folder
from ..errors import InvalidInput

_MAX_SUGGESTIONS = 3


def all_queries(sql: Path) -> dict[str, Source]:
    """Return the queries of a folder and of the folders in it, by name."""
    folders = [sql, *(path for path in sql.iterdir() if path.is_dir())]
    found = {name: source for folder in folders for name, source in load_folder(folder).items()}
    if not found:
        raise InvalidInput("--sql", f"{shown_path(sql)} contains no query")
    return dict(sorted(found.items()))


def choose(queries: Mapping[str, Source], wanted: str | None) -> list[Source]:
    """Return one query, the variants of a method, the queries of a folder, or all.

    The folder of a method is optional: ``find_by_type`` is ``resources.find_by_type``.
    """
    if wanted is None:
        return list(queries.values())
    if wanted in queries:
        return [queries[wanted]]
    chosen = [source for name, source in queries.items() if _matches(name, wanted)]
    if not chosen:
        raise InvalidInput("QUERY", f"there is no query {wanted!r}{_suggestions(queries, wanted)}")
    return chosen


def variants(queries: Mapping[str, Source], source: Source) -> list[str]:
    """Return the names of the other queries of the same method."""
    method = source.name.partition("__")[0]
    return [name for name in queries if name != source.name and name.partition("__")[0] == method]


def _matches(name: str, wanted: str) -> bool:
    folder, _, query = name.partition(".")
    method = query.partition("__")[0]
    return wanted in (folder, query, method, f"{folder}.{method}")


def _suggestions(queries: Mapping[str, Source], wanted: str) -> str:
    names = dict.fromkeys(
        part for name in queries for part in (name, name.partition("__")[0], name.partition(".")[0])
    )
    # A name without a folder is compared with names without theirs.
    short = {name.partition(".")[2] or name: name for name in reversed(names)}
    near = get_close_matches(wanted, names, _MAX_SUGGESTIONS) or [
        short[name] for name in get_close_matches(wanted, short, _MAX_SUGGESTIONS)
    ]
    if not near:
        return ": `explain` without a name lists all queries"
    return f"; similar names: {', '.join(near)}"
