"""The xid horizon: events behind it are not shown yet, whichever database holds it."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from ._compat import until

#: What a session that has read events executed last: the end of a query that is planned anew.
HAS_LOOKED = "^SELECT set_config.*plan[_]cache_mode.*generic"
_PASSED = """
SELECT pg_snapshot_xmin(pg_current_snapshot()) > max(xid)
FROM change_events
"""


async def until_shown(admin: Connection[Any]) -> None:
    """Return when listeners are shown every event that is committed."""
    # Tests of other databases of the server may hold the horizon back for a while.
    await until(admin, _PASSED)
