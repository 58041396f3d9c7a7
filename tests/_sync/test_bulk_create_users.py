# Generated from tests/_async/test_bulk_create_users.py by tools/unasync.py. Do not edit.
"""Users in bulk: what is theirs alone; the rest is in test_loading.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    BulkFailure,
    BulkRefused,
    BulkResult,
    CreateUser,
    Database,
    User,
)

from ._compat import Started, gather, until_waiting


def user(number: int, **values: Any) -> CreateUser:
    return CreateUser(**{"public_id": f"{number:012d}", "name": "Ada", **values})


def taken(index: int, key: str) -> BulkFailure:
    what = {"public_id": "public id", "email": "e-mail address"}.get(key, key)
    return BulkFailure(index, None, f"users_{key}_key", f"the {what} is taken")


def count(admin: Connection[Any]) -> int:
    row = admin.execute("SELECT count(*) FROM users").fetchone()
    assert row is not None
    return int(row[0])


def without_identity(row: User | None) -> dict[str, Any]:
    assert row is not None
    values = msgspec.structs.asdict(row)
    return {
        name: value
        for name, value in values.items()
        if name not in ("id", "public_id", "created_at", "updated_at", "email", "handle")
    }


def test_users_are_created_as_one_by_one(admin: Connection[Any], db: Database) -> None:
    values: dict[str, Any] = {
        "name": "Élise Straße",
        "is_bot": True,
        "is_private": True,
        "languages": ["zh-hant-tw", "EN", "en"],
    }
    given = [
        CreateUser(email="ÉLISE@Example.org", handle="Elise_1", **values),
        CreateUser(name="Plain"),
    ]
    ids: list[int] = []
    result = db.users.bulk_create(given, on_inserted=ids.extend)
    assert result == BulkResult(2, 2, 0, 0, [])
    made = {row.name: row for row in db.users.find_many_by_id(ids)}
    elise, plain = made["Élise Straße"], made["Plain"]
    assert (elise.email, elise.handle) == ("élise@example.org", "elise_1")
    assert (plain.email, plain.handle) == (None, None)
    assert len(plain.public_id) == 12
    alone = db.users.create(CreateUser(email="b@example.org", handle="other", **values))
    assert without_identity(elise) == without_identity(alone)
    assert without_identity(plain) == without_identity(db.users.create(CreateUser(name="Plain")))
    folded = admin.execute("SELECT DISTINCT name_folded FROM users ORDER BY 1").fetchall()
    assert folded == [("plain",), ("élise strasse",)]


def test_users_that_cannot_be_created_are_reported(admin: Connection[Any], db: Database) -> None:
    db.users.bulk_create([user(1, email="a@example.org", handle="ada")])
    given: list[Any] = [
        user(1, email="free@example.org"),
        user(2, email="A@example.org"),
        user(3, handle="ADA"),
        user(4, email="b@example.org", handle="bob"),
        user(4, email="c@example.org"),
        user(5, email="B@example.org"),
        user(6, handle="Bob"),
        user(7),
        user(8),
        CreateUser(name=""),
        CreateUser(name="Ada", email="no address"),
        CreateUser(name="Ada", handle="x"),
        CreateUser(name="Ada", languages=["no language"]),
        CreateUser(name="Ada", public_id="short"),
        CreateUser(name="nul\0"),
        7,
    ]
    result = db.users.bulk_create(given, on_duplicate="error")
    assert (result.read, result.inserted, result.updated, result.skipped) == (16, 3, 0, 0)
    assert result.failures[:6] == [
        taken(0, "public_id"),
        taken(1, "email"),
        taken(2, "handle"),
        taken(4, "public_id"),
        taken(5, "email"),
        taken(6, "handle"),
    ]
    assert [(failure.index, failure.field) for failure in result.failures[6:]] == [
        (9, "name"),
        (10, "email"),
        (11, "handle"),
        (12, "languages"),
        (13, "public_id"),
        (14, "name"),
        (15, "user"),
    ]
    assert "example.org" not in repr(result)
    assert count(admin) == 4
    skipped = db.users.bulk_create(given)
    # Those of 1 and 4 are there; the others of the first seven are in conflict as before.
    assert (skipped.read, skipped.inserted, skipped.skipped) == (16, 0, 5)
    assert skipped.failures[:4] == [
        taken(1, "email"),
        taken(2, "handle"),
        taken(5, "email"),
        taken(6, "handle"),
    ]
    assert count(admin) == 4


def test_no_user_fails_because_of_one_that_fails(admin: Connection[Any], db: Database) -> None:
    db.users.bulk_create([user(0, handle="ada", email="a@example.org")])
    given = [
        # In conflict with the database: its address is free.
        user(1, email="b@example.org", handle="ada"),
        user(2, email="b@example.org", handle="bob"),
        # In conflict with the row before: its address is free.
        user(3, email="c@example.org", handle="bob"),
        user(4, email="c@example.org"),
        # The same user once more, whose address is another's by then: the handle is free.
        user(3, email="c@example.org", handle="carl"),
        user(5, handle="carl"),
    ]
    result = db.users.bulk_create(given)
    assert (result.read, result.inserted, result.skipped) == (6, 3, 0)
    assert result.failures == [taken(0, "handle"), taken(2, "handle"), taken(4, "email")]
    public_ids = admin.execute("SELECT public_id FROM users ORDER BY public_id").fetchall()
    assert [int(public_id) for (public_id,) in public_ids] == [0, 2, 4, 5]


@pytest.mark.parametrize("key", ["email", "handle"])
def test_users_without_an_address_or_handle_are_not_in_conflict(db: Database, key: str) -> None:
    values = {key: {"email": "a@example.org", "handle": "ada"}[key]}
    given = [user(1), user(2), user(3, **values), user(4, **values), user(5)]
    assert db.users.bulk_create(given) == BulkResult(5, 4, 0, 0, [taken(3, key)])


def test_no_duplicate_fails_because_of_one_that_fails(db: Database) -> None:
    given = [
        user(1, handle="ada"),
        user(2, handle="ada"),
        user(2, handle="bob"),
        user(3, handle="bob"),
    ]
    result = db.users.bulk_create(given, on_duplicate="error")
    assert (result.read, result.inserted) == (4, 2)
    assert result.failures == [taken(1, "handle"), taken(3, "handle")]


def test_a_duplicate_that_fails_takes_no_key(db: Database) -> None:
    given = [user(1), user(1, handle="ada"), user(2, handle="ada")]
    result = db.users.bulk_create(given, on_duplicate="error")
    assert result == BulkResult(3, 2, 0, 0, [taken(1, "public_id")])


def test_a_duplicate_that_is_written_takes_its_keys(db: Database) -> None:
    given = [user(1), user(1, handle="ada"), user(2, handle="ada")]
    result = db.users.bulk_create(given, on_duplicate="update")
    assert result == BulkResult(3, 1, 0, 1, [taken(2, "handle")])


def test_a_long_chain_of_conflicts_is_decided(admin: Connection[Any], db: Database) -> None:
    # Each row is in conflict with the one before it alone.
    given = [
        user(number, email=f"{(number + 1) // 2}@example.org", handle=f"h_{number // 2}")
        for number in range(120)
    ]
    result = db.users.bulk_create(given)
    assert (result.read, result.inserted, result.skipped) == (120, 60, 0)
    assert [failure.index for failure in result.failures] == list(range(1, 120, 2))
    assert {failure.constraint for failure in result.failures} == {"users_handle_key"}
    assert count(admin) == 60


def test_skip_keeps_the_first_and_what_is_there(db: Database) -> None:
    db.users.bulk_create([user(1, name="There", email="a@example.org")])
    given = [
        user(1, email="a@example.org"),
        user(2, name="First", email="b@example.org", handle="bob"),
        user(2, name="Second", email="b@example.org", handle="bob"),
    ]
    assert db.users.bulk_create(given) == BulkResult(3, 1, 0, 2, [])
    for number, name in ((1, "There"), (2, "First")):
        row = db.users.find_by_public_id(f"{number:012d}")
        assert row is not None
        assert (row.name, row.revision) == (name, 0)


def test_users_that_are_there_are_updated(admin: Connection[Any], db: Database) -> None:
    db.users.bulk_create(
        [
            user(1, email="a@example.org", handle="ada", languages=["en"]),
            user(2, email="b@example.org"),
        ]
    )
    before = db.users.find_by_public_id("000000000001")
    given = [
        user(1, name="First", email="x@example.org"),
        user(1, name="Straße", email="a@example.org", is_bot=True, is_private=True),
        user(2, email="A@example.org"),
        user(3, handle="carl"),
    ]
    result = db.users.bulk_create(given, on_duplicate="update")
    assert result == BulkResult(4, 1, 1, 1, [taken(2, "email")])
    after = db.users.find_by_public_id("000000000001")
    assert before is not None
    assert after is not None
    assert after.updated_at > before.updated_at
    assert after == msgspec.structs.replace(
        before,
        name="Straße",
        handle=None,
        is_bot=True,
        is_private=True,
        languages=[],
        revision=1,
        updated_at=after.updated_at,
    )
    folded = admin.execute("SELECT name_folded FROM users WHERE id = %s", (after.id,))
    assert folded.fetchone() == ("strasse",)
    again = db.users.bulk_create(
        [user(1, handle="new", languages=["pt-br"])], on_duplicate="update"
    )
    assert again == BulkResult(1, 0, 1, 0, [])
    changed = db.users.find_by_handle("new")
    assert changed is not None
    assert (changed.id, changed.email, changed.languages) == (before.id, None, ["pt-BR"])


def test_what_a_user_gives_up_is_taken_in_the_same_batch(db: Database) -> None:
    db.users.bulk_create([user(1, handle="ada"), user(2, handle="bob")])
    given = [user(1, handle="bob"), user(2, handle="ada")]
    result = db.users.bulk_create(given, on_duplicate="update")
    assert (result.updated, result.failures) == (0, [taken(0, "handle"), taken(1, "handle")])
    given = [user(1), user(2, handle="ada")]
    result = db.users.bulk_create(given, on_duplicate="update", batch_size=1)
    assert (result.updated, result.failures) == (2, [])


def test_loads_in_opposite_order_both_end(admin: Connection[Any], db: Database) -> None:
    given = [user(number, email=f"{number}@example.org") for number in range(500)]
    results = gather(
        lambda: db.users.bulk_create(given),
        lambda: db.users.bulk_create(given[::-1]),
        lambda: db.users.bulk_create(given, on_duplicate="update"),
    )
    assert sum(result.inserted for result in results) == 500
    assert all(result.read == 500 and not result.failures for result in results)
    assert all(r.inserted + r.updated + r.skipped == 500 for r in results)
    assert count(admin) == 500


def test_loads_that_take_the_same_addresses_in_opposite_order_both_end(
    admin: Connection[Any], db: Database
) -> None:
    results = gather(
        lambda: db.users.bulk_create(user(n, email=f"{n}@example.org") for n in range(500)),
        lambda: db.users.bulk_create(
            user(1000 + n, email=f"{499 - n}@example.org") for n in range(500)
        ),
    )
    assert sum(result.inserted for result in results) == 500
    assert sum(len(result.failures) for result in results) == 500
    assert all(result.inserted + len(result.failures) == 500 for result in results)
    assert count(admin) == 500


@pytest.mark.parametrize("ends", ["commit", "rollback"])
@pytest.mark.parametrize("key", ["email", "handle", "public_id"])
def test_a_key_that_is_taken_meanwhile_is_seen(
    admin: Connection[Any], db: Database, database_url: str, ends: str, key: str
) -> None:
    given = [user(1), user(2, email="a@example.org", handle="ada"), user(3)]
    row = {"public_id": "z" * 12, "email": None, "handle": None}
    row[key] = {"email": "a@example.org", "handle": "ada", "public_id": f"{2:012d}"}[key]
    with psycopg.connect(database_url) as other:
        other.execute(
            "INSERT INTO users (name, public_id, email, handle)"
            " VALUES ('Rival', %(public_id)s, %(email)s, %(handle)s)",
            row,
        )
        load = Started(lambda: db.users.bulk_create(given, on_duplicate="error"))
        until_waiting(admin)
        getattr(other, ends)()
    result = load.result()
    if ends == "rollback":
        assert result == BulkResult(3, 3, 0, 0, [])
    else:
        assert result == BulkResult(3, 2, 0, 0, [taken(1, key)])
    assert count(admin) == 3


def test_all_or_nothing_in_a_transaction(
    admin: Connection[Any], db: Database, make: Factory
) -> None:
    make.user(handle="ada")

    def given() -> Iterator[CreateUser]:
        yield from (user(100 + number) for number in range(25))
        yield user(200, handle="ada")

    with db.transaction() as tx:
        with pytest.raises(BulkRefused) as caught:
            tx.users.bulk_create(given(), all_or_nothing=True, batch_size=10)
        assert caught.value.result == BulkResult(26, 25, 0, 0, [taken(25, "handle")])
        result = tx.users.bulk_create(given(), batch_size=10)
        assert result == BulkResult(26, 25, 0, 0, [taken(25, "handle")])
        assert count(admin) == 1
    assert count(admin) == 26
