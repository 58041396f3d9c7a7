"""What docs/events.md uses of redis-py 5 and later, within the process and without a server."""

from __future__ import annotations

from typing import Self


class Redis:
    """Entries by key."""

    def __init__(self) -> None:
        self._entries: dict[str, bytes] = {}

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return a client; its server holds nothing yet."""
        assert url.startswith("redis://")
        return cls()

    def set(self, name: str, value: str, ex: int | None = None) -> bool:
        """Set an entry, which ends after *ex* seconds."""
        assert ex is None or ex > 0
        self._entries[name] = value.encode()
        return True

    def get(self, name: str) -> bytes | None:
        """Return the value of an entry; None where there is none."""
        return self._entries.get(name)

    def delete(self, *names: str) -> int:
        """Delete entries, and return how many there were."""
        return sum(self._entries.pop(name, None) is not None for name in names)
