"""A few of the mutants of ``python -m tools.mutation``, so that it stays true between full runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import conninfo

from tools.mutation.judge import TREE, Bench
from tools.mutation.mutants import CATEGORIES, MUTANTS
from tools.mutation.report import beginning
from vrooli_data._contract.scratch import prepare_database, scratch_database

_PAGE = TREE / "docs" / "mutants.md"
_CHOSEN = (
    "index dropped",
    "columns swapped, of one type",
    "LEFT JOIN for INNER JOIN below nested JSON",
    "nested field no longer optional",
    "no locks",
    "private users listed",
    "revision not moved",
    "conditions in another order",
)


@pytest.fixture(scope="module")
def bench(postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Copy the tree, and make a database for the check."""
    if not (TREE / "sql").exists():
        pytest.skip("the wheel has no tree to make mutants of")
    server = postgresql_server
    url = conninfo.make_conninfo(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password or None,
        dbname="postgres",
    )
    with scratch_database(url) as prepared_url:
        prepare_database(prepared_url)
        yield Bench(tmp_path_factory.mktemp("mutants"), url, prepared_url)


@pytest.mark.slow("mutants")
@pytest.mark.parametrize("name", _CHOSEN)
def test_a_mutant_is_noticed_by_whom_it_should_be(
    name: str, bench: Bench, server_version: int
) -> None:
    if server_version != 18:
        pytest.skip("the reviewed plans are those of PostgreSQL 18")
    ((category, mutant),) = [
        (category, mutant)
        for category, mutants in CATEGORIES.items()
        for mutant in mutants
        if mutant.name == name
    ]
    assert bench.judge(mutant, category).as_expected


def test_every_mutant_can_be_made_and_has_a_name_of_its_own() -> None:
    if not (TREE / "sql").exists():
        pytest.skip("the wheel has no tree to make mutants of")
    for mutant in MUTANTS:
        text = (TREE / mutant.file).read_text(encoding="utf-8")
        assert mutant.apply(text) != text
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_the_page_is_about_the_mutants_that_there_are() -> None:
    if not _PAGE.exists():
        pytest.skip("the wheel has no docs")
    _, *sections = re.split(r"^## ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in "".join(sections).splitlines() if line.startswith(("- ", "| "))]
    told = [line for line in lines if line != "| mutant | query | by | what it says |"]
    expected = [
        beginning(category, mutant) for category, group in CATEGORIES.items() for mutant in group
    ]
    stale = [line for line in told if not line.startswith(tuple(expected))]
    missing = [start for start in expected if not any(line.startswith(start) for line in told)]
    assert (stale, missing) == ([], []), "run `python -m tools.mutation --write`"
