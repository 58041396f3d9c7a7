# Generated from tests/_async/test_injection.py by tools/unasync.py. Do not edit.
"""Hostile text through every text argument: it is kept as it is, and nothing else happens."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal, get_args, get_origin

import pytest
from psycopg import Connection

from tests.contents import contents
from tests.factories import Factory
from tests.introspection import REPOSITORIES, SLOTS, Slot, core, is_json, is_object
from vrooli_data import CreateRun, CreateUser, Database, StartStep
from vrooli_data._domain.text_search import fold

from .probe import Outcome, Probe, make_world

PAYLOADS = [
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    '"; DROP TABLE users; --',
    "\\'; DROP TABLE users; --",
    "$$; DROP TABLE users; $$",
    "$tag$ x $tag$",
    "%s",
    "%(id)s",
    "%%",
    "%",
    "{}",
    "{0.__class__}",
    "{id!r}",
    ":id",
    "::bigint",
    "$1",
    "?",
    "/* comment */",
    "*/ DROP TABLE users /*",
    "-- comment",
    "E'\\x27'",
    "U&'\\0027'",
    "\u02bc OR 1=1",
    "\u2019 OR 1=1",
    "\\",
    "\\\\",
    "\\'",
    "''",
    '""',
    "\r\nSET ROLE postgres;",
    "\t\v\f\b",
    "\x1b[31mred",
    "\u202eright to left\u202c",
    "\u200b\ufeff",
    "${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "NULL",
    "true",
    "1); DELETE FROM users; --",
    "`id`",
    "\U0001f600e\u0301",
    " leading and trailing ",
    "__proto__",
    # All that PostgreSQL can hold and hardly anybody types.
    "".join(map(chr, (*range(1, 32), *range(127, 160)))),
    "\ufdd0\ufffe\uffff\U0010ffff",
    "e\u0301 \u00e9 \u212b \u1e9e\u0130",
]


#: Around every limit that there is, of four bytes each; an e-mail address has two more.
LENGTHS = ["\U0001f600" * length for length in (128, 129, 255, 256, 318, 319, 10_000, 10_001)]
#: The keys of JSON have the same limits, and its texts have none.
KEY_LENGTHS = LENGTHS[:4]
#: Fields that take few texts.
CHOOSY = frozenset({"public_id", "handle", "language", "languages"})
REFUSED = ("InvalidInput", "InvalidCursor")
#: Have many places for text, and the others show as well what becomes of it.
LARGE = frozenset({"resources", "runs", "teams", "users"})
MANY_PLACES = pytest.mark.slow("hostile text")


def is_closed(slot: Slot) -> bool:
    """Return whether only texts that the library itself names are taken, or those that it made."""
    return slot.name in ("cursor", "position") or get_origin(core(slot.annotation)) is Literal


def holds_text(slot: Slot) -> bool:
    """Return whether text can be put into a place, at least by disregard of its type."""
    kind = core(slot.annotation)
    if get_origin(kind) is dict and get_args(kind)[1] is int:
        # Its keys are ids, and its values are no text.
        return False
    return kind is str or is_closed(slot) or is_json(slot.annotation) or is_object(slot.annotation)


TEXT_SLOTS = [slot for slot in SLOTS if holds_text(slot)]


def harmless(slot: Slot) -> str:
    """Return a text that is found nowhere, and may stand in any place."""
    return "harmless" if slot.name.startswith("language") else "harmless0000"


def outcome(probe: Probe, slot: Slot, text: str) -> tuple[Outcome, str]:
    """Put a text into its place; return what came of it, and the shape of that."""
    given: Any = text
    if is_json(slot.annotation) or is_object(slot.annotation):
        given = {text: [text, {"key": text}]}
    kept = text
    if slot.is_field and slot.name == "email":
        given = f"{text}@x"
        kept = unicodedata.normalize("NFC", unicodedata.normalize("NFC", given).lower())
    elif slot.is_field and slot.name == "handle":
        kept = text.lower()
    found = probe.call(slot.argument, slot.filled(given))
    # A name is stored as search compares it, too.
    return found, found.like(lambda value: value in (kept, fold(kept)))


def test_the_corpus_is_large_and_has_no_repeats() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 30


def test_there_are_places_to_try() -> None:
    assert len(TEXT_SLOTS) >= 70
    assert {slot.argument.repository for slot in TEXT_SLOTS} >= (
        REPOSITORIES.keys() - {"bookmarks", "counters"}
    )


@pytest.mark.parametrize(
    "repository",
    [pytest.param(name, marks=MANY_PLACES if name in LARGE else ()) for name in REPOSITORIES],
)
def test_hostile_text_does_what_any_text_does_or_is_refused(
    db: Database, admin: Connection[Any], make: Factory, repository: str
) -> None:
    world = make_world(make)
    before = contents(admin)
    with db.transaction() as tx:
        probe = Probe(tx, *world)
        for slot in TEXT_SLOTS:
            if slot.argument.repository != repository:
                continue
            plain, expected = outcome(probe, slot, harmless(slot))
            assert (plain.error in REFUSED) == is_closed(slot), slot
            changed = [row for _, row in plain.found if row is not None]
            assert changed or not slot.is_field or is_closed(slot), f"{slot}: see OTHER"
            assert not changed or "THE TEXT" in expected, f"{slot} is not kept"
            for text in PAYLOADS + (LENGTHS if core(slot.annotation) is str else KEY_LENGTHS):
                found, shape = outcome(probe, slot, text)
                if found.error in REFUSED:
                    expects_refusal = is_closed(slot) or slot.name in CHOOSY or text in LENGTHS
                    assert expects_refusal, f"{slot} refuses {text[:50]!a}"
                else:
                    assert shape == expected, f"{slot} with {text[:50]!a}"
            # What was refused has left nothing behind either.
            assert (outcome(probe, slot, harmless(slot)))[1] == expected, slot
    assert contents(admin) == before


def test_a_search_finds_the_text_itself_and_nothing_else(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    others = {make.user(name="Ada Lovelace"), make.user(name="Bob")}
    for payload in PAYLOADS:
        user = db.users.create(CreateUser(name=f"<<{payload}>>"))
        for match_email in ("exact", "substring"):
            found = db.users.search(f"<<{payload}>>", limit=500, match_email=match_email)
            assert [row.id for row in found] == [user.id], payload
        assert not others & {row.id for row in db.users.search(f"<{payload}", limit=500)}
        db.resources.search(payload)


def test_what_a_run_was_given_is_read_as_it_was(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    given: dict[str, Any] = {payload: [payload, {payload: payload}] for payload in PAYLOADS}
    run = db.runs.create(CreateRun(user_id=user_id, name="Run", data=given))
    db.runs.start_with_steps(run.id, [StartStep(name="Step", inputs=given)])
    details = db.runs.find_with_details(run.id)
    assert details is not None
    assert details.data == given
    assert {value.key: value.value for value in details.inputs} == given
