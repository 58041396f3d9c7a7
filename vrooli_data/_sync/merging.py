"""Merging reads: on this face nothing does; ``_async/merging.py`` is its twin, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .session import Merger


def merger(
    rows: Callable[..., Any],  # noqa: ARG001 (its twin's)
    check_use: Callable[[], None],  # noqa: ARG001 (its twin's)
) -> Merger | None:
    """Return None: a thread that waits has no other reads to merge with."""
    return None
