"""Checks of arguments: what is taken, what is said, and how inputs describe their fields."""

from __future__ import annotations

import inspect
from collections import UserList
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest

from vrooli_data import CreateUser, InvalidInput, inputs
from vrooli_data._domain.formats import language_tag
from vrooli_data.validation import check_id, check_list, check_text, checked

INPUTS = [each for each in vars(inputs).values() if isinstance(each, type)]


@pytest.mark.parametrize("ids", [[1, 2], (1, 2), range(1, 3), UserList([1, 2])])
def test_any_sequence_becomes_a_list(ids: Any) -> None:
    assert check_list("ids", ids, 2, check_id) == [1, 2]


def test_what_the_caller_does_to_a_list_later_changes_nothing() -> None:
    ids = [1]
    checked_ids = check_list("ids", ids, 2, check_id)
    ids.append(0)
    assert checked_ids == [1]


@pytest.mark.parametrize("ids", ["12", b"12", bytearray(b"12"), memoryview(b"12"), {1}, {1: 2}, 1])
def test_what_is_no_list_is_refused(ids: Any) -> None:
    with pytest.raises(InvalidInput, match=f"ids: must be a list, not {type(ids).__name__}"):
        check_list("ids", ids, 2, check_id)


def test_a_range_that_is_longer_than_anything_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ids: must have at most 2 items"):
        check_list("ids", range(1, 10**30), 2, check_id)


def test_messages_are_english() -> None:
    with pytest.raises(InvalidInput, match=r"1 character\Z"):
        check_text("name", "", 255, 1)
    with pytest.raises(InvalidInput, match=r"2 characters\Z"):
        check_text("name", "", 255, 2)
    with pytest.raises(InvalidInput, match="changes: must be an UpdateUser, not CreateUser"):
        checked("changes", CreateUser(name="Ada"), inputs.UpdateUser)


@pytest.mark.parametrize(
    "tag",
    [
        # The examples of RFC 5646, section 2.1.1 and appendix A.
        *("mn-Cyrl-MN", "en-CA-x-ca", "sgn-BE-FR", "az-Latn-x-latn", "zh-Hant", "zh-cmn-Hans-CN"),
        *(
            "sr-Latn-RS",
            "sl-rozaj-biske",
            "de-CH-1901",
            "hy-Latn-IT-arevela",
            "es-419",
            "i-enochian",
        ),
        *(
            "de-CH-x-phonebk",
            "az-Arab-x-aze-derbend",
            "en-US-u-islamcal",
            "zh-CN-a-myext-x-private",
        ),
        *("en-a-myext-b-another", "ar-a-aaa-b-bbb-a-ccc", "de-DE-u-co-phonebk", "sl-nedis", "de"),
    ],
)
def test_a_language_tag_has_the_casing_of_its_standard(tag: str) -> None:
    for given in (tag, tag.lower(), tag.upper(), tag.title(), tag.swapcase()):
        assert language_tag(given) == tag


def test_languages_that_differ_in_case_alone_are_one() -> None:
    user = CreateUser(name="Ada", languages=["pt-br", "EN", "PT-BR", "en", "zh-hans"])
    assert checked("user", user, CreateUser)["languages"] == ["pt-BR", "en", "zh-Hans"]


def test_a_tuple_of_languages_is_stored_as_a_list() -> None:
    user = msgspec.structs.replace(CreateUser(name="Ada"), languages=("en", "pt-BR"))
    assert checked("user", user, CreateUser)["languages"] == ["en", "pt-BR"]


@pytest.mark.parametrize("kind", INPUTS)
def test_help_shows_what_each_field_takes(kind: type[msgspec.Struct]) -> None:
    assert "function" not in str(inspect.signature(kind))
    if kind is CreateUser:
        assert "Annotated[str, text(1..255)]" in str(inspect.signature(kind))


class Plain(msgspec.Struct, kw_only=True):
    """An input whose fields have no kinds of ours."""

    name: Annotated[str, msgspec.Meta(max_length=3)] = "a"
    count: int | None = None
    share: float = 0.5
    tags: list[str] = []
    colour: Literal["red", "green"] = "red"
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    extra: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    rows: list[Any] | msgspec.UnsetType = msgspec.UNSET
    words: frozenset[str] | msgspec.UnsetType = msgspec.UNSET


#: It holds itself.
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


def test_fields_without_a_kind_are_checked_by_their_types() -> None:
    assert checked("plain", Plain(count=2**63 - 1, extra={"a": [1]}), Plain) == {
        "name": "a",
        "count": 2**63 - 1,
        "share": 0.5,
        "tags": [],
        "colour": "red",
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "extra": {"a": [1]},
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "abcd"),
        ("name", 5),
        ("name", "a\0"),
        ("name", None),
        ("count", 2**63),
        ("count", True),
        ("count", "5"),
        ("tags", ["a", "\ud800"]),
        ("tags", "abc"),
        ("tags", None),
        ("colour", "Hush"),
        ("at", "yesterday"),
        ("at", "\ud800"),
        ("colour", "\ud800"),
        ("share", "\ud800"),
        ("share", Decimal("sNaN")),
        ("rows", ENDLESS),
        ("rows", [{"a": ENDLESS}]),
        ("words", {"a\0"}),
        ("extra", {"a": float("inf")}),
        ("extra", {"a\0": 1}),
    ],
)
def test_a_field_without_a_kind_that_is_bad_is_named_without_its_value(
    field: str, value: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked("plain", Plain(**{field: value}), Plain)
    assert caught.value.field == field
    assert "Hush" not in str(caught.value)
    assert caught.value.__cause__ is None
