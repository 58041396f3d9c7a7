"""Which texts trigram indexes can look for."""

from __future__ import annotations

import pytest

from vrooli_data._domain.text_search import has_trigram


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "a1b",
        "!!abc!!",
        "ab abc",
        "100%",
        "\u00dcb\u00e9",
        "\u65e5\u672c\u8a9e",
        # A letter with its vowel sign, and a letter.
        "\u0939\u093f\u0928",
    ],
)
def test_three_characters_of_a_word_are_a_trigram(text: str) -> None:
    assert has_trigram(text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "ab",
        "!!!",
        "a!!",
        "@@@",
        "a_b",
        "ab cd ef",
        "1.2.3",
        "%%%",
        "\u2764\ufe0f" * 3,
        "a\u0301b",
    ],
)
def test_what_is_between_words_makes_none(text: str) -> None:
    assert not has_trigram(text)
