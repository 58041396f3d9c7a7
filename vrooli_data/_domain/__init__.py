"""What is Vrooli's own beside its records: its queries, the formats of its texts, its search."""

from __future__ import annotations

from .._binding import own_queries

__all__ = ["own_queries"]
