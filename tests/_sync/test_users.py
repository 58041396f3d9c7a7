# Generated from tests/_async/test_users.py by tools/unasync.py. Do not edit.
"""Users: look-ups."""

from __future__ import annotations

import pytest

from tests.factories import Factory
from vrooli_data import Database, InvalidInput


def test_find_by_id_returns_the_whole_row(db: Database, make: Factory) -> None:
    user_id = make.user(
        public_id="abcdefghijkl",
        name="Ада",
        email="ada@example.org",
        handle="ada",
        languages=["ru"],
    )
    user = db.users.find_by_id(user_id)
    assert user is not None
    assert (user.id, user.public_id, user.name) == (user_id, "abcdefghijkl", "Ада")
    assert (user.email, user.handle, user.languages) == ("ada@example.org", "ada", ["ru"])
    assert (user.is_bot, user.is_private, user.revision) == (False, False, 0)
    assert user.last_active_at is None
    assert user.created_at == user.updated_at


def test_an_absent_user_is_none(db: Database) -> None:
    assert db.users.find_by_id(2**63 - 1) is None
    assert db.users.find_by_public_id("zzzzzzzzzzzz") is None
    assert db.users.find_by_email("nobody@example.org") is None
    assert db.users.find_by_handle("nobody") is None
    assert db.users.find_with_teams("zzzzzzzzzzzz") is None


def test_find_by_public_id(db: Database, make: Factory) -> None:
    make.user()
    user_id = make.user(public_id="abcdefghijkl")
    user = db.users.find_by_public_id("abcdefghijkl")
    assert user is not None
    assert user.id == user_id


@pytest.mark.parametrize("spelling", ["ada@example.org", "Ada@Example.ORG", "ADA@EXAMPLE.ORG"])
def test_find_by_email_ignores_case(db: Database, make: Factory, spelling: str) -> None:
    user_id = make.user(email="ada@example.org")
    user = db.users.find_by_email(spelling)
    assert user is not None
    assert user.id == user_id


def test_find_by_email_ignores_how_an_accent_is_composed(db: Database, make: Factory) -> None:
    user_id = make.user(email="zo\u00eb@example.org")
    user = db.users.find_by_email("ZOE\u0308@example.org")
    assert user is not None
    assert user.id == user_id


def test_find_by_handle_ignores_case(db: Database, make: Factory) -> None:
    user_id = make.user(handle="ada")
    user = db.users.find_by_handle("AdA")
    assert user is not None
    assert user.id == user_id


def test_find_with_teams_counts_members_and_lists_the_newest_first(
    db: Database, make: Factory
) -> None:
    ada, bob = make.user(public_id="adaadaadaada"), make.user()
    shared, alone = make.team(handle="shared"), make.team(name="Alone", is_private=True)
    make.member(shared, ada, created_at="2026-01-01Z", is_admin=True)
    make.member(shared, bob)
    make.member(alone, ada, created_at="2026-01-02Z")
    user = db.users.find_with_teams("adaadaadaada")
    assert user is not None
    assert user.id == ada
    first, second = user.memberships
    assert (first.team.name, first.team.member_count, first.is_admin) == ("Alone", 1, False)
    assert (second.team.handle, second.team.member_count, second.is_admin) == ("shared", 2, True)
    assert first.team.is_private
    assert first.created_at > second.created_at


def test_find_with_teams_of_a_user_without_teams_has_no_memberships(
    db: Database, make: Factory
) -> None:
    make.user(public_id="adaadaadaada")
    user = db.users.find_with_teams("adaadaadaada")
    assert user is not None
    assert user.memberships == []


@pytest.mark.parametrize("id", [0, -1, 2**63, True, 1.0, "1", None])
def test_what_is_no_id_is_refused(unopened: Database, id: int) -> None:
    with pytest.raises(InvalidInput, match=r"\Aid: must be"):
        unopened.users.find_by_id(id)


@pytest.mark.parametrize("text", ["x" * 321, "nul\0", "\ud800", b"bytes", None])
def test_text_that_cannot_be_looked_up_is_refused(unopened: Database, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"\Apublic_id: must"):
        unopened.users.find_by_public_id(text)
    with pytest.raises(InvalidInput, match=r"\Apublic_id: must"):
        unopened.users.find_with_teams(text)
    with pytest.raises(InvalidInput, match=r"\Aemail: must"):
        unopened.users.find_by_email(text)
    with pytest.raises(InvalidInput, match=r"\Ahandle: must"):
        unopened.users.find_by_handle(text)
