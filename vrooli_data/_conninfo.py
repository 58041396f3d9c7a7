"""Read connection strings, and say what is wrong with one. No I/O.

A message names the part that is wrong. It quotes names and no values: text in the wrong place may
be a password.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg import conninfo as libpq
from psycopg import pq

from .errors import InvalidInput
from .validation import check_text

#: The argument that errors name.
FIELD = "conninfo"
_MAX_TEXT = 10_000
_MAX_PORT = 65_535
_WRONG_PORT = f"the port is not a number from 1 to {_MAX_PORT}"

_URL = re.compile(r"postgres(?:ql)?://")
_SCHEME = re.compile(r"((?:(?:jdbc|r2dbc):)?[A-Za-z][\w+.-]*):")
#: Schemes of other tools. A message may quote them: they hold no secret.
_KNOWN_SCHEME = re.compile(
    r"(jdbc:|r2dbc:)?(postgres|pgsql|psql|pg|prisma|mysql|sqlite|mssql|oracle|cockroach)[\w+.:-]*",
    re.IGNORECASE,
)
_QUOTES = "'\"`\u2018\u2019\u201c\u201d"
#: Where libpq finds the user and the password.
_USERINFO = re.compile(r"([^/@]*)@")
_WRONG_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_BRACKETS = re.compile(r"\[[^\[\]]+\](:.*)?", re.DOTALL)
_NAME = re.compile(r"[A-Za-z][\w.-]{0,40}")
_PAIR = re.compile(r"\s*([^\s=]*)\s*(=?)\s*('(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)\s*", re.DOTALL)
#: `-c name=value`, `-cname=value` and `--name=value`.
_OPTION = re.compile(r"(?<!\S)(?<!\\\s)(?:-c\s*|--)([\w.-]+)=")
_SECRET = re.compile("pass|pwd|secret|key", re.IGNORECASE)
#: Parameters whose values no error quotes, or that may contain such a pair.
_UNQUOTED = re.compile("password|application_name|options|oauth|ssl(cert|key)")
#: libpq takes ``host=h;password=x`` as one value, and would quote it in its error.
_PASSWORD_INSIDE = re.compile(r"(pass\w*|pwd)\s*=", re.IGNORECASE)

#: What replaces the parameters of other tools.
_INSTEAD = {
    "schema": "pass schema=... (--schema)",
    "currentschema": "pass schema=... (--schema)",
    "search_path": "pass schema=... (--schema) and search_path=[...]",
    "pgbouncer": "pass pooler=True",
    "connection_limit": "pass max_size=...",
    "pool_size": "pass max_size=...",
    "pool_timeout": "pass timeout=...",
    "statement_cache_size": "pass prepare=False",
    "preparethreshold": "pass prepare=False",
    "statement_timeout": "pass statement_timeout=...",
    "ssl": "write sslmode=...",
    "requiressl": "write sslmode=require",
}
_ENCODE = "percent-encode the password of a URL: @ is %40, / is %2F, : is %3A, ? is %3F"
_OTHER = "is not a libpq connection string or URL"


def read_conninfo(conninfo: str | None) -> dict[str, Any]:
    """Parse *conninfo*, or ``DATABASE_URL``. Raise `InvalidInput` that names the wrong part."""
    given = conninfo if conninfo is not None else os.environ.get("DATABASE_URL")
    if given is not None:
        check_text(FIELD, given, _MAX_TEXT)
    if given is None or not given.strip():
        raise InvalidInput(FIELD, "give a libpq connection string or URL, or set DATABASE_URL")
    problem = _problem_of_url(given) if _URL.match(given) else None
    parameters = None if problem else _parsed(given)
    if parameters is None:
        raise InvalidInput(FIELD, problem or _problem_of_other(given))
    problem = problem_of_values(parameters)
    if problem:
        raise InvalidInput(FIELD, problem)
    return parameters


def settings_of_options(options: str) -> frozenset[str]:
    """Return the names of the server settings that ``options`` of a connection sets."""
    return frozenset(name.replace("-", "_").lower() for name in _OPTION.findall(options))


def _parsed(given: str) -> dict[str, Any] | None:
    try:
        return libpq.conninfo_to_dict(given)
    except psycopg.ProgrammingError:
        # libpq quotes the part that it could not read, and that part may be the password.
        return None


def _problem_of_url(url: str) -> str | None:
    """Return what is wrong with a ``postgresql://`` URL, or None."""
    if url != url.strip():
        return "ends with a space or a line end: remove it"
    rest = url[_URL.match(url).end() :]  # type: ignore[union-attr]  # the caller has matched it
    found = _USERINFO.match(rest)
    user, _, password = found[1].partition(":") if found else ("", "", "")
    address, _, query = rest[found.end() if found else 0 :].partition("?")
    hosts, _, name = address.partition("/")
    if "@" in address:
        return _ENCODE
    problem = (
        _problem_of_port(hosts, has_user=found is not None)
        or _problem_of_text("user name", user)
        or _problem_of_text("password", password)
        or _problem_of_text("host", hosts)
        or _problem_of_text("name of the database", name)
        or _problem_of_query(query, shows="@" not in query)
    )
    # With an @ behind it, the part may belong to the password.
    return _ENCODE if problem and "@" in query else problem


def _problem_of_port(hosts: str, *, has_user: bool) -> str | None:
    for host in hosts.split(","):
        if host.startswith("[") and not _BRACKETS.fullmatch(host):
            return "the host has a wrong IPv6 address: write [::1] or [::1]:5432"
        port = unquote(host.rpartition("]")[2].partition(":")[2])
        if port and not _is_port(port):
            hint = "" if has_user else "; write @host behind user:password"
            return f"{_WRONG_PORT}{hint}"
    return None


def _problem_of_text(part: str, text: str) -> str | None:
    if _WRONG_ESCAPE.search(text):
        return f"the {part} has a % that begins no escape such as %40: write %25 for the % itself"
    if any(character.isspace() for character in text):
        return f"the {part} has a space or a line end: write %20 for a space, or remove it"
    try:
        unquote(text, errors="strict")
    except UnicodeDecodeError:
        # psycopg would raise this error, and it holds the text, which may be the password.
        pass
    else:
        return None
    return f"the {part} has escapes that are not UTF-8: \u00e9 is %C3%A9, for example"


def _problem_of_query(query: str, *, shows: bool) -> str | None:
    """Return what is wrong with the parameters of a URL; *shows*: a message may quote names."""
    # libpq ignores one & at the end.
    parameters = query.removesuffix("&").split("&") if query else []
    for number, parameter in enumerate(parameters, 1):
        given, separator, value = parameter.partition("=")
        if not separator:
            return f"parameter {number} of the URL has no ="
        name = unquote(given) if shows and _NAME.fullmatch(given) else f"number {number} of the URL"
        problem = _problem_of_text(f"parameter {name}", value)
        if problem or "=" in value:
            return problem or f"the parameter {name} has a second =: write %3D"
        if (given, value) != ("ssl", "true") and unquote(given) not in _keywords():
            return _problem_of_name(name)
    return None


def _problem_of_name(name: str) -> str:
    """Return that libpq has no parameter of this name, and what to use."""
    from difflib import get_close_matches  # noqa: PLC0415 (for a wrong name alone)

    problem = f"the parameter {name} is unknown to libpq"
    close = get_close_matches(name.lower(), _keywords(), 1)
    instead = _INSTEAD.get(name.lower()) or (f"write {close[0]}" if close else "remove it")
    return f"{problem}: {instead}"


def _problem_of_other(given: str) -> str:
    """Return what is wrong with a string that libpq cannot read and that is no such URL."""
    text = given.strip()
    if text[0] in _QUOTES:
        return "is in quotes: remove them"
    if text != given and _URL.match(text):
        return "begins with a space or a line end: remove it"
    scheme = _SCHEME.match(text)
    if scheme and (text[scheme.end(1) :].startswith("://") or _URL.match(f"{scheme[1]}://")):
        name = f"the scheme {scheme[1]}" if _KNOWN_SCHEME.fullmatch(scheme[1]) else "the scheme"
        return f"{name} is unknown to libpq: write postgresql://"
    if _URL.search(text.partition("=")[0] + text.partition("=")[2][:13]):
        return "there is text before postgresql://: remove it"
    return _problem_of_pairs(text)


def _problem_of_pairs(text: str) -> str:
    """Return what is wrong with a string of ``key=value`` pairs."""
    names = []
    position = 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None or not pair[2] or not pair[1]:
            # A part without = may be the rest of a password with a space in it.
            return f"{_OTHER}: a part has no =; put a value with spaces in quotes"
        if pair[3].startswith("'") and (len(pair[3]) == 1 or not pair[3].endswith("'")):
            return "a quote is not closed"
        names.append(pair[1])
        position = pair.end()
    unknown = next((name for name in names if name not in _keywords()), None)
    if unknown is None or len(set(names) - _keywords()) == len(set(names)):
        return _OTHER
    if unknown.lower() in _INSTEAD or (_NAME.fullmatch(unknown) and not _SECRET.search(text)):
        return _problem_of_name(unknown)
    return f"parameter {names.index(unknown) + 1} is unknown to libpq"


def problem_of_values(parameters: dict[str, Any]) -> str | None:
    """Return which parameter leads to no server, or None."""
    for name, value in parameters.items():
        if not _UNQUOTED.search(name) and _PASSWORD_INSIDE.search(value or ""):
            return (
                f"the value of {name} contains a password: separate the parameters with spaces, "
                "and those of a URL with ? and &"
            )
    port = parameters.get("port") or ""
    if not all(_is_port(each) for each in port.split(",") if each):
        return _WRONG_PORT
    host = parameters.get("host") or ""
    if not parameters.get("hostaddr") and not all(map(_is_host, host.split(","))):
        return "the host cannot be looked up: each part of a name has 1 to 63 characters"
    if "://" in (parameters.get("dbname") or ""):
        return "the name of the database is a URL: give the URL alone"
    return None


def _is_port(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,5}", text)) and 1 <= int(text) <= _MAX_PORT


def _is_host(text: str) -> bool:
    """Return whether a host is a folder, or can be looked up."""
    if text.startswith(("/", "@")):
        return True
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return True


@cache
def _keywords() -> frozenset[str]:
    """Return the names of libpq's parameters."""
    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
