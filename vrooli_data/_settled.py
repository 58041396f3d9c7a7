"""What libpq makes of a connection's parameters, its environment and its service file.

libpq judges the values itself, before it connects: which ones it knows depends on its version. It
is asked to connect to a file that is no folder of sockets, so that nothing is sent. A message names
the part that is wrong, and never its value.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from typing import Any

from psycopg import conninfo as libpq
from psycopg import pq

from ._conninfo import FIELD, problem_of_values
from .errors import InvalidInput

#: libpq looks here for a socket, and finds at once that there is none.
_NOWHERE = "/dev/null"
#: libpq refuses this value after it has read everything, so that its own values can be seen.
_NO_SSLMODE = "no such mode"
#: libpq reads these only when it has found a host.
_NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,9}\s*")
#: What says where the others are to be found.
_PLACES = frozenset({"host", "hostaddr", "service", "servicefile"})

#: What libpq takes an absent parameter for, where its own table does not say so.
_DEFAULTS = {"sslcertmode": "allow", "min_protocol_version": "3.0", "max_protocol_version": "3.0"}


def settled(parameters: dict[str, Any]) -> dict[str, str]:
    """Return the parameters with what libpq adds from its environment and its service file.

    Connects to nothing. Raises `InvalidInput` that names a parameter whose value libpq refuses.
    """
    found, _ = _read({**parameters, "sslmode": _NO_SSLMODE})
    problem = _problem_of_places(found) or problem_of_values(found)
    if problem:
        raise InvalidInput(FIELD, problem)
    # libpq wants as many ports as hosts, or one.
    nowhere = {"host": ",".join([_NOWHERE] * _count_hosts(found)), "hostaddr": ""}
    given, is_right = _read({**parameters, **nowhere})
    problem = _problem_of_numbers(given, parameters)
    if not is_right:
        problem = _problem_of_refused({**given, **nowhere}, parameters)
    if problem:
        raise InvalidInput(FIELD, problem)
    return given


def _read(parameters: dict[str, Any]) -> tuple[dict[str, str], bool]:
    """Return all parameters, and whether libpq would go on to connect to `_NOWHERE`."""
    connection = pq.PGconn.connect_start(libpq.make_conninfo(**parameters).encode())
    try:
        options = {
            # A service file, or an environment variable, may be in another encoding.
            option.keyword.decode(): option.val.decode(errors="replace")
            for option in connection.info
            if option.val
        }
        return options, f"{_NOWHERE}/".encode() in connection.error_message
    finally:
        connection.finish()


def _count_hosts(found: dict[str, str]) -> int:
    return len((found.get("hostaddr") or found.get("host") or "").split(","))


def _problem_of_places(found: dict[str, str]) -> str | None:
    """Return which part names no place, or None."""
    if not found:
        return "the service is not defined, or its file cannot be read: see PGSERVICEFILE"
    addresses = found.get("hostaddr", "")
    if not all(map(_is_address, filter(None, addresses.split(",")))):
        return "hostaddr is not an IP address: a name belongs in host"
    hosts = found.get("host")
    if addresses and hosts and len(hosts.split(",")) != len(addresses.split(",")):
        return "host and hostaddr have different numbers of parts"
    return None


def _is_address(text: str) -> bool:
    """Return whether libpq can read an address. Nothing is looked up."""
    try:
        socket.getaddrinfo(text, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


def _problem_of_numbers(given: dict[str, str], parameters: dict[str, Any]) -> str | None:
    for name in _NUMBERS:
        if not _NUMBER.fullmatch(given.get(name, "0")):
            return f"{_named(name, parameters)} is not a whole number"
    return None


def _problem_of_refused(given: dict[str, str], parameters: dict[str, Any]) -> str:
    """Return which of the parameters libpq refuses. Its own message would quote the value."""
    defaults = {
        option.keyword.decode(): (option.compiled or b"").decode()
        for option in pq.Conninfo.get_defaults()
    } | _DEFAULTS
    others = [
        name for name in given if name not in _PLACES and given[name] != defaults.get(name, "")
    ]

    # Without these, libpq would take the environment's or the service's.
    base = {name: value for name, value in given.items() if name not in others}
    base |= {name: defaults.get(name, "") for name in others if name not in parameters}

    def is_right(names: Iterable[str]) -> bool:
        return _read({**base, **{name: given[name] for name in names}})[1]

    wrong = [name for name in others if not is_right([name])]
    if wrong:
        return f"libpq refuses the value of {_named(wrong[0], parameters)}"
    wrong = [name for name in others if is_right(set(others) - {name})]
    names = " and ".join(_named(name, parameters) for name in wrong)
    return f"the values of {names} exclude each other" if wrong else "libpq refuses the parameters"


def _named(name: str, parameters: dict[str, Any]) -> str:
    """Return the name of a parameter, and where its value was found."""
    if name in parameters:
        return name
    for option in pq.Conninfo.get_defaults():
        if option.keyword.decode() == name and option.envvar:
            variable = option.envvar.decode()
            if variable in os.environ:
                return f"{name} ({variable})"
    return f"{name} (of the service)"
