"""The event loops that the layer runs on. Tests of a module with this fixture run on each."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

_UVLOOP = (
    pytest.mark.slow("uvloop"),
    pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="there is no uvloop"),
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({"use_uvloop": False}, id="asyncio"),
        pytest.param({"use_uvloop": True}, id="uvloop", marks=_UVLOOP),
    ],
)
def each_loop(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Choose the event loop."""
    return "asyncio", request.param
