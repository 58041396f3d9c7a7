"""Pipelines: on this face there are none; ``_async/pipeline.py`` is its twin, by hand."""

from __future__ import annotations

from typing import Any

from .session import Pipelines


def pipelines(
    pool: Any,  # noqa: ARG001 (its twin's)
    policy: Any,  # noqa: ARG001 (its twin's)
    alone: Any,  # noqa: ARG001 (its twin's)
    *,
    behind_pooler: bool,  # noqa: ARG001 (its twin's)
) -> Pipelines | None:
    """Return None: a thread that waits makes no other reads meanwhile."""
    return None
