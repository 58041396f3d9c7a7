"""NOT NULL that does not hold, and how the tree is had: what a table of statements cannot show."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.contract.analyses import analysis
from vrooli_data import DatabaseError
from vrooli_data._contract.analysis import UnsupportedServer, check_version
from vrooli_data._contract.analysis.json_shapes import Object

_SETTINGS = ("client_min_messages", "debug_print_parse", "debug_pretty_print", "log_min_messages")


@pytest.fixture
def trees(admin: Connection[Any], server_version: int) -> Connection[Any]:
    if server_version < 16:
        pytest.skip("parse trees before PostgreSQL 16 do not tell of NULLs")
    return admin


def _reason(connection: Connection[Any], statement: str) -> str:
    (null,) = analysis(connection, statement).nulls()
    return null.reason


def test_a_domain_lets_the_null_of_an_empty_subselect_pass(trees: Connection[Any]) -> None:
    trees.execute("CREATE DOMAIN bound AS integer NOT NULL")
    trees.execute("CREATE TABLE bounds (level bound)")
    trees.execute("INSERT INTO bounds VALUES ((SELECT level FROM bounds))")
    assert trees.execute("SELECT level FROM bounds").fetchall() == [(None,)]
    assert _reason(trees, "SELECT level FROM bounds") == "column bounds.level"


def test_an_inheriting_table_may_drop_not_null(trees: Connection[Any], server_version: int) -> None:
    trees.execute("CREATE TABLE parents (level integer NOT NULL)")
    trees.execute("CREATE TABLE children () INHERITS (parents)")
    assert _reason(trees, "SELECT level FROM parents") == ""
    if server_version >= 18:
        pytest.skip("since PostgreSQL 18 it may not")
    trees.execute("ALTER TABLE children ALTER COLUMN level DROP NOT NULL")
    trees.execute("INSERT INTO children VALUES (NULL)")
    assert _reason(trees, "SELECT level FROM parents") == "column parents.level"


def test_a_constraint_that_is_not_valid_holds_for_new_rows_only(
    trees: Connection[Any], server_version: int
) -> None:
    if server_version < 18:
        pytest.skip("before PostgreSQL 18 there is no such constraint")
    trees.execute("CREATE TABLE levels (level integer)")
    trees.execute("INSERT INTO levels VALUES (NULL)")
    trees.execute("ALTER TABLE levels ADD CONSTRAINT levels_level NOT NULL level NOT VALID")
    assert _reason(trees, "SELECT level FROM levels") == "column levels.level"


def test_a_materialized_view_enforces_nothing(trees: Connection[Any]) -> None:
    trees.execute("CREATE MATERIALIZED VIEW names AS SELECT name FROM teams")
    assert _reason(trees, "SELECT name FROM names") == "names is no table that enforces NOT NULL"


def test_a_partition_is_held_to_its_table(trees: Connection[Any]) -> None:
    trees.execute("CREATE TABLE days (day date NOT NULL, note text) PARTITION BY RANGE (day)")
    trees.execute("CREATE TABLE days_of_all PARTITION OF days DEFAULT")
    assert _reason(trees, "SELECT day FROM days") == ""


def test_a_union_casts_by_functions_that_the_tree_does_not_name(trees: Connection[Any]) -> None:
    trees.execute("CREATE TYPE word AS (text text)")
    trees.execute("CREATE TYPE term AS (text text)")
    trees.execute("CREATE FUNCTION term_of(word) RETURNS term IMMUTABLE RETURN NULL::term")
    trees.execute("CREATE CAST (word AS term) WITH FUNCTION term_of (word) AS IMPLICIT")
    statement = "SELECT ROW('x')::term UNION ALL SELECT ROW('y')::word"
    assert (None,) in trees.execute(statement).fetchall()
    assert _reason(trees, statement) == "unknown node CAST OF A BRANCH TO ANOTHER TYPE"


_RULED = """
CREATE TABLE ruled (id integer NOT NULL);
CREATE TABLE other (id integer);
INSERT INTO ruled VALUES (1);
INSERT INTO other VALUES (NULL);
CREATE RULE on_insert AS ON INSERT TO ruled DO INSTEAD
INSERT INTO other VALUES (NULL) RETURNING id;
CREATE RULE on_update AS ON UPDATE TO ruled DO INSTEAD
UPDATE other SET id = NULL RETURNING id;
CREATE RULE on_delete AS ON DELETE TO ruled DO INSTEAD
UPDATE other SET id = NULL RETURNING id
"""


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO ruled VALUES (1)", "UPDATE ruled SET id = 2", "DELETE FROM ruled"],
)
def test_rules_of_a_table_return_what_they_please(trees: Connection[Any], statement: str) -> None:
    trees.execute(_RULED)
    returned = f"{statement} RETURNING id"
    in_cte = f"WITH changed AS ({returned}) SELECT id FROM changed"
    assert (None,) in trees.execute(in_cte).fetchall()
    assert [_reason(trees, each) for each in (returned, in_cte)] == ["rules of ruled"] * 2
    (shape,) = analysis(trees, in_cte.replace("SELECT id", "SELECT to_json(changed)")).json_shapes()
    assert isinstance(shape, Object)
    assert shape.members["id"].null.reason == "rules of ruled"


def test_a_rule_that_goes_along_changes_nothing_of_what_is_returned(
    trees: Connection[Any],
) -> None:
    trees.execute("CREATE TABLE ruled (id integer NOT NULL)")
    trees.execute("CREATE RULE also AS ON UPDATE TO ruled DO ALSO DELETE FROM teams")
    assert _reason(trees, "UPDATE ruled SET id = 2 RETURNING id") == ""


def test_a_view_is_read_without_its_schema_in_the_search_path(trees: Connection[Any]) -> None:
    trees.execute("CREATE SCHEMA apart")
    trees.execute("CREATE TABLE apart.levels (level integer NOT NULL)")
    trees.execute("CREATE VIEW public.seen_levels AS SELECT level FROM apart.levels")
    assert _reason(trees, "SELECT level FROM seen_levels") == ""


def test_a_role_without_privileges_may_ask(trees: Connection[Any]) -> None:
    trees.execute("SET ROLE pg_monitor")
    assert _reason(trees, "SELECT name FROM teams") == ""


def test_settings_are_as_before(trees: Connection[Any]) -> None:
    trees.execute("SET client_min_messages = 'error'")
    select = ", ".join(f"current_setting('{name}')" for name in _SETTINGS)
    before = trees.execute(f"SELECT {select}").fetchone()
    _reason(trees, "SELECT name FROM teams")
    with pytest.raises(DatabaseError):
        analysis(trees, "SELECT nothing FROM teams").nulls()
    assert trees.execute(f"SELECT {select}").fetchone() == before


def test_a_transaction_that_the_statement_aborts_leaves_settings_as_before(
    trees: Connection[Any],
) -> None:
    with pytest.raises(DatabaseError), trees.transaction():
        analysis(trees, "SELECT nothing FROM teams").nulls()
    assert trees.execute("SHOW debug_print_parse").fetchone() == ("off",)


def test_a_statement_that_cannot_be_prepared_says_why(trees: Connection[Any]) -> None:
    with pytest.raises(DatabaseError, match='column "nothing" does not exist') as caught:
        analysis(trees, "SELECT nothing FROM teams").nulls()
    assert caught.value.sqlstate == psycopg.errors.UndefinedColumn.sqlstate


def test_a_statement_without_a_result_has_no_columns(trees: Connection[Any]) -> None:
    assert analysis(trees, "DELETE FROM teams").nulls() == []
    assert analysis(trees, "SET search_path = public").nulls() == []


def test_nothing_is_run(trees: Connection[Any]) -> None:
    analysis(trees, "INSERT INTO users (public_id, name) VALUES ('x', 'y') RETURNING id").nulls()
    assert trees.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_version_whose_trees_are_not_known_is_refused(
    admin: Connection[Any], server_version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server_version >= 16:
        monkeypatch.setattr(f"{check_version.__module__}._KNOWN_MAJORS", range(90, 92))
    with pytest.raises(UnsupportedServer, match=f"PostgreSQL {server_version} cannot be read"):
        analysis(admin, "SELECT name FROM teams").nulls()
