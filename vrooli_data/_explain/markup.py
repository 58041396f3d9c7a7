"""Build HTML. Text is escaped unless it was built here. No I/O."""

from __future__ import annotations

from html import escape

_EMPTY = frozenset({"br", "input", "meta"})


class Html(str):
    """Markup. Inside other markup it is not escaped again."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | int | bool | None) -> Html:
    """Return an element, without the attributes that are None or False.

    A Python keyword takes an underscore at its end (``class_``). Other underscores become dashes.
    """
    given = "".join(
        f" {key}" if value is True else f' {key}="{escape(str(value))}"'
        for key, value in (
            (key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()
        )
        if value is not None and value is not False
    )
    if name in _EMPTY:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """Return pieces as one."""
    return Html("".join(c if isinstance(c, Html) else escape(c, quote=False) for c in children))
