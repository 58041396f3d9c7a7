"""The output of ``vrooli-data explain`` on a terminal; it changes nothing in the database."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import Connection, conninfo

from tests._sync._compat import PATIENCE
from tests.cli import fail, run, succeed
from tests.embedded_folders import open_folder
from vrooli_data import NotFound, Timeout, migrate
from vrooli_data._contract.scratch import scratch_database
from vrooli_data._explain import running
from vrooli_data._explain.choice import all_queries, choose, variants
from vrooli_data._explain.examples import ExampleValues, package_examples
from vrooli_data._explain.growth import growth
from vrooli_data._explain.running import Explainer
from vrooli_data._explain.survey import findings
from vrooli_data._plans import PlanTree
from vrooli_data._queries import sql_folder
from vrooli_data._seed import seed
from vrooli_data.errors import InvalidInput

#: With the reason that is shown.
NOT_RUN = {
    "schema.advance_identities": "it sets sequences",
    **{
        name: "not run: it "
        for name, source in all_queries(sql_folder()).items()
        if source.is_staged or source.is_command or "Utility" in source.header
    },
}
NEEDS_TRIGRAMS = "no trigram indexes"
#: Tables of which VACUUM found less than half visible to all.
_NOT_VISIBLE = """
SELECT count(*) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relallvisible < relpages / 2
"""
QUERIES = all_queries(sql_folder())


@pytest.fixture(scope="module")
def server_url(postgresql_server: Any) -> str:
    return conninfo.make_conninfo(
        host=postgresql_server.host,
        port=postgresql_server.port,
        user=postgresql_server.user,
        password=postgresql_server.password or None,
        dbname="postgres",
    )


@pytest.fixture(scope="module")
def seeded_url(server_url: str) -> Iterator[str]:
    """Name a database with rows, which no test changes."""
    with scratch_database(server_url) as url:
        migrate(url)
        seed(url, scale=0.02)
        yield url


@pytest.fixture(scope="module")
def connection(seeded_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(seeded_url, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def explainer(connection: Connection[Any]) -> Explainer:
    return Explainer(connection, package_examples())


def plan_of(explainer: Explainer, name: str) -> PlanTree:
    explained = explainer.explain(QUERIES[name])
    assert explained.plan is not None
    return explained.plan


def plan_of_sql(connection: Connection[Any], sql: str) -> PlanTree:
    explained = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}".encode())
    ((found,),) = explained.fetchall()
    return PlanTree(found[0])


def test_the_plan_is_the_one_that_is_kept_unless_the_header_asks_for_another(
    explainer: Explainer,
) -> None:
    source = QUERIES["users.find_by_id"]
    asking = msgspec.structs.replace(
        source, header={**source.header, "Plan": "custom (id = 1), skewed"}
    )
    kept, made = (explainer.explain(each).plan for each in (source, asking))
    assert kept is not None
    assert made is not None
    assert kept.root.json["Index Cond"] == "(id = $1)"
    assert made.root.json["Index Cond"].endswith("'::bigint)")


@pytest.mark.slow("large tables")
@pytest.mark.parametrize("scale", [0.02, 0.1, 0.4])
def test_the_plans_fit_their_headers_on_tables_of_any_size(server_url: str, scale: float) -> None:
    with scratch_database(server_url) as url:
        migrate(url)
        seed(url, scale=scale)
        with psycopg.connect(url, autocommit=True) as opened:
            # While other tests have transactions open, VACUUM may find no page visible to all, and
            # an index alone does not answer a query.
            end = time.monotonic() + PATIENCE
            while opened.execute(_NOT_VISIBLE).fetchone() != (0,) and time.monotonic() < end:
                opened.execute("VACUUM")
            explained = Explainer(opened, package_examples()).explain_all(
                list(QUERIES.values()), lambda: None
            )
    assert findings(explained) == []


def contents(connection: Connection[Any]) -> dict[str, tuple[Any, ...] | None]:
    """Return a digest of the rows of each table."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) "
        "AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    digest = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} AS t"
    return {name: connection.execute(digest.format(name).encode()).fetchone() for (name,) in tables}


@pytest.mark.slow("the command line")
def test_a_query_is_shown_with_its_header_values_and_plan(seeded_url: str) -> None:
    shown = succeed("explain", "resources.find_trending", "--database-url", seeded_url)
    lines = [line.split() for line in shown.splitlines()]
    assert ["resources.find_trending"] in lines
    assert ["Record", "Resource"] in lines
    assert ["Locks", "none"] in lines
    assert [":max_rows", "20"] in lines
    assert ["ms", "pages", "rows", "loops", "step"] in lines
    assert any(line[4:] == ["Limit"] for line in lines)
    assert re.search(r"\d+ rows?, \d+ pages, \d+\.\d{3} ms, and \d+\.\d{3} ms to plan", shown)


@pytest.mark.slow("the command line")
def test_square_brackets_are_shown_as_they_are(seeded_url: str) -> None:
    shown = succeed("explain", "users.create", "--database-url", seeded_url)
    assert re.search(r':languages +\["\w+"\]', shown)


@pytest.mark.slow("the command line")
def test_the_name_of_a_method_selects_its_variants(seeded_url: str) -> None:
    shown = succeed("explain", "find_by_type", "--database-url", seeded_url)
    names = re.findall(r"^resources\.find_by_type__\w+", shown, re.MULTILINE)
    assert names == [source.name for source in choose(QUERIES, "resources.find_by_type")]
    assert len(names) == 15


@pytest.mark.slow("the command line")
def test_without_a_name_every_query_is_listed(seeded_url: str) -> None:
    done = run("explain", "--database-url", seeded_url)
    shown = done.stdout
    # Which index the planner takes depends on the rows and settings of this server.
    assert (done.returncode, done.stderr) == ("; " in shown, "")
    assert [name for name in QUERIES if f"\n{name} " not in shown] == []
    assert re.search(r"^schema\.advance_identities +planned, not run", shown, re.MULTILINE)


@pytest.mark.slow("the command line")
def test_a_query_that_is_a_method_too_names_its_variants(seeded_url: str) -> None:
    shown = succeed("explain", "runs.find_by_id", "--database-url", seeded_url)
    assert "The same method also runs: runs.find_by_id__of_user" in shown


@pytest.mark.slow("the command line")
def test_the_embedded_server_of_a_folder_is_used() -> None:
    with open_folder() as parent:
        folder = ("--data-dir", parent / "pg")
        assert run("db", "start", *folder).returncode == 0
        message = fail(1, "explain", "holds_rows", *folder)
        (command,) = re.findall(r"`vrooli-data (.*?)`", message)
        assert "Applied" in succeed(*shlex.split(command))
        assert "schema.holds_rows" in succeed("explain", "holds_rows", *folder)


@pytest.mark.slow("the command line")
@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("find_trendin", "resources.find_trending"),
        ("resources.find_by_tipe", "resources.find_by_type"),
        ("user", "users"),
        ("run.create", "runs.create"),
    ],
)
def test_an_unknown_query_is_refused_with_names_near_it(wanted: str, near: str) -> None:
    message = fail(2, "explain", wanted, DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert message.startswith(f"QUERY: there is no query '{wanted}'; similar names: ")
    assert near in message.partition("similar names: ")[2].split(", ")


def test_an_unknown_query_without_names_near_it_says_how_to_list_all() -> None:
    with pytest.raises(InvalidInput, match="`explain` without a name lists all"):
        choose(QUERIES, "%%%")


@pytest.mark.slow("the command line")
@pytest.mark.parametrize("arguments", [("users.find_by_id",), (), ("--html", "/dev/null")], ids=str)
def test_a_server_out_of_reach_is_one_line_without_the_password(arguments: tuple[str, ...]) -> None:
    url = "postgresql://ada:S3cr3t@127.0.0.1:1/x"
    message = fail(1, "explain", *arguments, "--database-url", url)
    assert "127.0.0.1" in message
    assert "S3cr3t" not in message


@pytest.mark.slow("the command line")
def test_a_database_that_is_not_migrated_says_what_to_run(empty_database_url: str) -> None:
    url = empty_database_url
    message = fail(1, "explain", "users.find_by_id", "--database-url", url)
    assert f"`{shlex.join(['vrooli-data', 'migrate', '--database-url', url])}`" in message


@pytest.mark.slow("the command line")
def test_a_database_without_rows_says_what_to_run(database_url: str) -> None:
    message = fail(1, "explain", "users.find_by_id", "--database-url", database_url)
    assert message.startswith("users.find_by_id: the example users")
    assert "`vrooli-data seed --database-url " in message


@pytest.mark.slow("the command line")
def test_a_list_continues_after_a_query_without_rows(database_url: str) -> None:
    shown = succeed("explain", "--database-url", database_url)
    assert re.search(r"^users\.find_by_id +the example users", shown, re.MULTILINE)
    assert "`vrooli-data seed --database-url " in " ".join(shown.split())
    assert re.search(r"^runs\.get_execution_stats +1 ", shown, re.MULTILINE)


@pytest.mark.slow("the command line")
def test_a_role_without_privileges_is_one_line(seeded_url: str, role: str) -> None:
    url = conninfo.make_conninfo(seeded_url, user=role, password="S3cr3t")
    assert "privilege" in fail(1, "explain", "users.find_by_id", "--database-url", url)


@pytest.mark.slow("the command line")
@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("--scale", "0.1"), "--scale"),
        (("--html", "no/such/folder/plans.html"), "--html"),
        (("--html", "."), "--html"),
        (("--html", "/dev/null", "--scale", "0"), "--scale"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused(
    database_url: str, arguments: tuple[str, ...], option: str
) -> None:
    assert option in fail(2, "explain", *arguments, "--database-url", database_url)


@pytest.mark.slow("examples of every query")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.core] if number % 6 == 0 else [])
        for number, name in enumerate(sorted(QUERIES))
    ],
)
def test_every_query_has_examples_that_it_finds_rows_for(explainer: Explainer, name: str) -> None:
    explained = explainer.explain(QUERIES[name])
    if explained.note is not None:
        assert NOT_RUN.get(name, NEEDS_TRIGRAMS) in explained.note
        return
    assert explained.plan is not None
    assert (explained.plan.rows or 0) > 0, explained.values


@pytest.mark.slow("examples of every query")
def test_the_same_rows_give_the_same_examples(seeded_url: str) -> None:
    sources = [source for name, source in QUERIES.items() if name not in NOT_RUN]
    found = []
    for _ in range(2):
        with psycopg.connect(seeded_url, autocommit=True) as opened:
            examples = ExampleValues(opened, package_examples())
            found.append([examples.values(source) for source in sources if source.name[0] != "t"])
    assert found[0] == found[1]


@pytest.mark.slow("examples of every query")
def test_what_queries_write_is_rolled_back(
    connection: Connection[Any], explainer: Explainer
) -> None:
    before = contents(connection)
    for source in QUERIES.values():
        explainer.explain(source)
    assert contents(connection) == before


def test_sequences_are_not_set(connection: Connection[Any], explainer: Explainer) -> None:
    connection.execute("SELECT setval('users_id_seq', 900000)")
    explained = explainer.explain(QUERIES["schema.advance_identities"])
    assert connection.execute("SELECT last_value FROM users_id_seq").fetchone() == (900000,)
    assert explained.plan is not None
    assert explained.plan.execution_ms is None


def test_a_row_that_is_locked_is_not_waited_for_long(
    seeded_url: str, explainer: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_SETUP", "SELECT set_config('lock_timeout', '50ms', true)")
    source = QUERIES["users.update"]
    id = explainer.explain(source).values["id"]
    with psycopg.connect(seeded_url) as other:
        other.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", (id,))
        with pytest.raises(Timeout):
            explainer.explain(source)
        assert explainer.explain_all([source], list)[0].note == "a lock was not obtained in time"


def test_missing_rows_are_reported_by_the_name_of_the_query(admin: Connection[Any]) -> None:
    with pytest.raises(NotFound) as raised:
        Explainer(admin, package_examples()).explain(QUERIES["teams.delete"])
    assert raised.value.query == "teams.delete"


def test_shares_add_up_where_ctes_are_read_more_than_once(explainer: Explainer) -> None:
    for name in ("runs.start_with_steps", "users.delete", "teams.create_with_initial_setup"):
        plan = plan_of(explainer, name)
        shares = sum(plan.share(plan.cost(node).ms) for node in plan.root.walk())
        shares += sum(plan.share(trigger.ms) for trigger in plan.triggers)
        assert 0.3 < shares < 1.1


@pytest.mark.parametrize("reads", ["slow", "slow AS one CROSS JOIN slow AS other"])
def test_the_cost_of_a_cte_is_the_makers(connection: Connection[Any], reads: str) -> None:
    plan = plan_of_sql(
        connection, f"WITH slow AS MATERIALIZED (SELECT pg_sleep(0.05)) SELECT FROM {reads}"
    )
    slow = [node for node in plan.root.walk() if plan.cost(node).ms > 25]
    assert [node.role for node in slow] == ["CTE slow"]


def test_the_loops_of_parallel_workers_are_not_added_up(connection: Connection[Any]) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL parallel_setup_cost = 0")
        connection.execute("SET LOCAL parallel_tuple_cost = 0")
        connection.execute("SET LOCAL min_parallel_table_scan_size = 0")
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 2")
        plan = plan_of_sql(
            connection, "SELECT count(pg_sleep(0.0002)) FROM (SELECT FROM resources) r"
        )
    assert any(node.kind == "Gather" for node in plan.root.walk())
    assert sum(plan.share(plan.cost(node).ms) for node in plan.root.walk()) < 1.2


def test_an_estimate_is_called_wrong_where_it_begins(connection: Connection[Any]) -> None:
    plan = plan_of_sql(
        connection, "SELECT FROM generate_series(1, 5 + (random() * 0)::int) AS one (x) GROUP BY x"
    )
    wrong = [node.kind for node in plan.root.walk() if "estimated" in " ".join(node.remarks)]
    assert wrong == ["Function Scan"]


def test_a_limit_that_ends_a_scan_early_makes_no_estimate_wrong(explainer: Explainer) -> None:
    plan = plan_of(explainer, "resources.find_by_type__score")
    assert [node.remarks for node in plan.root.walk()] == [[], []]


def test_rows_read_in_vain_are_reported(connection: Connection[Any]) -> None:
    plan = plan_of_sql(connection, "SELECT FROM runs WHERE id = -1 OR name = ''")
    assert plan.root.remarks == ["discards 6,000 rows for each row that it keeps"]
    assert ("Rows Removed by Filter", "6,000") in plan.root.facts
    assert plan.rows_read == 6000


def test_a_step_that_was_never_executed_is_known(connection: Connection[Any]) -> None:
    plan = plan_of_sql(connection, "SELECT FROM users WHERE (SELECT false)")
    assert [node.kind for node in plan.root.walk() if node.loops == 0] != []


@pytest.mark.parametrize(
    ("pages", "ms", "verdict"),
    [
        ((100, 1000), (1, 10), "linear"),
        ((100, 100), (1, 10), "linear"),
        ((100, 300), (1, 3), "slow"),
        ((100, 110), (1, 1), "flat"),
        ((3, 30), (0.01, 0.1), "flat"),
        ((1000, 100), (10, 1), "flat"),
    ],
)
def test_growth_is_judged_by_pages_and_time(
    explainer: Explainer, pages: tuple[int, int], ms: tuple[float, float], verdict: str
) -> None:
    plan = plan_of(explainer, "users.find_by_id")
    small, large = (_with_cost(plan, *cost) for cost in zip(pages, ms, strict=True))
    found = growth(small, large, 10)
    assert found is not None
    assert found.verdict == verdict


def _with_cost(plan: PlanTree, pages: int, ms: float) -> PlanTree:
    root = {**plan.root.json, "Shared Hit Blocks": pages, "Shared Read Blocks": 0}
    return PlanTree({"Plan": root, "Execution Time": ms})


def test_the_variants_of_a_method_are_found() -> None:
    assert variants(QUERIES, QUERIES["users.delete"]) == [
        "users.delete__batch",
        "users.delete__lock",
        "users.delete__runs",
    ]
    assert variants(QUERIES, QUERIES["users.find_by_id"]) == []
