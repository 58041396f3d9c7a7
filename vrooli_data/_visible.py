"""Show the characters that would act on a terminal instead of being seen. No I/O."""

from __future__ import annotations

import re

# Those of C0 and C1, the marks that turn the direction of writing, the separators of lines and
# paragraphs, and the byte order mark. The joiners stay: Persian and emoji need them.
_ACTS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u206f\ufeff]"
)


def visible(text: str) -> str:
    r"""Return one line in which each such character is written as ``\u001b``, as JSON has it."""
    return _ACTS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def visible_lines(text: str) -> str:
    """Return the same of each line of a text."""
    return "\n".join(map(visible, text.split("\n")))
