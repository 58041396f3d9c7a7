"""Search finds a text in whatever normal form and case it was stored and is asked for."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.factories import Factory
from vrooli_data import (
    AsyncDatabase,
    CreateResource,
    CreateUser,
    SetTranslation,
    UpdateUser,
    mend_search,
)
from vrooli_data._import import import_file

NAMES = {
    "NFC": "Zoë Straße",
    "NFD": unicodedata.normalize("NFD", "Zoë Straße"),
    "final sigma": "Οδυσσεύς",
    "dotted I": "İstanbul",
    "ligature": "oﬃce",
    "wide": "Ｖｒｏｏｌｉ　１",
    "Hangul": "한국어",
}


def asked(name: str) -> set[str]:
    """Return a text in every form in which it may be asked for, and parts of it."""
    cased = {name, name.upper(), name.lower(), name.casefold(), name.title()}
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC") for text in cased}
    return forms | {text[-5:] for text in forms} | {unicodedata.normalize("NFC", name)[:3]}


@pytest.fixture(params=[False, True], ids=["walk", "trigrams"])
def searching(db: AsyncDatabase, request: pytest.FixtureRequest) -> AsyncDatabase:
    """Search by one of the two queries."""
    db._runner.extensions = {"pg_trgm"} if request.param else ()
    return db


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_a_user_is_found_by_every_form_of_the_name(
    searching: AsyncDatabase, name: str
) -> None:
    user = await searching.users.create(CreateUser(name=name))
    assert user.name == name
    for text in asked(name):
        assert await searching.users.search(text) == [user], text
    renamed = await searching.users.update(user.id, UpdateUser(name="Ada"))
    assert await searching.users.search(name) == []
    assert await searching.users.search("ADA") == [renamed]
    await searching.users.update(user.id, UpdateUser(handle="ada_1"))
    assert [found.id for found in await searching.users.search("\uff21da_1")] == [user.id]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_a_resource_is_found_by_every_form_of_its_texts(
    searching: AsyncDatabase, name: str
) -> None:
    made = [
        await searching.resources.create(CreateResource(resource_type="Note")) for _ in range(2)
    ]
    for resource in made:
        await searching.resources.set_translation(resource.id, "en", SetTranslation(name="x"))
    await searching.resources.set_translation(made[0].id, "en", SetTranslation(name=name))
    described = SetTranslation(name="x", description=f"({name})")
    await searching.resources.set_translation(made[1].id, "en", described)
    async with searching.connection() as held:
        await held.connection.execute("UPDATE resources SET has_complete_version = TRUE")
    for text in asked(name):
        found = await searching.resources.search(text)
        assert [resource.id for resource in found] == [made[1].id, made[0].id], text
        assert found == await searching.resources.search(text, resource_type="Note")


async def test_an_address_is_found_by_every_form_of_it(searching: AsyncDatabase) -> None:
    user = await searching.users.create(CreateUser(name="Ada", email="Zoë@Bücher.example"))
    for text in ("zoë@bücher.example", "ZOE\u0308@BU\u0308CHER.EXAMPLE"):
        assert await searching.users.search(text) == [user]
        assert await searching.users.search(text[2:-4], match_email="substring") == [user]


async def test_what_is_imported_is_folded(
    searching: AsyncDatabase, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "resources.ndjson"
    file.write_text(
        '{"public_id": "0123456789ab", "resource_type": "Note", "language": "PT-br", '
        '"name": "Straße", "description": "İstanbul", "version_label": "1.0", '
        '"is_complete": true, "config": {}}\n'
    )
    import_file(database_url, "resources", file)
    (resource,) = await searching.resources.search("STRASSE")
    assert await searching.resources.search("istanbul") == [resource]
    (translation,) = await searching.resources.find_translations(resource.id)
    assert translation.language == "pt-BR"


async def test_rows_of_others_are_found_after_they_were_mended(
    searching: AsyncDatabase, make: Factory, admin: Connection[Any], database_url: str
) -> None:
    renamed = (await searching.users.create(CreateUser(name="Before"))).id
    admin.execute("UPDATE users SET name = 'Weiß' WHERE id = %s", (renamed,))
    written = make.user(name="Weiß", languages=["pt-br", "EN", "pt-BR"])
    plain = make.user(name="Plain WEISS")
    resource_id = make.resource()
    make.translation(resource_id, "en", name="Other", description="Weiß")
    before = await searching.users.find_many_by_id([renamed, written, plain])

    # What is not folded is at least compared without regard to case.
    assert [user.id for user in await searching.users.search("weiß")] == [plain]
    assert [user.id for user in await searching.users.search("PLAIN")] == [plain]
    assert [user.id for user in await searching.users.search("before")] == [renamed]

    report = mend_search(database_url)
    assert (report.users, report.mended_users) == (3, 2)
    assert (report.translations, report.mended_translations) == (1, 1)
    assert [user.id for user in await searching.users.search("WEISS")] == [plain, written, renamed]
    assert await searching.users.search("before") == []
    assert [found.id for found in await searching.resources.search("WEIẞ")] == [resource_id]
    after = await searching.users.find_many_by_id([renamed, written, plain])
    assert after[1].languages == ["pt-BR", "en"]
    assert [user.revision for user in after] == [0, 1, 0]
    assert (after[0], after[2]) == (before[0], before[2])
    again = mend_search(database_url)
    assert (again.mended_users, again.mended_translations) == (0, 0)
