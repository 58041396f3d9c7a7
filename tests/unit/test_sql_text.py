"""Where the text of a statement is cut: as PostgreSQL's own scanner does."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast.parser import ParseError, scan

from vrooli_data._sql_text import Unended, pieces

#: Whatever begins or ends something, and names of parameters everywhere.
FRAGMENTS = (
    *("'", "''", "e'", "E'", "U&'", "x'", '"', "$$", "$a$", "$b$", "$1", "\\", "\\'", "\\\\"),
    *("--", "/*", "*/", "/*+", "*", "/", "-", "\n", "\r", " ", "\t", "\f"),
    *(":", "::", ":=", ":a", ":b", ":select", ":a1", ":1", ":1]", "a", "e", "é", ":é", "[", "2"),
    *("''\n''", "E''\n'\\'", "E'' -- '\n'\\'", "a$b$", "fe'\\", "%(a)s"),
)
#: The server's scanner knows no parameters, and so reads on where psql is at the end of a name.
NOT_TO_COMPARE = re.compile(r":\w+[$'\"&]")
COMMENTS = {"C_COMMENT", "SQL_COMMENT"}
QUOTED = {"SCONST", "USCONST", "BCONST", "XCONST"}


#: What a quoted text begins with, behind letters that say how it is written.
BEGINS = re.compile(r"['\"$]")
NAME = re.compile(r"[A-Za-z0-9_\x80-\U0010ffff]+")


def marked(sql: str) -> str:
    """Return a letter for each character: what it is a part of."""
    marks = ""
    for piece in pieces(sql):
        lead, text = "", piece.text
        if piece.kind == "quoted":
            lead = text[: begin.start()] if (begin := BEGINS.search(text)) else ""
        elif piece.kind == "comment":
            lead, text = text[: -len(text.lstrip())], text.lstrip()
            text, end, _ = text.partition("\n") if text.startswith("--") else (text, "", "")
            marks += "." * len(lead) + "c" * len(text) + "." * len(end)
            continue
        letter = {"code": ".", "quoted": "q", "hint": "c", "parameter": "p"}[piece.kind]
        marks += "." * len(lead) + letter * (len(piece.text) - len(lead))
    return marks


def marked_by_server(sql: str) -> str | None:
    """Return the same by PostgreSQL's scanner; None where it cannot read the text."""
    try:
        tokens = scan(sql)
    except ParseError:
        return None
    marks = ["."] * len(sql)
    for token, after in zip(tokens, [*tokens[1:], None], strict=False):
        start, end = token.start, token.end + 1
        if token.name in COMMENTS:
            marks[start:end] = "c" * (end - start)
        elif token.name in QUOTED or sql[end - 1] == '"':
            begin = BEGINS.search(sql, start)
            assert begin is not None
            marks[begin.start() : end] = "q" * (end - begin.start())
        elif sql[start:end] == ":" and after and after.start == end:
            name = NAME.match(sql, end)
            if name and not name[0].isdigit():
                marks[start : name.end()] = "p" * (name.end() - start)
    return "".join(marks)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_text_is_cut_as_postgresql_does(sql: str) -> None:
    expected = None if NOT_TO_COMPARE.search(sql) else marked_by_server(sql)
    if expected is not None:
        assert marked(sql) == expected


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_the_pieces_are_the_text(sql: str) -> None:
    try:
        assert "".join(piece.text for piece in pieces(sql)) == sql
    except Unended:
        assert NOT_TO_COMPARE.search(sql) or marked_by_server(sql) is None


@pytest.mark.parametrize("between", [" ", ", ", ".", " (", " = ", "\n", "\t"])
@pytest.mark.parametrize("letter", ["e", "E"])
def test_a_name_before_an_escaped_text_is_not_part_of_it(between: str, letter: str) -> None:
    escaped = f"{letter}'\\' :b'"
    cut = [(piece.kind, piece.text) for piece in pieces(f"SELECT a{between}{escaped} :c")]
    assert cut[1] == ("quoted", escaped)
    assert cut[-1] == ("parameter", ":c")


@pytest.mark.parametrize("sql", ["'a", '"a', "E'a\\'", "$a$ $b$", "/* /* */", "'a''"])
def test_what_does_not_end_is_refused(sql: str) -> None:
    with pytest.raises(Unended, match="that does not end"):
        list(pieces(sql))


@pytest.mark.parametrize(
    "mark", ["-", "'", "/*", "*/", "$", ":", "a", "\\", "E'", "--\n", "E''\n", "a ."]
)
def test_long_texts_take_no_longer_than_their_length(mark: str) -> None:
    sql = f"E'' {mark * 20_000}"
    with suppress(Unended):
        assert "".join(piece.text for piece in pieces(sql)) == sql
