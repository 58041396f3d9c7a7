"""Names and texts made of words; sentences are made once and then drawn."""

from __future__ import annotations

from ._chance import Draw, happens, pick, rank, spread
from ._words import EMOJI, LANGUAGES, WORDS, Words

_SENTENCES = 400
_WITH_EMOJI = 0.04
_WITH_NUMBER = 0.5
_LANGUAGES = spread(LANGUAGES)
#: Of a thousand descriptions: how many sentences they have; 0 is no description.
_LENGTHS = spread({0: 120, 1: 500, 2: 250, 4: 100, 8: 25, 25: 5})


def language(draw: Draw) -> str:
    """Draw a language."""
    return pick(draw, _LANGUAGES)


def person(draw: Draw, language: str) -> str:
    """Draw a person's name."""
    words = WORDS[language]
    given, family = pick(draw, words.given_names), pick(draw, words.family_names)
    return f"{given} {family}" if words.space else f"{family}{given}"


class Texts:
    """Names and descriptions of things, from sentences of their own."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._sentences = {
            language: tuple(_sentence(draw, words) for _ in range(_SENTENCES))
            for language, words in WORDS.items()
        }

    def name(self, language: str) -> str:
        """Draw what a thing is called; many things share a name."""
        draw, words = self._draw, WORDS[language]
        name = f"{pick(draw, words.actions)}{words.space}{pick(draw, words.subjects)}"
        if happens(draw, _WITH_EMOJI):
            name = f"{pick(draw, EMOJI)} {name}"
        return f"{name} {1 + rank(draw, 500)}" if happens(draw, _WITH_NUMBER) else name

    def description(self, language: str) -> str | None:
        """Draw what is written of a thing: nothing, a sentence, or a few thousand characters."""
        length = pick(self._draw, _LENGTHS)
        if length == 0:
            return None
        sentences = self._sentences[language]
        return " ".join([pick(self._draw, sentences) for _ in range(length)])


def _sentence(draw: Draw, words: Words) -> str:
    length = 4 + int(draw() * 11)
    return words.space.join(pick(draw, words.everything) for _ in range(length)) + "."
