"""``vrooli-data mend-search``."""

from __future__ import annotations

from .._mend import mend_search as mend
from ._options import DatabaseUrl, DataDir, Schema
from ._output import show, table
from ._progress import progress_bars
from ._target import target


def mend_search(
    *, database_url: DatabaseUrl = None, data_dir: DataDir = None, schema: Schema = None
) -> None:
    """Repair rows that other programs wrote: their folded texts, for search, and language tags."""
    url = target(database_url, data_dir).url
    with progress_bars() as progress:
        report = mend(url, schema=schema, progress=progress)
    rows = table("table", "read", "changed", numbers=("read", "changed"))
    rows.add("users", f"{report.users:,}", f"{report.mended_users:,}")
    rows.add("resource_translations", f"{report.translations:,}", f"{report.mended_translations:,}")
    show(rows)
