"""The one form in which texts are searched for."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrooli_data._domain.text_search import fold

#: Letters that fold, compose or decompose, and any other.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("aAiIsSßẞσςΣİıéÉeE\u0301\u0307\u0345ﬁﬀﬅŉǰΐᾳᾼ½①ＡａÅÅÅ\u1e9b\u0323ﷺкК"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=20,
)


@given(TEXTS)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(TEXTS)
def test_the_normal_form_makes_no_difference(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(unicodedata.normalize("NFKC", text)) == fold(text)
    assert fold(unicodedata.normalize("NFKD", text)) == fold(text)


@given(TEXTS)
def test_the_case_makes_no_difference(text: str) -> None:
    # The capital of the dotless i is I, whose small letter is i.
    text = text.replace("ı", "")
    for changed in (text.casefold(), text.lower(), text.upper(), text.title(), text.swapcase()):
        assert fold(changed) == fold(text)


@given(TEXTS)
def test_no_text_is_longer_than_its_column(text: str) -> None:
    assert len(fold(text)) <= 18 * len(text)
    assert bool(fold(text)) == bool(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ẞ", "ss"),
        ("ΟΔΟΣ", "οδος"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "i\u0307stanbul"),
        ("ﬁne ﬀ", "FINE FF"),
        ("Ｖｒｏｏｌｉ", "vrooli"),
        ("Cafe\u0301", "CAFÉ"),
        ("한국어", unicodedata.normalize("NFD", "한국어")),
        ("ᾳ", "ΑΙ"),
    ],
)
def test_these_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("cafe", "café"), ("ı", "i"), ("ae", "æ"), ("a-b", "ab"), ("o", "ø")]
)
def test_these_are_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)
