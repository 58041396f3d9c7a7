"""Repair the folded texts and language tags of rows that other programs wrote."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import msgspec

from ._binding import own_queries
from ._bound import Query
from ._domain.formats import language_tag
from ._domain.text_search import fold
from ._ledger import migrated_session
from ._own_session import Connection, OwnRawCursor
from ._progress import NoProgress, Progress, task
from ._queries import load_folder, sql_folder
from .records.resources import TranslationTexts
from .records.users import UserTexts

R = TypeVar("R")

_LIST_USERS = own_queries("users").bind("list_texts", UserTexts)
_USERS = load_folder(sql_folder() / "users")
_MEND_NAME = _USERS["users.mend_name"].statement
_MEND_LANGUAGES = _USERS["users.mend_languages"].statement
_LIST_TRANSLATIONS = own_queries("resources").bind("list_texts", TranslationTexts)
_RESOURCES = load_folder(sql_folder() / "resources")
_MEND_TRANSLATION = _RESOURCES["resources.mend_texts"].statement
_MEND_LANGUAGE = _RESOURCES["resources.mend_language"].statement

_BATCH = 1000
#: Less than the id of any row.
_BEFORE_ALL = -(2**63)


class MendReport(msgspec.Struct, frozen=True, gc=False):
    """The numbers of rows that were read, and of those that were changed."""

    users: int
    mended_users: int
    translations: int
    mended_translations: int
    seconds: float


def mend_search(
    conninfo: str | None = None, *, schema: str | None = None, progress: Progress | None = None
) -> MendReport:
    """Repair the folded texts and language tags of rows that other programs wrote.

    Search finds a text by its folded form. A row of another program has no folded text, or an old
    one, and a migration can fold only some texts exactly. All users and translations are read, in
    batches. Rows that differ are written one by one; a row that changes meanwhile is skipped. A
    folded text does not change revision or updated_at. A language tag changes them. It can be run
    at any time.

    Args:
        conninfo: a libpq connection string or URL; ``DATABASE_URL`` when it is None.
        schema: where the tables are; None is the first schema that exists in the search_path of
            the role.
        progress: receives the progress of each table.
    """
    started = time.perf_counter()
    progress = progress or NoProgress()
    with migrated_session(conninfo, "vrooli_data mend", schema) as opened:
        users, mended_users = _mend_users(opened, progress)
        translations, mended_translations = _mend_translations(opened, progress)
    seconds = time.perf_counter() - started
    return MendReport(users, mended_users, translations, mended_translations, seconds)


def _mend_users(opened: Connection, progress: Progress) -> tuple[int, int]:
    seen, mended, after = 0, 0, _BEFORE_ALL
    with task(progress, "users", None):
        while batch := _records(opened, _LIST_USERS, after, _BATCH):
            mended += sum(_mend_user(opened, user) for user in batch)
            seen += len(batch)
            after = batch[-1].id
            progress.advance(len(batch))
    return seen, mended


def _mend_user(opened: Connection, user: UserTexts) -> bool:
    name, tags = fold(user.name), list(dict.fromkeys(map(language_tag, user.languages)))
    mended = False
    if name != user.name_folded:
        mended = _write(opened, _MEND_NAME, user.id, user.name, name)
    if tags != user.languages:
        mended = _write(opened, _MEND_LANGUAGES, user.id, user.languages, tags) or mended
    return mended


def _mend_translations(opened: Connection, progress: Progress) -> tuple[int, int]:
    seen, mended, after = 0, 0, (_BEFORE_ALL, "")
    with task(progress, "resource_translations", None):
        while batch := _records(opened, _LIST_TRANSLATIONS, *after, _BATCH):
            mended += sum(_mend_translation(opened, each) for each in batch)
            seen += len(batch)
            after = (batch[-1].resource_id, batch[-1].language)
            progress.advance(len(batch))
    return seen, mended


def _mend_translation(opened: Connection, each: TranslationTexts) -> bool:
    name = fold(each.name)
    description = None if each.description is None else fold(each.description)
    texts = each.name, each.description, name, description
    tag = language_tag(each.language)
    mended = False
    if (name, description) != (each.name_folded, each.description_folded):
        mended = _write(opened, _MEND_TRANSLATION, each.resource_id, each.language, *texts)
    if tag != each.language:
        mended = _write(opened, _MEND_LANGUAGE, each.resource_id, tag) or mended
    return mended


def _records(opened: Connection, query: Query[..., R], *parameters: Any) -> list[R]:
    with OwnRawCursor(opened) as cursor:
        return query.records(cursor.execute(query.statement, parameters).fetchall())


def _write(opened: Connection, statement: bytes, *parameters: Any) -> bool:
    with OwnRawCursor(opened) as cursor:
        return cursor.execute(statement, parameters).rowcount > 0
