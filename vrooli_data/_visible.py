"""Escape characters that control a terminal or are invisible. No I/O."""

from __future__ import annotations

import re

# The control characters C0 and C1, the marks of writing direction, the separators of lines and
# paragraphs, and the byte order mark. The joiners stay, because Persian and emoji need them.
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u206f\ufeff]"
)


def visible(text: str) -> str:
    r"""Return a line with each such character escaped as in JSON: ``\u001b``."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def visible_lines(text: str) -> str:
    """Escape each line of a text; its line breaks stay."""
    return "\n".join(map(visible, text.split("\n")))


def visible_json(line: bytes) -> bytes:
    """Escape a JSON value on one line. Its value stays the same."""
    if line.isascii() and b"\x7f" not in line:
        return line
    return visible(line.decode()).encode()
