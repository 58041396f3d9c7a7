"""Rows for tests: one method per table, sensible defaults, anything may be overridden."""

from __future__ import annotations

from itertools import count
from typing import Any, cast
from uuid import UUID, uuid4

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

_JSON_COLUMNS = frozenset({"config", "data", "new_data", "permissions", "previous_data", "value"})


class Factory:
    """Inserts rows through a connection of its own, and returns their ids."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._numbers = count(1)

    def public_id(self) -> str:
        """Return a public id that no other row of this test has."""
        return f"{next(self._numbers):012d}"

    def user(self, **values: Any) -> int:
        """Insert a user."""
        return self._insert("users", {"public_id": self.public_id(), "name": "Ada"} | values)

    def team(self, **values: Any) -> int:
        """Insert a team."""
        return self._insert("teams", {"public_id": self.public_id(), "name": "Team"} | values)

    def member(self, team_id: int, user_id: int, **values: Any) -> None:
        """Insert a membership."""
        self._insert("members", {"team_id": team_id, "user_id": user_id} | values, "team_id")

    def resource(self, **values: Any) -> int:
        """Insert a resource that listings show."""
        defaults = {
            "public_id": self.public_id(),
            "resource_type": "Routine",
            "has_complete_version": True,
        }
        return self._insert("resources", defaults | values)

    def version(self, resource_id: int, **values: Any) -> int:
        """Insert a version of a resource and point the resource at it."""
        index = values.setdefault("version_index", 0)
        defaults = {
            "public_id": self.public_id(),
            "resource_id": resource_id,
            "version_label": "1.0",
            "is_complete": True,
        }
        version_id = self._insert("resource_versions", defaults | values)
        self.connection.execute(
            "UPDATE resources SET latest_version_id = %s, last_version_index = %s WHERE id = %s",
            (version_id, index, resource_id),
        )
        return version_id

    def bookmark(self, user_id: int, resource_id: int, **values: Any) -> None:
        """Insert a bookmark; the resource's counter is left alone."""
        row = {"user_id": user_id, "resource_id": resource_id}
        self._insert("bookmarks", row | values, "user_id")

    def translation(self, resource_id: int, language: str = "en", **values: Any) -> None:
        """Insert a translation of a resource."""
        row = {"resource_id": resource_id, "language": language, "name": "Name"}
        self._insert("resource_translations", row | values, "resource_id")

    def run(self, user_id: int, **values: Any) -> int:
        """Insert a run."""
        return self._insert("runs", {"user_id": user_id, "name": "Run"} | values)

    def run_step(self, user_id: int, run_id: int, step: int, **values: Any) -> None:
        """Insert a step of a run."""
        defaults = {
            "user_id": user_id,
            "run_id": run_id,
            "step": step,
            "name": f"Step {step}",
            "status": "Scheduled",
        }
        self._insert("run_steps", defaults | values, "step")

    def run_io(
        self, user_id: int, run_id: int, side: str, key: str, value: Any, **more: Any
    ) -> None:
        """Insert an input or output of a run."""
        row = {"user_id": user_id, "run_id": run_id, "side": side, "key": key, "value": value}
        self._insert("run_io", row | more, "run_id")

    def chat(self, **values: Any) -> int:
        """Insert a chat without participants."""
        return self._insert("chats", {"public_id": self.public_id()} | values)

    def participant(self, chat_id: int, user_id: int, **values: Any) -> None:
        """Insert a participant of a chat."""
        row = {"chat_id": chat_id, "user_id": user_id}
        self._insert("chat_participants", row | values, "chat_id")

    def request(self, resource_id: int, **values: Any) -> None:
        """Insert a request to compare the bookmark counter of a resource."""
        row = {"entity_type": "resource", "entity_id": resource_id, "counter": "bookmarks"}
        self._insert("counter_reconciliations", row | values, "entity_id")

    def event(self, user_id: int, **values: Any) -> UUID:
        """Insert an event that is not published yet; return its id."""
        defaults = {
            "event_id": uuid4(),
            "entity_type": "thing",
            "entity_id": 1,
            "change_type": "updated",
        }
        row = {"user_id": user_id} | defaults | values
        self._insert("change_events", row, "seq")
        return cast("UUID", row["event_id"])

    def _insert(self, table: str, values: dict[str, Any], returning: str = "id") -> int:
        row = {
            column: Jsonb(value) if column in _JSON_COLUMNS else value
            for column, value in values.items()
        }
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            sql.Identifier(returning),
        )
        (value,) = self.connection.execute(statement, list(row.values())).fetchone() or (0,)
        return int(value)
