# Generated from tests/_async/test_own_queries.py by tools/unasync.py. Do not edit.
"""Queries of an application: every guarantee of the package's own holds for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.app import SCHEMA, SQL
from tests.app.records import Author, Comment, CommentInAnotherOrder, NewComment, UpdateComment
from tests.factories import Factory
from tests.proxy import Proxy, Way, open_proxy
from vrooli_data import (
    AlreadyExists,
    CheckFailed,
    CommitUnknown,
    Conflict,
    CreateUser,
    Database,
    Executor,
    InvalidInput,
    InvalidUse,
    MissingReference,
    NotFound,
    QueryEvent,
    RecordMismatch,
    Repository,
    StillReferenced,
    queries,
)

from .comments import Comments

FIRST = NewComment(slug="first", body="First!")


@pytest.fixture(autouse=True)
def _table(admin: Connection[Any]) -> None:
    admin.execute(SCHEMA.read_bytes())


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between the layer and the server."""
    with open_proxy(database_url) as proxy:
        yield proxy


@contextmanager
def executor(db: Database, kind: str) -> Iterator[Executor]:
    """Give each of the three that a repository can be made on."""
    if kind == "database":
        yield db
    elif kind == "connection":
        with db.connection() as held:
            yield held
    else:
        with db.transaction() as tx:
            yield tx


KINDS = pytest.mark.parametrize("kind", ["database", "connection", "transaction"])


@KINDS
def test_every_verb_works_on_each_executor(db: Database, make: Factory, kind: str) -> None:
    user_id = make.user(public_id="a" * 12, name="Ada")
    with executor(db, kind) as on:
        comments = Comments(on)
        created = comments.create(NewComment(slug="first", body="First!", user_id=user_id))
        assert created.user_id == user_id
        assert created.created_at.tzinfo is UTC
        assert comments.find_by_id(created.id) == created
        assert comments.find_by_slug("first") == created
        assert comments.get_by_id(created.id) == created
        assert comments.find_by_id(created.id + 1) is None
        found = comments.find_with_author(created.id)
        assert found is not None
        assert found.author == Author("a" * 12, "Ada")
        second = comments.create(NewComment(slug="second", body="Second", user_id=user_id))
        assert comments.list_by_user(user_id) == [second, created]
        assert comments.list_by_user(user_id, limit=1) == [second]
        assert comments.count(user_id) == 2
        assert comments.last_slug(user_id) == "second"
        assert comments.slug_of(created.id) == "first"
        assert comments.like(user_id) == 2
        assert comments.like(user_id + 1) == 0
        assert (comments.get_by_id(created.id)).likes == 1
        assert comments.delete(second.id)
        assert not comments.delete(second.id)


def test_a_nested_record_may_be_absent(db: Database) -> None:
    comments = Comments(db)
    created = comments.create(FIRST)
    found = comments.find_with_author(created.id)
    assert found is not None
    assert found.author is None


def test_what_must_be_there_is_named_where_it_is_not(db: Database, make: Factory) -> None:
    comments = Comments(db)
    with pytest.raises(NotFound, match=r"comments\.find_by_id: there is no such row") as caught:
        comments.get_by_id(1)
    assert caught.value.query == "comments.find_by_id"
    with pytest.raises(NotFound, match=r"comments\.slug_of: there is no such value"):
        comments.slug_of(1)
    # A row whose one value is NULL has no value either.
    assert comments.last_slug(make.user()) is None


def test_a_transaction_is_the_one_of_the_package_s_own_repositories(
    db: Database,
) -> None:
    class UndoneError(Exception):
        pass

    with pytest.raises(UndoneError):
        with db.transaction() as tx:
            user = tx.users.create(CreateUser(name="Ada"))
            comment = NewComment(slug="first", body="First!", user_id=user.id)
            created = Comments(tx).create(comment)
            raise UndoneError
    assert Comments(db).find_by_id(created.id) is None
    assert db.users.find_by_id(user.id) is None


def test_parameters_go_by_place_by_name_and_as_a_struct(db: Database) -> None:
    comments = Comments(db)
    first = comments.create_of("first", "Hello", None, None)
    named = comments.create_of(slug="named", parent_id=first.id, user_id=None, body="Hello")
    mixed = comments.create_of("mixed", "Hello", parent_id=first.id, user_id=None)
    struct = comments.create_of(NewComment(slug="struct", body="Hello", parent_id=first.id))
    added = comments.create_of(NewComment(slug="added", body="Hello"), parent_id=first.id)
    assert [each.slug for each in (named, mixed, struct, added)] == [
        "named",
        "mixed",
        "struct",
        "added",
    ]
    assert {each.parent_id for each in (named, mixed, struct, added)} == {first.id}


class OneSlug(NewComment, frozen=True, kw_only=True):
    """A struct of more fields than there are parameters."""

    colour: str = "red"


@pytest.mark.parametrize(
    ("values", "named", "field", "told"),
    [
        (("a", "b", None), {}, "parent_id", "must be given to comments.create"),
        (("a", "b", None, None, 5), {}, "parameters", "takes 4"),
        (("a", "b", None, None), {"slug": "c"}, "slug", "is given twice"),
        ((), {"slug": "a", "body": "b", "user_id": None, "colour": 1}, "colour", "not a parameter"),
        ((FIRST,), {}, "parent_id", "must be given"),
        ((FIRST,), {"slug": "c", "parent_id": None}, "slug", "is given twice"),
        ((OneSlug(slug="a", body="b", parent_id=None),), {}, "colour", "is not a parameter"),
    ],
)
def test_a_parameter_is_given_exactly_once_or_no_statement_runs(
    unopened: Database,
    values: tuple[Any, ...],
    named: dict[str, Any],
    field: str,
    told: str,
) -> None:
    with pytest.raises(InvalidInput, match=told) as caught:
        Comments(unopened).create_of(*values, **named)
    assert caught.value.field == field


@KINDS
@pytest.mark.parametrize(
    "body",
    ["a\0b", "a\ud800b", object(), {"a": 1}, ["a", object()], datetime],
    ids=lambda each: type(each).__name__,
)
def test_what_cannot_be_sent_is_refused_by_name_and_harms_nothing(
    db: Database, kind: str, body: Any
) -> None:
    with executor(db, kind) as on:
        comments = Comments(on)
        with pytest.raises(
            InvalidInput, match="must be a value that PostgreSQL can store"
        ) as caught:
            comments.create_of("first", body, None, None)
        assert caught.value.field == "body"
        assert caught.value.__cause__ is None
        assert (comments.create(FIRST)).slug == "first"


def test_an_update_changes_the_fields_given_and_counts_them(db: Database) -> None:
    comments = Comments(db)
    created = comments.create(FIRST)
    changed = comments.update(
        created.id, UpdateComment(body="Edited"), expected_revision=created.revision
    )
    assert changed is not None
    assert (changed.body, changed.slug, changed.revision) == ("Edited", "first", 1)
    with pytest.raises(Conflict, match=r"comments\.update: the row has revision 1, not 0"):
        comments.update(created.id, UpdateComment(body="Late"), expected_revision=0)
    assert (comments.get_by_id(created.id)).body == "Edited"
    assert comments.update(created.id + 1, UpdateComment(body="None")) is None


@pytest.mark.parametrize("revision", [True, -1, "0", 2**31])
def test_a_revision_that_no_row_has_is_refused_before_any_statement(
    unopened: Database, revision: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Comments(unopened).update(1, UpdateComment(body="x"), expected_revision=revision)
    assert caught.value.field == "expected_revision"


def test_errors_are_of_the_package_s_classes_and_name_query_and_constraint(
    db: Database, make: Factory
) -> None:
    comments = Comments(db)
    created = comments.create(FIRST)
    with pytest.raises(AlreadyExists) as taken:
        comments.create(FIRST)
    assert taken.value.query == "comments.create"
    assert taken.value.constraint == "comments_slug_key"
    assert taken.value.field == "slug"
    with pytest.raises(CheckFailed) as failed:
        comments.create(NewComment(slug="x", body=""))
    assert failed.value.constraint == "comments_body_check"
    with pytest.raises(MissingReference) as missing:
        comments.create(NewComment(slug="x", body="x", user_id=make.user() + 1))
    assert missing.value.field == "user_id"
    comments.create_of("answer", "x", None, created.id)
    with pytest.raises(StillReferenced) as referenced:
        comments.delete(created.id)
    assert referenced.value.constraint == "comments_parent_id_fkey"
    assert referenced.value.query == "comments.delete"


def test_a_record_that_is_not_of_the_columns_is_reported_at_the_first_run(
    db: Database,
) -> None:
    find = queries(SQL).bind("find_by_id", CommentInAnotherOrder)
    with pytest.raises(RecordMismatch, match=r"comments\.find_by_id returns the columns \(id, "):
        Repository(db).find_one(find, 1)


def test_a_value_or_a_count_that_is_none_is_reported_at_the_first_run(
    db: Database, tmp_path: Any
) -> None:
    folder = tmp_path / "things"
    folder.mkdir()
    header = "-- Do it.\n-- Record: int\n-- Index:  none: no table\n-- Locks:  none\n"
    (folder / "all.sql").write_text(
        f"-- name: two()$\n{header}SELECT 1 AS one, 2 AS two;\n"
        f"-- name: rows()!\n{header}SELECT 1 AS one;\n"
    )
    sql = queries(folder)
    with pytest.raises(RecordMismatch, match=r"things\.two returns the columns \(one, two\)"):
        Repository(db).find_scalar(sql.scalar("two", int))
    with pytest.raises(RecordMismatch, match=r"things\.rows returns the columns \(one\)"):
        Repository(db).execute(sql.command("rows"))


def test_statements_carry_their_name_and_are_prepared_and_binary(
    db: Database, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    with db.connection() as held:
        comments = Comments(held)
        with trace.open("wb") as file:
            held.connection.pgconn.trace(file.fileno())
            text = comments.own_text()
            held.connection.pgconn.untrace()
        assert text.startswith("/* vrooli_data:comments.own_text */ SELECT")
        cursor = held.connection.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s",
            ("/* vrooli_data:comments.own_text */%",),
        )
        assert cursor.fetchone() == (1,)
    # A Bind ends with the formats of the columns: one, and that binary.
    assert re.findall(r"\tBind\t.* (\d+ \d+)$", trace.read_text(), re.MULTILINE) == ["1 1"]


def test_a_hook_hears_of_each_statement_with_its_name_and_rows(
    database_url: str, make: Factory
) -> None:
    events: list[QueryEvent] = []
    user_id = make.user()
    with Database.connect(database_url, on_query=events.append) as db:
        comments = Comments(db)
        for slug in ("a", "b", "c"):
            comments.create(NewComment(slug=slug, body="x", user_id=user_id))
        events.clear()
        comments.like(user_id)
        comments.list_by_user(user_id)
        comments.newest(limit=1)
        with pytest.raises(AlreadyExists):
            comments.create(NewComment(slug="a", body="x"))
    assert [(event.name, event.rows, event.sqlstate) for event in events] == [
        ("comments.like_by_user", 3, None),
        ("comments.list_by_user", 3, None),
        ("comments.find_newest", 2, None),
        ("comments.create", 0, "23505"),
    ]


@pytest.mark.parametrize("way", [Way.CUT_AFTER, Way.DROP_REPLY])
def test_a_lone_read_is_repeated_where_its_connection_is_lost(proxy: Proxy, way: Way) -> None:
    with Database.connect(proxy.url) as db:
        comments = Comments(db)
        created = comments.create(FIRST)
        proxy.fail_at(b"vrooli_data:comments.find_by_id", way)
        db_read = Database.connect(proxy.url, on_retry=lambda _: proxy.fail_no_more(), max_size=1)
        with db_read as again:
            assert Comments(again).find_by_id(created.id) == created
    assert proxy.failures > 0


@pytest.mark.parametrize("call", ["like", "create"])
def test_a_lone_write_whose_reply_is_lost_is_never_repeated(
    proxy: Proxy, admin: Connection[Any], make: Factory, call: str
) -> None:
    user_id = make.user()
    with Database.connect(proxy.url, prepare=False) as db:
        comments = Comments(db)
        comments.create(NewComment(slug="first", body="x", user_id=user_id))
        proxy.fail_at(b"vrooli_data:comments", Way.DROP_REPLY)
        with pytest.raises(CommitUnknown) as caught:
            if call == "like":
                comments.like(user_id)
            else:
                comments.create(NewComment(slug="second", body="x", user_id=user_id))
        assert caught.value.query == f"comments.{'like_by_user' if call == 'like' else call}"
    assert proxy.failures == 1
    total = admin.execute("SELECT count(*) + sum(likes) FROM comments").fetchone()
    assert total == (2,)


@KINDS
def test_several_queries_take_effect_together_or_not_at_all(db: Database, kind: str) -> None:
    with executor(db, kind) as on:
        comments = Comments(on)
        first = comments.create(FIRST)
        other = comments.create(NewComment(slug="other", body="x"))
        replaced = comments.replace(first.id, NewComment(slug="new", body="x"))
        assert comments.find_by_id(first.id) is None
        if kind != "transaction":
            with pytest.raises(AlreadyExists):
                comments.replace(other.id, NewComment(slug="new", body="x"))
            assert comments.find_by_id(other.id) == other
        assert comments.find_by_slug("new") == replaced


def test_a_repository_is_of_no_use_after_its_transaction(db: Database) -> None:
    with db.transaction() as tx:
        comments = Comments(tx)
    with pytest.raises(InvalidUse):
        comments.find_by_id(1)


def test_the_choice_by_extension_is_that_of_the_database(
    db: Database, admin: Connection[Any]
) -> None:
    found = admin.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'").fetchone()
    for kind in ("database", "connection", "transaction"):
        with executor(db, kind) as on:
            assert Repository(on).has_extension("pg_trgm") == (found == (1,))
            assert not Repository(on).has_extension("no_such_extension")


def test_pages_go_forward_and_back(db: Database) -> None:
    comments = Comments(db)
    created: list[Comment] = [comments.create(NewComment(slug=f"{n}", body="x")) for n in range(5)]
    first = comments.newest(limit=2)
    assert first.items == created[:-3:-1]
    second = comments.newest(limit=2, cursor=first.next_cursor)
    assert second.items == created[-3:-5:-1]
    assert comments.newest(limit=2, cursor=second.previous_cursor) == first
