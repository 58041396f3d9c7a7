"""Build HTML in which text is escaped unless it was built here. No I/O."""

from __future__ import annotations

from html import escape

_EMPTY = frozenset({"br", "input", "meta"})


class Html(str):
    """Markup, which goes into other markup as it is."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | int | bool | None) -> Html:
    """Return an element; an attribute that is None or False is left out.

    Python's own words take an underscore behind them (``class_``), dashes are underscores.
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
    """Return several pieces as one."""
    return Html("".join(c if isinstance(c, Html) else escape(c, quote=False) for c in children))
