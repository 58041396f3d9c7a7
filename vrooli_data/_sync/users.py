# Generated from vrooli_data/_async/users.py by tests/unasync.py. Do not edit.
"""Users: look-ups."""

from __future__ import annotations

from .._queries import query
from .._validate import check_id, check_key, normalized_email, normalized_handle
from ..records import User, UserWithTeams
from .repository import Repository

_FIND_BY_ID = query("users.find_by_id", User)
_FIND_BY_PUBLIC_ID = query("users.find_by_public_id", User)
_FIND_BY_EMAIL = query("users.find_by_email", User)
_FIND_BY_HANDLE = query("users.find_by_handle", User)
_FIND_WITH_TEAMS = query("users.find_with_teams", UserWithTeams)


class UserRepository(Repository):
    """Users and their memberships (sql/users)."""

    def find_by_id(self, id: int) -> User | None:
        """Fetch one user by id (sql/users/read.sql)."""
        check_id("id", id)
        return self._find(_FIND_BY_ID, id)

    def find_by_public_id(self, public_id: str) -> User | None:
        """Fetch one user by public id (sql/users/read.sql)."""
        check_key("public_id", public_id)
        return self._find(_FIND_BY_PUBLIC_ID, public_id)

    def find_by_email(self, email: str) -> User | None:
        """Fetch one user by e-mail address, whatever its case (sql/users/read.sql)."""
        return self._find(_FIND_BY_EMAIL, normalized_email(email))

    def find_by_handle(self, handle: str) -> User | None:
        """Fetch one user by handle, whatever its case (sql/users/read.sql)."""
        return self._find(_FIND_BY_HANDLE, normalized_handle(handle))

    def find_with_teams(self, public_id: str) -> UserWithTeams | None:
        """Fetch one user with all memberships, newest first (sql/users/read.sql)."""
        check_key("public_id", public_id)
        return self._find(_FIND_WITH_TEAMS, public_id)
