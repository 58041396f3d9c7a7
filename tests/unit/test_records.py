"""Records: frozen, and hashable where nothing in them can change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vrooli_data import Bookmark, User

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_record_that_holds_neither_list_nor_json_can_be_hashed() -> None:
    assert {Bookmark(1, 2, NOW), Bookmark(1, 2, NOW)} == {Bookmark(1, 2, NOW)}


def test_another_cannot_and_its_id_can() -> None:
    ada = User(1, "a" * 12, None, "Ada", None, False, False, ["en"], None, 0, NOW, NOW)
    with pytest.raises(TypeError, match="unhashable"):
        hash(ada)
    with pytest.raises(AttributeError):
        ada.name = "Eve"  # type: ignore[misc]
    assert {ada.id: ada}[1] is ada
