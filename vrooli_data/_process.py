"""Which process this is: what belongs to one is refused in another, and its sockets are left alone.

A child made by a fork inherits every socket of its parent. Whatever it wrote there, be it the
farewell that closing a connection sends, would reach the parent's server as if from the parent.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import NoReturn, Protocol
from weakref import WeakSet

from .errors import InvalidUse


class Inherited(Protocol):
    """What a child must not use, nor close."""

    def leave_to_parent(self) -> None:
        """Part from the parent's, in the child, without a word to the server."""


class _Process:
    """One process."""


#: What stands for this process; a fork makes another.
current: object = _Process()
_belongings: WeakSet[Inherited] = WeakSet()


def check(home: object, what: str) -> None:
    """Refuse the use of what belongs to another process."""
    if home is not current:
        refuse(what)


def refuse(what: str) -> NoReturn:
    """Refuse the use of what belongs to another process."""
    raise InvalidUse(
        f"{what} belongs to the process that opened it: connect after the fork, in each process"
    )


def belongs_here(thing: Inherited) -> None:
    """Have a child of this process leave something to its parent."""
    _belongings.add(thing)


def replace_socket(descriptor: int) -> None:
    """Put a socket that leads nowhere in the place of another, in this process alone."""
    near, far = socket.socketpair()
    with near, far:
        os.dup2(near.fileno(), descriptor, inheritable=False)


def _begin_anew() -> None:
    global current  # noqa: PLW0603 (this is another process)
    current = _Process()
    for thing in list(_belongings):
        # One that cannot is no reason to keep the others.
        with contextlib.suppress(Exception):
            thing.leave_to_parent()
    _belongings.clear()


os.register_at_fork(after_in_child=_begin_anew)
