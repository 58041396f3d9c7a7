"""Vrooli's domain: its queries, the formats of its texts, its search. No engine."""

from __future__ import annotations

from .._binding import own_queries

__all__ = ["own_queries"]
