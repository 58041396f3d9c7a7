"""Choose the rows that the demo reads, so that every pattern returns some."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from ... import HeldConnection, ResourceType
from ...errors import DatabaseError

T = TypeVar("T")

# A user of about three teams with an email and a handle. Only the first members are read, because
# the database may be large.
_USER = """
/* vrooli_data:demo */
SELECT
    users.id,
    users.public_id,
    users.email,
    users.handle
FROM
    (
        SELECT user_id FROM members
        ORDER BY
            user_id ASC,
            created_at DESC,
            team_id ASC
        LIMIT 1000
    ) AS first_members
INNER JOIN users ON first_members.user_id = users.id
WHERE
    users.email IS NOT NULL
    AND users.handle IS NOT NULL
GROUP BY users.id
ORDER BY
    abs(count(*) - 3) ASC,
    users.id ASC
LIMIT 1
"""
# The newest completed run with a resource, three steps and an output.
_RUN = """
/* vrooli_data:demo */
SELECT
    runs.id,
    runs.user_id
FROM runs
WHERE
    runs.resource_version_id IS NOT NULL
    AND runs.status = 'Completed'
    AND EXISTS (
        SELECT FROM run_steps
        WHERE
            run_steps.user_id = runs.user_id
            AND run_steps.run_id = runs.id
            AND run_steps.step = 3
    )
    AND EXISTS (
        SELECT FROM run_io
        WHERE
            run_io.user_id = runs.user_id
            AND run_io.run_id = runs.id
            AND run_io.side = 'output'
    )
ORDER BY runs.id DESC
LIMIT 1
"""


class Subjects(NamedTuple):
    """The arguments of the patterns."""

    user_id: int
    user_public_id: str
    email: str
    handle: str
    run_id: int
    run_user_id: int
    resource_id: int
    resource_public_id: str
    resource_type: ResourceType


def find_subjects(held: HeldConnection) -> Subjects:
    """Choose them among the rows of the database."""
    user = _found(held.connection.execute(_USER).fetchone(), "user with a team")
    run = _found(held.connection.execute(_RUN).fetchone(), "run with steps")
    details = _found(held.runs.find_with_details(run[0]), "run with steps")
    version = _found(details.resource_version, "run of a resource")
    resource = _found(
        held.resources.find_by_public_id(version.resource.public_id), "run of a resource"
    )
    return Subjects(*(*user, *run, resource.id, resource.public_id, resource.resource_type))


def _found(value: T | None, what: str) -> T:
    if value is None:
        raise DatabaseError(
            f"the database has no {what}; use an empty database, which the demo fills"
        )
    return value
