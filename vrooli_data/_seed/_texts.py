"""Names and texts from lists of words. A fixed number of sentences is generated and drawn from."""

from __future__ import annotations

from ._chance import Draw, happens, pick, rank, spread
from ._words import EMOJI, LANGUAGES, WORDS, Words

_SENTENCES = 400
_WITH_EMOJI = 0.04
_WITH_NUMBER = 0.5
_LANGUAGES = spread(LANGUAGES)
#: Numbers of sentences, by how many of a thousand descriptions have them; 0 is no description.
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
    """Names and descriptions, with its own sentences."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._sentences = {
            language: tuple(_sentence(draw, words) for _ in range(_SENTENCES))
            for language, words in WORDS.items()
        }

    def name(self, language: str) -> str:
        """Draw a name; many names occur more than once."""
        draw, words = self._draw, WORDS[language]
        name = f"{pick(draw, words.actions)}{words.space}{pick(draw, words.subjects)}"
        if happens(draw, _WITH_EMOJI):
            name = f"{pick(draw, EMOJI)} {name}"
        return f"{name} {1 + rank(draw, 500)}" if happens(draw, _WITH_NUMBER) else name

    def description(self, language: str) -> str | None:
        """Draw a description: None, a sentence, or up to a few thousand characters."""
        length = pick(self._draw, _LENGTHS)
        if length == 0:
            return None
        sentences = self._sentences[language]
        return " ".join([pick(self._draw, sentences) for _ in range(length)])


def _sentence(draw: Draw, words: Words) -> str:
    length = 4 + int(draw() * 11)
    return words.space.join(pick(draw, words.everything) for _ in range(length)) + "."
