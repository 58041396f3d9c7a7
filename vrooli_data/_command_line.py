"""What to type to run a command of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

#: Options by their names, with _ for -; what is None, False or empty is left out.
Options: TypeAlias = Mapping[str, str | Path | bool | Sequence[str | Path] | None]
#: For a database that ``DATABASE_URL`` names.
NOWHERE_ELSE: Final[Options] = MappingProxyType({})


def command(name: str, where: Options, options: Options) -> str:
    """Return a command that can be pasted.

    Args:
        name: the name of the command.
        where: the options that name the database.
        options: all others.
    """
    import shlex  # noqa: PLC0415 (for an error's text alone)

    words = ["vrooli-data", name]
    for option, value in {**where, **options}.items():
        flag = f"--{option.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif isinstance(value, str | Path):
            words += [flag, str(value)]
        elif value:
            words += [word for each in value for word in (flag, str(each))]
    return shlex.join(words)
