"""Bulk loads of an application's own table: counts, failures, duplicates, batches, transactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.factories import Factory
from tests.notes import BULK_ADD, BULK_CREATE, SCHEMA, NewNote
from tests.proxy import Way, open_proxy
from vrooli_data import (
    AsyncDatabase,
    AsyncRepository,
    BulkFailure,
    BulkRefused,
    BulkResult,
    CheckFailed,
    CommitUnknown,
    DatabaseError,
    InvalidInput,
    QueryEvent,
    Unavailable,
)

from ._compat import Started, blocking, each_of, until_waiting

TOLD_NOBODY = "value-of-the-row"


@pytest.fixture(autouse=True)
def _table(admin: Connection[Any]) -> None:
    admin.execute(SCHEMA.read_bytes())


def slugs(admin: Connection[Any]) -> list[str]:
    return [slug for (slug,) in admin.execute("SELECT slug FROM notes ORDER BY slug")]


def count(admin: Connection[Any]) -> int:
    row = admin.execute("SELECT count(*) FROM notes").fetchone()
    assert row is not None
    return int(row[0])


def notes(number: int, **values: Any) -> Iterator[NewNote]:
    return (NewNote(slug=f"n{n:05d}", **values) for n in range(number))


def taken(index: int, key: str = "slug") -> BulkFailure:
    return BulkFailure(index, None, f"notes_{key}_key", f"the {key} is taken")


async def test_every_value_arrives(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    note = NewNote(
        slug="s", body="Ελληνικά 🚀", alias="a", author_id=ada, rank=7, data={"b": [1, None, "ü"]}
    )
    result = await AsyncRepository(db).load(BULK_CREATE, [note, NewNote(slug="t")])
    assert result == BulkResult(2, 2, 0, 0, [])
    rows = admin.execute(
        "SELECT slug, body, alias, author_id, rank, data FROM notes ORDER BY slug"
    ).fetchall()
    assert rows == [
        ("s", "Ελληνικά 🚀", "a", ada, 7, {"b": [1, None, "ü"]}),
        ("t", "", None, None, 0, None),
    ]


async def test_skip_keeps_the_first_and_what_is_there(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    repository = AsyncRepository(db)
    await repository.load(BULK_CREATE, [NewNote(slug="a", body="there")])
    given = [NewNote(slug=slug, body=str(n)) for n, slug in enumerate("abbcb")]
    result = await repository.load(BULK_CREATE, given)
    assert result == BulkResult(5, 2, 0, 3, [])
    rows = admin.execute("SELECT slug, body FROM notes ORDER BY slug").fetchall()
    assert rows == [("a", "there"), ("b", "1"), ("c", "3")]


async def test_update_takes_the_last(admin: Connection[Any], db: AsyncDatabase) -> None:
    repository = AsyncRepository(db)
    await repository.load(BULK_CREATE, [NewNote(slug="a", body="there")])
    given = [NewNote(slug=slug, body=str(n)) for n, slug in enumerate("abbcb")]
    result = await repository.load(BULK_CREATE, given, on_duplicate="update")
    assert result == BulkResult(5, 2, 1, 2, [])
    rows = admin.execute("SELECT slug, body FROM notes ORDER BY slug").fetchall()
    assert rows == [("a", "0"), ("b", "4"), ("c", "3")]


@pytest.mark.parametrize("load", [BULK_CREATE, BULK_ADD], ids=["found set-wise", "found by halves"])
async def test_error_makes_a_failure_of_each_duplicate(
    admin: Connection[Any], db: AsyncDatabase, load: Any
) -> None:
    repository = AsyncRepository(db)
    await repository.load(BULK_CREATE, [NewNote(slug="a", body="there")])
    given = [NewNote(slug=slug, body=str(n)) for n, slug in enumerate("abbcb")]
    result = await repository.load(load, given, on_duplicate="error")
    assert (result.read, result.inserted, result.updated, result.skipped) == (5, 2, 0, 0)
    assert [failure.index for failure in result.failures] == [0, 2, 4]
    if load is BULK_CREATE:
        assert result.failures == [taken(0), taken(2), taken(4)]
    rows = admin.execute("SELECT slug, body FROM notes ORDER BY slug").fetchall()
    assert rows == [("a", "there"), ("b", "1"), ("c", "3")]


async def test_each_row_that_breaks_a_constraint_is_reported_and_the_others_are_written(
    admin: Connection[Any], db: AsyncDatabase, make: Factory
) -> None:
    ada = make.user()
    await AsyncRepository(db).load(BULK_CREATE, [NewNote(slug="old", alias="mine")])
    given: list[Any] = [
        NewNote(slug="ok", author_id=ada, body=TOLD_NOBODY),
        NewNote(slug="no author", author_id=ada + 1, body=TOLD_NOBODY),
        NewNote(slug="no rank", rank=-1, body=TOLD_NOBODY),
        NewNote(slug="taken", alias="mine", body=TOLD_NOBODY),
        NewNote(slug="first", alias="both"),
        NewNote(slug="second", alias="both"),
        # The first of its slug fails, and so does not stand in its way.
        NewNote(slug="no rank", rank=1),
        NewNote(slug="nul", body="\0"),
        NewNote(slug="x" * 41),
        NewNote(slug="big", rank=2**31),
        NewNote(slug="big", author_id=2**63),
        NewNote(slug=7),  # type: ignore[arg-type]
        "no note",
        NewNote(slug="late"),
    ]
    result = await AsyncRepository(db).load(BULK_CREATE, given)
    assert (result.read, result.inserted, result.updated, result.skipped) == (14, 4, 0, 0)
    assert slugs(admin) == ["first", "late", "no rank", "ok", "old"]
    assert [(f.index, f.field, f.constraint) for f in result.failures] == [
        (1, None, "notes_author_id_fkey"),
        (2, None, "notes_rank_check"),
        (3, None, "notes_alias_key"),
        (5, None, "notes_alias_key"),
        (7, "body", None),
        (8, "slug", None),
        (9, "rank", None),
        (10, "author_id", None),
        (11, "slug", None),
        (12, "row", None),
    ]
    assert all(failure.reason for failure in result.failures)
    assert TOLD_NOBODY not in repr(result)


async def test_rows_are_found_by_halves_where_no_query_finds_them(
    admin: Connection[Any], database_url: str
) -> None:
    events: list[QueryEvent] = []
    bad = {0, 77, 130, 200, 201, 250, 310, 380, 420, 499}
    given = [NewNote(slug=f"n{n}", rank=-1 if n in bad else 1) for n in range(500)]
    async with AsyncDatabase.connect(database_url, on_query=events.append) as db:
        result = await AsyncRepository(db).load(BULK_ADD, given)
    assert (result.read, result.inserted, result.skipped) == (500, 490, 0)
    assert [(f.index, f.constraint) for f in result.failures] == [
        (n, "notes_rank_check") for n in sorted(bad)
    ]
    assert count(admin) == 490
    # A transaction spends 64 savepoints at most in search of them, beside the first attempts.
    tried = [0]
    for event in events:
        if event.name == "notes.bulk_add__stage":
            tried.append(0)
        tried[-1] += event.name == "notes.bulk_add__insert"
    assert len(tried) > 2
    assert max(tried) <= 64 + 4


async def test_too_many_refused_rows_of_one_transaction_undo_it(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    given = [NewNote(slug=f"n{n}", rank=-(n % 2)) for n in range(200)]
    with pytest.raises(CheckFailed) as caught:
        async with db.transaction() as tx:
            await AsyncRepository(tx).load(BULK_ADD, given)
    assert caught.value.constraint == "notes_rank_check"
    assert any("64 savepoints" in note for note in caught.value.__notes__)
    assert count(admin) == 0
    # Outside of a transaction, each of several looks for some.
    result = await AsyncRepository(db).load(BULK_ADD, given)
    assert (result.inserted, len(result.failures)) == (100, 100)


async def test_each_batch_is_committed_before_the_next_is_read(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    seen: list[int] = []

    def given() -> Iterator[NewNote]:
        for note in notes(25):
            seen.append(count(admin))
            yield note

    read: list[int] = []
    result = await AsyncRepository(db).load(
        BULK_CREATE, given(), batch_size=10, progress=read.append
    )
    assert result == BulkResult(25, 25, 0, 0, [])
    assert seen == [0] * 10 + [10] * 10 + [20] * 5
    assert read == [10, 20, 25]


async def test_any_iterable_will_do(admin: Connection[Any], db: AsyncDatabase) -> None:
    repository = AsyncRepository(db)
    first = await repository.load(BULK_CREATE, each_of(notes(25)), batch_size=10)
    second = await repository.load(BULK_CREATE, iter(list(notes(27))), batch_size=10)
    third = await repository.load(BULK_CREATE, ())
    assert [first.inserted, second.inserted, third.read] == [25, 2, 0]
    assert count(admin) == 27


async def test_the_ids_of_what_was_inserted_are_handed_over(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    batches: list[list[int]] = []
    repository = AsyncRepository(db)
    await repository.load(BULK_CREATE, notes(3))
    await repository.load(
        BULK_CREATE, notes(25), batch_size=10, on_duplicate="update", on_inserted=batches.append
    )
    assert [len(batch) for batch in batches] == [7, 10, 5]
    ids = [id for (id,) in admin.execute("SELECT id FROM notes ORDER BY slug OFFSET 3")]
    assert [id for batch in batches for id in batch] == ids


async def test_all_or_nothing_writes_nothing_where_a_row_fails(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    given = [*notes(25), NewNote(slug="bad", rank=-1), NewNote(slug="worse\0")]
    with pytest.raises(BulkRefused) as caught:
        await AsyncRepository(db).load(BULK_CREATE, given, batch_size=10, all_or_nothing=True)
    result = caught.value.result
    assert (result.read, result.inserted) == (27, 25)
    assert [failure.index for failure in result.failures] == [25, 26]
    assert count(admin) == 0
    whole = await AsyncRepository(db).load(
        BULK_CREATE, notes(25), batch_size=10, all_or_nothing=True
    )
    assert whole == BulkResult(25, 25, 0, 0, [])
    assert count(admin) == 25


async def test_in_a_transaction_it_is_a_part_of_it(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    async with db.transaction() as tx:
        repository = AsyncRepository(tx)
        await repository.load(BULK_CREATE, notes(15), batch_size=10)
        with pytest.raises(BulkRefused):
            await repository.load(
                BULK_CREATE,
                [NewNote(slug="a"), NewNote(slug="b", rank=-1)],
                all_or_nothing=True,
            )
        await repository.load(BULK_CREATE, [NewNote(slug="c")])
        assert count(admin) == 0
    assert len(slugs(admin)) == 16
    assert "a" not in slugs(admin)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await AsyncRepository(tx).load(BULK_CREATE, notes(30))
            _ = 1 / 0
    assert count(admin) == 16


async def test_a_held_connection_loads_and_a_transaction_that_was_begun_on_it(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    async with db.connection() as held:
        repository = AsyncRepository(held)
        await repository.load(BULK_CREATE, notes(5))
        assert count(admin) == 5
        async with held.connection.transaction(force_rollback=True):
            await repository.load(BULK_CREATE, notes(9), batch_size=3)
            assert count(admin) == 5
    assert count(admin) == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [("body", "secret \ud800"), ("slug", 5), ("rank", "secret"), ("author_id", 2**70)],
)
async def test_a_staged_value_that_cannot_be_sent_is_refused_by_name(
    db: AsyncDatabase, field: str, value: Any
) -> None:
    repository = AsyncRepository(db)
    given: dict[str, Any] = {"slug": "n", field: value}
    with pytest.raises(InvalidInput, match=rf"^{field}: must be a value for a column") as caught:
        await repository.load(BULK_CREATE, [given], stage=lambda each: NewNote(**each))
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert (await repository.load(BULK_CREATE, notes(1))).inserted == 1


async def test_a_batch_is_committed_when_a_hook_fails_after_it(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    def fail(ids: list[int]) -> None:
        raise LookupError(f"after {len(ids)} rows")

    with pytest.raises(LookupError, match="after 10 rows") as caught:
        await AsyncRepository(db).load(BULK_CREATE, notes(25), batch_size=10, on_inserted=fail)
    (note,) = caught.value.__notes__
    assert note.startswith("notes.bulk_create: the rows of the input before index 10 are committed")
    assert count(admin) == 10


async def test_on_query_counts_no_rows_of_a_copy_that_failed(database_url: str) -> None:
    events: list[QueryEvent] = []
    async with AsyncDatabase.connect(database_url, on_query=events.append) as db:
        with pytest.raises(DatabaseError) as caught:
            await AsyncRepository(db).load(
                BULK_CREATE, ["with a NUL"], stage=lambda body: NewNote(slug="n", body=body + "\0")
            )
    (copied,) = (event for event in events if event.name == "notes.bulk_create__copy")
    assert (copied.rows, copied.succeeded, copied.sqlstate) == (0, False, caught.value.sqlstate)


async def test_a_deadlock_repeats_the_insert_and_not_the_copy(
    admin: Connection[Any], database_url: str
) -> None:
    events: list[QueryEvent] = []
    async with AsyncDatabase.connect(database_url, on_query=events.append) as db:
        repository = AsyncRepository(db)
        await repository.load(BULK_CREATE, notes(2))
        events.clear()
        with psycopg.connect(database_url) as other:
            # The load is to be the one that notices.
            other.execute("SET deadlock_timeout = '60s'")
            other.execute("UPDATE notes SET body = 'other' WHERE slug = 'n00001'")
            load = Started(
                lambda: repository.load(BULK_CREATE, notes(3, body="load"), on_duplicate="update")
            )
            await until_waiting(admin)
            # The load holds this row and waits for the other; it gives way.
            await blocking(
                lambda: other.execute("UPDATE notes SET body = 'other' WHERE slug = 'n00000'")
            )
            other.commit()
        result = await load.result()
    assert result == BulkResult(3, 1, 2, 0, [])
    ran = Counter(event.name for event in events)
    assert ran["notes.bulk_create__copy"] == 1
    assert ran["notes.bulk_create__update"] >= 2
    assert [event for event in events if event.sqlstate == "40P01"]
    assert admin.execute("SELECT DISTINCT body FROM notes").fetchall() == [("load",)]


@pytest.mark.parametrize("ends", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("on_duplicate", "rival", "failures"),
    [
        ("skip", NewNote(slug="rival", alias="mine"), [taken(1, "alias")]),
        ("update", NewNote(slug="rival", alias="mine"), [taken(1, "alias")]),
        ("error", NewNote(slug="n00001"), [taken(1)]),
        ("skip", NewNote(slug="n00001"), []),
    ],
    ids=["alias and skip", "alias and update", "slug and error", "slug and skip"],
)
async def test_what_others_write_meanwhile_is_seen(  # noqa: PLR0917 (fixtures and a case)
    admin: Connection[Any],
    db: AsyncDatabase,
    database_url: str,
    ends: str,
    on_duplicate: Any,
    rival: NewNote,
    failures: list[BulkFailure],
) -> None:
    given = [NewNote(slug=f"n{n:05d}", alias="mine" if n == 1 else None) for n in range(3)]
    with psycopg.connect(database_url) as other:
        other.execute(
            "INSERT INTO notes (slug, body, alias, rank) VALUES (%s, '', %s, 0)",
            (rival.slug, rival.alias),
        )
        load = Started(
            lambda: AsyncRepository(db).load(BULK_CREATE, given, on_duplicate=on_duplicate)
        )
        await until_waiting(admin)
        getattr(other, ends)()
    result = await load.result()
    if ends == "rollback":
        assert result == BulkResult(3, 3, 0, 0, [])
    else:
        assert result == BulkResult(3, 2, 0, 1 - len(failures), failures)
    assert count(admin) == 3


async def test_an_error_says_how_far_the_load_had_come(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    def given() -> Iterator[NewNote]:
        yield from notes(25)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await AsyncRepository(db).load(BULK_CREATE, given(), batch_size=10)
    assert caught.value.__notes__[-1] == (
        "notes.bulk_create: the rows of the input before index 20 are committed, except for "
        "failures; the batch from index 20 was not completed"
    )
    assert count(admin) == 20


async def test_a_lost_connection_repeats_a_batch_and_never_a_whole_load(
    admin: Connection[Any], db: AsyncDatabase
) -> None:
    def given() -> Iterator[NewNote]:
        for n, note in enumerate(notes(25)):
            if n == 15:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            yield note

    repository = AsyncRepository(db)
    result = await repository.load(BULK_CREATE, given(), batch_size=10)
    assert result == BulkResult(25, 25, 0, 0, [])
    admin.execute("TRUNCATE notes")
    with pytest.raises(Unavailable):
        await repository.load(BULK_CREATE, given(), batch_size=10, all_or_nothing=True)
    assert count(admin) == 0


async def test_a_lost_reply_to_commit_names_its_batch(
    admin: Connection[Any], database_url: str
) -> None:
    with open_proxy(database_url) as proxy:
        async with AsyncDatabase.connect(proxy.url, commit_timeout=1.0) as db:

            def given() -> Iterator[NewNote]:
                for n, note in enumerate(notes(25)):
                    if n == 15:
                        proxy.fail_at_commit(b"notes.bulk_create__insert", Way.CUT_AFTER)
                        # Nobody is left to be asked.
                        proxy.lead_to("host=127.0.0.1 port=1")
                    yield note

            with pytest.raises(CommitUnknown) as caught:
                await AsyncRepository(db).load(BULK_CREATE, given(), batch_size=10)
    assert caught.value.__notes__[-1] == (
        "notes.bulk_create: the rows of the input before index 10 are committed, except for "
        "failures; it is unknown whether the batch from index 10 to 19 is committed"
    )
    assert count(admin) in (10, 20)


async def test_what_no_load_takes_is_refused_before_anything_is_read(
    unopened: AsyncDatabase,
) -> None:
    repository = AsyncRepository(unopened)

    def given() -> Iterator[NewNote]:
        yield from map(pytest.fail, ["the inputs were read"])

    refused: list[tuple[str, dict[str, Any]]] = [
        ("on_duplicate", {"on_duplicate": "ignore"}),
        ("batch_size", {"batch_size": 0}),
        ("batch_size", {"batch_size": 1_000_001}),
        ("all_or_nothing", {"all_or_nothing": 1}),
        ("progress", {"progress": 1}),
        ("on_inserted", {"on_inserted": "x"}),
    ]
    for field, options in refused:
        with pytest.raises(InvalidInput) as caught:
            await repository.load(BULK_CREATE, given(), **options)
        assert caught.value.field == field
    with pytest.raises(InvalidInput, match=r"notes\.bulk_add__update"):
        await repository.load(BULK_ADD, given(), on_duplicate="update")
    with pytest.raises(InvalidInput, match="inputs: must be an iterable"):
        await repository.load(BULK_CREATE, 5)  # type: ignore[call-overload]
