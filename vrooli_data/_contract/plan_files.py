"""Read and write the reviewed plans: one file in each folder of queries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import InvalidFile

NAME = "plans.txt"
#: The files hold plans of this major version. Plans differ between major versions.
MAJOR = 18
_INTRODUCTION = f"""\
The generic plan of each query of this folder on PostgreSQL {MAJOR}, and plans for given parameters
where they matter, on the data of a check. Written by `vrooli-data check --update-plans`.
"""
_TITLE = "== "


def write(folder: Path, plans: Mapping[str, str]) -> None:
    """Write the plans of a folder, by title."""
    parts = [_INTRODUCTION, *(f"{_TITLE}{title}\n{plan}\n" for title, plan in plans.items())]
    path = folder / NAME
    try:
        path.write_text("\n".join(parts), encoding="utf-8")
    except OSError as error:
        raise InvalidFile(f"{path}: it cannot be written: {error.strerror}") from None


def exists(folder: Path) -> bool:
    """Return whether plans of a folder were written."""
    return (folder / NAME).exists()


def read(folder: Path) -> dict[str, str] | None:
    """Return the plans of a folder, by title; None without a file."""
    path = folder / NAME
    if not exists(folder):
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidFile(f"{path}: it is not a file of text in UTF-8") from None
    parts = text.split(f"\n{_TITLE}")
    titled = (part.partition("\n") for part in parts[1:])
    return {title: plan.rstrip("\n") for title, _, plan in titled}


def line(folder: Path, title: str) -> int:
    """Return the line of a plan's title."""
    return (folder / NAME).read_text(encoding="utf-8").splitlines().index(_TITLE + title) + 1
