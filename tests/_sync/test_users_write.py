# Generated from tests/_async/test_users_write.py by tools/unasync.py. Do not edit.
"""Users: creating, changing, deleting and listing them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AlreadyExists,
    Conflict,
    CreateUser,
    Database,
    InvalidInput,
    NotFound,
    Timeout,
    UpdateUser,
)

from ._compat import Started, gather, until_waiting


def test_create_returns_the_row(db: Database) -> None:
    user = db.users.create(
        CreateUser(
            name="Zoë 😀",
            public_id="abcdefghijkl",
            email="ZOE\u0308@Example.org",
            handle="ZoE_1",
            is_bot=True,
            is_private=False,
            languages=["en", "pt-BR"],
        )
    )
    assert (user.public_id, user.name) == ("abcdefghijkl", "Zoë 😀")
    assert (user.email, user.handle) == ("zo\u00eb@example.org", "zoe_1")
    assert (user.is_bot, user.is_private, user.languages) == (True, False, ["en", "pt-BR"])
    assert (user.revision, user.last_active_at) == (0, None)
    assert db.users.find_by_id(user.id) == user


def test_create_makes_a_public_id(db: Database) -> None:
    first = db.users.create(CreateUser(name="Ada"))
    second = db.users.create(CreateUser(name="Ada"))
    assert re.fullmatch("[0-9a-z]{12}", first.public_id)
    assert first.public_id != second.public_id


@pytest.mark.parametrize(
    ("field", "constraint"),
    [
        ("public_id", "users_public_id_key"),
        ("email", "users_email_key"),
        ("handle", "users_handle_key"),
    ],
)
def test_what_is_taken_already_exists(db: Database, field: str, constraint: str) -> None:
    taken = {"public_id": "abcdefghijkl", "email": "ada@example.org", "handle": "ada"}
    db.users.create(CreateUser(name="Ada", **{field: taken[field]}))  # type: ignore[arg-type]
    with pytest.raises(AlreadyExists) as caught:
        db.users.create(CreateUser(name="Eve", **{field: taken[field]}))  # type: ignore[arg-type]
    assert caught.value.constraint == constraint
    assert caught.value.query == "users.create"
    assert taken[field] not in str(caught.value)


def test_update_changes_the_fields_given_alone(db: Database) -> None:
    user = db.users.create(CreateUser(name="Ada", handle="ada", email="ada@example.org"))
    changes = UpdateUser(name="Ada L.", handle=None, languages=["el"])
    changed = db.users.update(user.id, changes)
    assert changed is not None
    assert (changed.name, changed.handle, changed.email) == ("Ada L.", None, "ada@example.org")
    assert changed.languages == ["el"]
    assert changed.revision == 1
    assert changed.updated_at > user.updated_at
    assert changed.created_at == user.created_at
    assert db.users.find_by_id(user.id) == changed


def test_update_of_an_absent_user_is_none(db: Database) -> None:
    assert db.users.update(1, UpdateUser(name="Ada")) is None
    assert db.users.update(1, UpdateUser(name="Ada"), expected_revision=0) is None


def test_update_of_another_revision_is_a_conflict_and_changes_nothing(
    db: Database,
) -> None:
    user = db.users.create(CreateUser(name="Ada"))
    db.users.update(user.id, UpdateUser(name="Bea"), expected_revision=0)
    with pytest.raises(Conflict, match=r"users\.update: the row has revision 1, not 0") as caught:
        db.users.update(user.id, UpdateUser(name="Eve"), expected_revision=0)
    assert (caught.value.expected_revision, caught.value.actual_revision) == (0, 1)
    found = db.users.find_by_id(user.id)
    assert found is not None
    assert (found.name, found.revision) == ("Bea", 1)


def test_update_to_what_is_taken_already_exists(db: Database) -> None:
    db.users.create(CreateUser(name="Ada", handle="ada"))
    user = db.users.create(CreateUser(name="Eve", handle="eve"))
    with pytest.raises(AlreadyExists) as caught:
        db.users.update(user.id, UpdateUser(handle="ADA"))
    assert caught.value.constraint == "users_handle_key"


def test_a_second_update_waits_and_keeps_the_change_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user(name="Ada", handle="ada")
    with admin.transaction():
        admin.execute(
            "UPDATE users SET name = 'Bea', revision = revision + 1 WHERE id = %s", (user_id,)
        )
        second = Started(lambda: db.users.update(user_id, UpdateUser(handle="bea")))
        until_waiting(admin)
    changed = second.result()
    assert changed is not None
    assert (changed.name, changed.handle, changed.revision) == ("Bea", "bea", 2)


def test_a_second_update_that_waited_sees_the_revision_of_the_first(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    with admin.transaction():
        admin.execute("UPDATE users SET revision = revision + 1 WHERE id = %s", (user_id,))
        second = Started(
            lambda: db.users.update(user_id, UpdateUser(name="Eve"), expected_revision=0)
        )
        until_waiting(admin)
    with pytest.raises(Conflict):
        second.result()


def test_of_eight_updates_of_one_revision_one_wins(db: Database) -> None:
    user = db.users.create(CreateUser(name="Ada"))

    def rename() -> bool:
        try:
            db.users.update(user.id, UpdateUser(name="Bea"), expected_revision=0)
        except Conflict:
            return False
        return True

    assert sorted(gather(*[rename] * 8)) == [False] * 7 + [True]


def test_update_last_active_is_no_change_of_the_user(db: Database) -> None:
    user = db.users.create(CreateUser(name="Ada"))
    db.users.update_last_active(user.public_id)
    found = db.users.find_by_id(user.id)
    assert found is not None
    assert found.last_active_at is not None
    assert (found.revision, found.updated_at) == (user.revision, user.updated_at)


def test_update_last_active_of_an_absent_user_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound) as caught:
        db.users.update_last_active("zzzzzzzzzzzz")
    assert caught.value.query == "users.update_last_active"


def test_delete_takes_memberships_and_runs_along(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id = make.user()
    make.member(make.team(created_by_id=user_id), user_id)
    run_id = make.run(user_id)
    make.run_step(user_id, run_id, 1)
    authored = make.resource(created_by_id=user_id)
    assert db.users.delete(user_id) is True
    assert db.users.delete(user_id) is False
    for table in ("users", "members", "runs", "run_steps"):
        assert admin.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    resource = db.resources.find_by_id(authored)
    assert resource is not None
    assert resource.created_by_id is None


def test_delete_lowers_the_counters_of_the_bookmarked_resources(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    ada, bob = make.user(), make.user()
    both, one = make.resource(bookmarks=2), make.resource(bookmarks=1)
    for user_id, resource_id in ((ada, both), (bob, both), (ada, one)):
        admin.execute(
            "INSERT INTO bookmarks (user_id, resource_id) VALUES (%s, %s)", (user_id, resource_id)
        )
    assert db.users.delete(ada)
    rows = admin.execute("SELECT id, bookmarks, revision FROM resources ORDER BY id").fetchall()
    assert rows == [(both, 1, 0), (one, 0, 0)]


def test_delete_counts_a_bookmark_added_while_it_waited(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    user_id, resource_id = make.user(), make.resource()
    with admin.transaction():
        admin.execute(
            "INSERT INTO bookmarks (user_id, resource_id) VALUES (%s, %s)", (user_id, resource_id)
        )
        admin.execute("UPDATE resources SET bookmarks = bookmarks + 1")
        deletion = Started(lambda: db.users.delete(user_id))
        until_waiting(admin)
    assert deletion.result() is True
    assert admin.execute("SELECT bookmarks FROM resources").fetchone() == (0,)


def test_delete_counts_all_bookmarks_though_a_resource_changes_while_it_waits(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    # Enough rows that the planner uses the index.
    admin.execute(
        "INSERT INTO resources (public_id, resource_type)"
        " SELECT lpad(number::text, 12, 'x'), 'Note' FROM generate_series(1, 2000) AS number"
    )
    admin.execute("ANALYZE resources")
    user_id = make.user()
    marked = [make.resource(bookmarks=1) for _ in range(4)]
    for resource_id in marked:
        make.bookmark(user_id, resource_id)
    with admin.transaction():
        admin.execute("UPDATE resources SET views = views + 1 WHERE bookmarks = 1")
        deletion = Started(lambda: db.users.delete(user_id))
        until_waiting(admin)
    assert deletion.result() is True
    assert admin.execute("SELECT DISTINCT bookmarks FROM resources").fetchall() == [(0,)]


@pytest.fixture
def in_batches_of_two(unopened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(unopened.users.delete.__globals__, "_BATCH_SIZE", 2)


def user_with_many_rows(make: Factory, other: int) -> tuple[int, list[int]]:
    """Make a user with more of everything than one batch holds; return the bookmarked resources."""
    user_id = make.user()
    marked = [make.resource(bookmarks=2, created_by_id=user_id) for _ in range(3)]
    marked += [make.resource(bookmarks=2) for _ in range(3)]
    for resource_id in marked:
        make.bookmark(user_id, resource_id)
        make.bookmark(other, resource_id)
    for _ in range(3):
        make.resource(is_deleted=True, deleted_at="2026-01-01Z", deleted_by_id=user_id)
        run_id = make.run(user_id)
        make.run_step(user_id, run_id, 1)
        make.run_io(user_id, run_id, "input", "a", 1)
    return user_id, marked


def remaining_rows(admin: Connection[Any], user_id: int) -> dict[str, int]:
    """Count the rows of a user in each table."""
    found = {}
    for what, where in (
        ("users", "id"),
        ("bookmarks", "user_id"),
        ("runs", "user_id"),
        ("run_steps", "user_id"),
        ("run_io", "user_id"),
        ("resources", "created_by_id"),
        ("resources", "deleted_by_id"),
    ):
        query = f"SELECT count(*) FROM {what} WHERE {where} = %s"
        ((found[f"{what}.{where}"],),) = admin.execute(query.encode(), (user_id,)).fetchall()
    return found


def miscounted(admin: Connection[Any]) -> list[Any]:
    """Return the bookmarked resources whose counter is wrong."""
    return admin.execute(
        "SELECT id, resources.bookmarks, count(*) FROM resources INNER JOIN bookmarks"
        " ON resource_id = id GROUP BY id HAVING resources.bookmarks <> count(*)"
    ).fetchall()


@pytest.mark.usefixtures("in_batches_of_two")
def test_delete_in_batches_leaves_nothing_and_changes_nobody_elses(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    other = make.user()
    user_id, _ = user_with_many_rows(make, other)
    changes = "SELECT id, revision, updated_at FROM resources ORDER BY id"
    before = admin.execute(changes).fetchall()
    assert db.users.delete(user_id) is True
    assert set(remaining_rows(admin, user_id).values()) == {0}
    assert remaining_rows(admin, other)["bookmarks.user_id"] == 6
    assert miscounted(admin) == []
    assert admin.execute(changes).fetchall() == before
    assert db.users.delete(user_id) is False


@pytest.mark.usefixtures("in_batches_of_two")
def test_what_one_batch_locks_is_free_before_the_next(
    db: Database, admin: Connection[Any], make: Factory, database_url: str
) -> None:
    other = make.user()
    user_id, marked = user_with_many_rows(make, other)
    with psycopg.connect(database_url, autocommit=True) as elsewhere:
        with admin.transaction():
            admin.execute("UPDATE resources SET views = views + 1 WHERE id = %s", (marked[4],))
            deletion = Started(lambda: db.users.delete(user_id))
            until_waiting(admin)
            # Four bookmarks are gone, and whoever looks at their resources waits for nobody.
            free = "SELECT FROM resources WHERE id = ANY(%s) FOR UPDATE NOWAIT"
            assert elsewhere.execute(free, (marked[:4],)).rowcount == 4
            assert remaining_rows(elsewhere, user_id)["bookmarks.user_id"] == 2
            assert miscounted(elsewhere) == []
        assert deletion.result() is True
    assert set(remaining_rows(admin, user_id).values()) == {0}
    assert miscounted(admin) == []
    row = admin.execute("SELECT views, bookmarks FROM resources WHERE id = %s", (marked[4],))
    assert row.fetchone() == (1, 1)


@pytest.mark.usefixtures("in_batches_of_two")
def test_an_interrupted_deletion_is_consistent_and_continues_when_called_again(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    other = make.user()
    user_id, marked = user_with_many_rows(make, other)
    with admin.transaction():
        admin.execute("UPDATE resources SET views = views + 1 WHERE id = %s", (marked[4],))
        deletion = Started(lambda: db.users.delete(user_id))
        until_waiting(admin)
        admin.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with pytest.raises(Timeout):
            deletion.result()
    left = remaining_rows(admin, user_id)
    assert left["users.id"] == 1
    assert left["bookmarks.user_id"] == 2
    assert miscounted(admin) == []
    assert db.users.delete(user_id) is True
    assert set(remaining_rows(admin, user_id).values()) == {0}
    assert miscounted(admin) == []


@pytest.mark.usefixtures("in_batches_of_two")
def test_a_deletion_inside_a_transaction_is_atomic(
    db: Database, admin: Connection[Any], make: Factory
) -> None:
    other = make.user()
    user_id, _ = user_with_many_rows(make, other)
    before = remaining_rows(admin, user_id)
    with pytest.raises(LookupError):
        with db.transaction() as tx:
            assert tx.users.delete(user_id) is True
            raise LookupError
    assert remaining_rows(admin, user_id) == before
    assert miscounted(admin) == []
    with db.transaction() as tx:
        assert tx.users.delete(user_id) is True
    assert set(remaining_rows(admin, user_id).values()) == {0}
    assert miscounted(admin) == []


def test_find_many_pages_through_everybody_who_is_not_private(db: Database, make: Factory) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    expected = [make.user(created_at=start + timedelta(days=n // 3)) for n in range(11)][::-1]
    make.user(is_private=True)
    found: list[int] = []
    cursor = None
    while True:
        page = db.users.find_many(cursor=cursor, limit=4)
        found += [user.id for user in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == expected
    back = db.users.find_many(cursor=page.previous_cursor, limit=4)
    assert [user.id for user in back.items] == expected[4:8]


def test_find_many_keep_the_order_and_leave_out_absent_ones(db: Database, make: Factory) -> None:
    public_ids = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")
    a, b, c = (make.user(public_id=public_id) for public_id in public_ids)
    some = db.users.find_many_by_id([c, c + 1, a, b, c])
    assert [user.id for user in some] == [c, a, b, c]
    assert db.users.find_many_by_id([]) == []
    wanted = ["cccccccccccc", "absent", "aaaaaaaaaaaa", "cccccccccccc"]
    found = db.users.find_many_by_public_id(wanted)
    assert [user.public_id for user in found] == ["cccccccccccc", "aaaaaaaaaaaa", "cccccccccccc"]
    assert db.users.find_many_by_public_id([]) == []


def test_bad_input_is_refused_before_any_statement(unopened: Database) -> None:
    users = unopened.users
    with pytest.raises(InvalidInput, match="user: must be a CreateUser, not UpdateUser"):
        users.create(UpdateUser(name="Ada"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="name: must have at least 1"):
        users.create(CreateUser(name=""))
    with pytest.raises(InvalidInput, match="name: must have at most 255"):
        users.create(CreateUser(name="x" * 256))
    with pytest.raises(InvalidInput, match="email: must have an @"):
        users.create(CreateUser(name="Ada", email="ada"))
    with pytest.raises(InvalidInput, match="handle: must be 3 to 30"):
        users.create(CreateUser(name="Ada", handle="a b"))
    with pytest.raises(InvalidInput, match="public_id: must be 12"):
        users.create(CreateUser(name="Ada", public_id="SHOUTING-ID1"))
    with pytest.raises(InvalidInput, match="languages: must be a language tag"):
        users.create(CreateUser(name="Ada", languages=["english please"]))
    with pytest.raises(InvalidInput, match="is_bot: must be a bool, not int"):
        users.create(CreateUser(name="Ada", is_bot=1))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="changes: must hold at least one field"):
        users.update(1, UpdateUser())
    with pytest.raises(InvalidInput, match="name: must be a str, not NoneType"):
        users.update(1, UpdateUser(name=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expected_revision: must be from 0"):
        users.update(1, UpdateUser(name="Ada"), expected_revision=-1)
    with pytest.raises(InvalidInput, match="public_ids: must be a list, not str"):
        users.find_many_by_public_id("abcdefghijkl")
    with pytest.raises(InvalidInput, match="public_ids: must have at most 10000 items"):
        users.find_many_by_public_id(["abcdefghijkl"] * 10_001)
    with pytest.raises(InvalidInput, match="ids: must be from 1 to"):
        users.find_many_by_id([1, 0])
    with pytest.raises(InvalidInput, match="ids: must have at most 10000 items"):
        users.find_many_by_id([1] * 10_001)


def test_languages_are_stored_in_their_casing_each_once(db: Database) -> None:
    user = db.users.create(CreateUser(name="Ada", languages=["pt-br", "PT-BR", "EN"]))
    assert user.languages == ["pt-BR", "en"]
    changed = db.users.update(user.id, UpdateUser(languages=["EN-us", "zh-HANS-cn"]))
    assert changed is not None
    assert changed.languages == ["en-US", "zh-Hans-CN"]
