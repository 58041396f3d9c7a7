"""The seeder: the same rows for the same seed, consistent, and skewed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from vrooli_data import InvalidInput, NotMigrated, Unavailable
from vrooli_data._public_id import PUBLIC_IDS, new_public_id, public_id_of
from vrooli_data._seed import SeedReport, seed
from vrooli_data._seed._chance import draws
from vrooli_data._seed._runs import Run, _run
from vrooli_data._seed._world import World

from .factories import Factory

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
SCALE = 0.005


class Recorder:
    """Remembers what a progress bar would show."""

    def __init__(self) -> None:
        self.totals: dict[str, int | None] = {}
        self.done: dict[str, int] = {}
        self.finished: list[str] = []
        self._task = ""

    def start(self, task: str, total: int | None) -> None:
        self._task = task
        self.totals[task] = total
        self.done[task] = 0

    def advance(self, count: int) -> None:
        self.done[self._task] += count

    def finish(self) -> None:
        self.finished.append(self._task)


def fill(url: str, **options: Any) -> SeedReport:
    return seed(url, **{"scale": SCALE, "until": UNTIL, **options})


def value(connection: Connection[Any], statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def table_hashes(url: str, tables: list[str]) -> dict[str, str]:
    hashes = {}
    with psycopg.connect(url) as connection:
        for table in tables:
            # The id of the transaction that loaded an event is the server's.
            is_event = table == "change_events"
            columns = sql.SQL("to_jsonb(rows) - 'xid'") if is_event else sql.SQL("rows.*")
            copy = sql.SQL("COPY (SELECT {} FROM {} AS rows) TO STDOUT").format(
                columns, sql.Identifier(table)
            )
            digest = hashlib.sha256()
            with connection.cursor().copy(copy) as rows:
                for row in rows:
                    digest.update(row)
            hashes[table] = digest.hexdigest()
    return hashes


def clear(connection: Connection[Any]) -> None:
    connection.execute(
        "TRUNCATE users, teams, resources, chats, change_events, counter_reconciliations CASCADE"
    )


def test_same_seed_gives_same_rows(admin: Connection[Any], database_url: str) -> None:
    tables = list(fill(database_url, scale=0.002).rows)
    first = table_hashes(database_url, tables)
    clear(admin)
    fill(database_url, scale=0.002)
    assert table_hashes(database_url, tables) == first


@pytest.mark.slow("the seed")
def test_other_seed_gives_other_rows(admin: Connection[Any], database_url: str) -> None:
    tables = list(fill(database_url, scale=0.002).rows)
    first = table_hashes(database_url, tables)
    clear(admin)
    fill(database_url, scale=0.002, seed=2)
    second = table_hashes(database_url, tables)
    assert not any(first[table] == second[table] for table in tables)


def test_streams_are_those_of_every_python_version() -> None:
    draw = draws(1, "users")
    assert [round(draw(), 6) for _ in range(3)] == [0.892432, 0.411824, 0.39301]


@pytest.mark.slow("the seed")
def test_report_counts_the_rows_of_each_table(admin: Connection[Any], database_url: str) -> None:
    report = fill(database_url)
    for table, rows in report.rows.items():
        assert rows == value(admin, f"SELECT count(*) FROM {table}") > 0
    assert report.rows["users"] == 100
    assert report.rows["resources"] == 1000
    assert report.rows["runs"] == 1500
    assert report.seconds > 0


@pytest.mark.slow("the seed")
def test_progress_reports_each_row_and_ends_each_task(database_url: str) -> None:
    progress = Recorder()
    report = fill(database_url, progress=progress)
    assert progress.finished == [*report.rows, "VACUUM ANALYZE"]
    for table, rows in report.rows.items():
        assert progress.done[table] == rows
        assert progress.totals[table] in (None, rows)


def test_counters_equal_what_they_count(admin: Connection[Any], database_url: str) -> None:
    fill(database_url)
    wrong = value(
        admin,
        """
        SELECT count(*) FROM resources
        WHERE bookmarks <> (SELECT count(*) FROM bookmarks WHERE resource_id = resources.id)
        """,
    )
    assert wrong == 0
    assert 1.5 < value(admin, "SELECT avg(bookmarks) FROM resources") < 2.6


@pytest.mark.slow("the seed")
def test_versions_fit_their_resources(admin: Connection[Any], database_url: str) -> None:
    fill(database_url)
    wrong = value(
        admin,
        """
        SELECT count(*)
        FROM resources
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS versions,
                max(version_index) AS highest,
                bool_or(is_complete) AS complete,
                (array_agg(id ORDER BY version_index DESC))[1] AS latest
            FROM resource_versions
            WHERE resource_id = resources.id
        ) AS of_it
        WHERE
            last_version_index IS DISTINCT FROM highest
            OR versions <> highest + 1
            OR has_complete_version IS DISTINCT FROM complete
            OR latest_version_id IS DISTINCT FROM latest
        """,
    )
    assert wrong == 0
    assert value(admin, "SELECT max(version_index) FROM resource_versions") > 1


@pytest.mark.slow("the seed")
def test_every_resource_has_a_translation_and_languages_vary(
    admin: Connection[Any], database_url: str
) -> None:
    fill(database_url)
    translated = "SELECT count(DISTINCT resource_id) FROM resource_translations"
    assert value(admin, translated) == 1000
    assert value(admin, "SELECT count(DISTINCT language) FROM resource_translations") >= 10
    scripts = (
        "a-z",
        "\u0400-\u04ff",
        "\u0370-\u03ff",
        "\u4e00-\u9fff",
        "\u0590-\u05ff",
        "\u0600-\u06ff",
    )
    for letters in (*scripts, "🚀🔥✨🧪"):
        written = f"SELECT count(*) FROM resource_translations WHERE name ~ '[{letters}]'"
        assert value(admin, written) > 0, letters


@pytest.mark.slow("the seed")
def test_runs_have_every_status_and_fitting_times(
    admin: Connection[Any], database_url: str
) -> None:
    fill(database_url)
    assert value(admin, "SELECT count(DISTINCT status) FROM runs") == 6
    wrong = value(
        admin,
        """
        SELECT count(*) FROM runs
        WHERE NOT CASE status
            WHEN 'Scheduled' THEN started_at IS NULL
            WHEN 'Cancelled' THEN TRUE
            ELSE started_at >= created_at
        END
        OR (status IN ('Completed', 'Failed', 'Cancelled')) <> (completed_at IS NOT NULL)
        OR completed_at < coalesce(started_at, created_at)
        OR CASE
            WHEN started_at IS NULL OR completed_at IS NULL THEN time_elapsed IS NOT NULL
            ELSE time_elapsed IS DISTINCT FROM
                (extract(epoch FROM completed_at - started_at) * 1000)::bigint
        END
        """,
    )
    assert wrong == 0


@pytest.mark.parametrize("status", ["Completed", "Failed", "Cancelled"])
def test_a_run_that_would_end_in_the_future_is_still_in_progress(status: str) -> None:
    end = World(1, 1, UNTIL).timeline.end
    # Not cancelled before its start.
    run = _run(lambda: 0.5, Run(1, 1, 1, status, created_at=end), end)
    assert (run.status, run.started_at) == ("InProgress", end)
    assert (run.completed_at, run.time_elapsed) == (None, None)
    assert run.steps_done < run.steps


def test_steps_fit_the_status_of_their_run(admin: Connection[Any], database_url: str) -> None:
    fill(database_url)
    wrong = value(
        admin,
        """
        SELECT count(*)
        FROM runs
        INNER JOIN run_steps ON runs.user_id = run_steps.user_id AND runs.id = run_steps.run_id
        WHERE
            (run_steps.status = 'Failed' AND runs.status <> 'Failed')
            OR (run_steps.status = 'InProgress' AND runs.status <> 'InProgress')
            OR (
                runs.status = 'Completed'
                AND run_steps.status NOT IN ('Completed', 'Skipped')
            )
            OR runs.started_at IS NULL
            OR run_steps.time_elapsed > coalesce(runs.time_elapsed, 0)
        """,
    )
    assert wrong == 0
    assert value(admin, "SELECT count(DISTINCT status) FROM run_steps") == 5


@pytest.mark.slow("the seed")
def test_nothing_comes_before_what_it_refers_to(admin: Connection[Any], database_url: str) -> None:
    fill(database_url)
    for child, parent, condition in (
        ("resources", "users", "child.created_by_id = parent.id"),
        ("resource_versions", "resources", "child.resource_id = parent.id"),
        ("resource_translations", "resources", "child.resource_id = parent.id"),
        ("bookmarks", "resources", "child.resource_id = parent.id"),
        ("bookmarks", "users", "child.user_id = parent.id"),
        ("teams", "users", "child.created_by_id = parent.id"),
        ("members", "teams", "child.team_id = parent.id"),
        ("members", "users", "child.user_id = parent.id"),
        ("runs", "users", "child.user_id = parent.id"),
        ("runs", "resource_versions", "child.resource_version_id = parent.id"),
        ("chats", "users", "child.creator_id = parent.id"),
        ("chats", "teams", "child.team_id = parent.id"),
        ("chat_participants", "users", "child.user_id = parent.id"),
    ):
        early = value(
            admin,
            f"""
            SELECT count(*) FROM {child} AS child INNER JOIN {parent} AS parent ON {condition}
            WHERE child.created_at < parent.created_at
            """,
        )
        assert early == 0, (child, parent)


@pytest.mark.slow("the seed")
def test_everything_lies_in_the_two_years_before(admin: Connection[Any], database_url: str) -> None:
    fill(database_url)
    for table in ("users", "resources", "resource_versions", "runs", "chats"):
        row = admin.execute(f"SELECT min(created_at), max(updated_at) FROM {table}").fetchone()
        assert row is not None
        earliest, latest = row
        assert UNTIL - timedelta(days=730) <= earliest
        assert latest <= UNTIL
    newest = value(admin, "SELECT max(created_at) FROM resources")
    assert newest > UNTIL - timedelta(days=3)


@pytest.mark.slow("the seed")
def test_by_default_the_newest_rows_are_of_today_or_yesterday(
    admin: Connection[Any], database_url: str
) -> None:
    seed(database_url, scale=SCALE)
    newest = value(admin, "SELECT max(created_at) FROM runs")
    assert newest <= datetime.now(UTC)
    assert newest > datetime.now(UTC) - timedelta(days=3)


@pytest.mark.slow("the seed")
def test_few_authors_write_much_and_scores_tie(admin: Connection[Any], database_url: str) -> None:
    fill(database_url, scale=0.05)
    share = value(
        admin,
        """
        WITH authors AS (
            SELECT count(*) AS resources FROM resources
            WHERE created_by_id IS NOT NULL
            GROUP BY created_by_id
            ORDER BY count(*) DESC
        )
        SELECT
            (SELECT sum(resources) FROM (SELECT resources FROM authors LIMIT 10) AS top)
            / (SELECT sum(resources) FROM authors)
        """,
    )
    # 10 of 1 000 users; even hands would give them a hundredth.
    assert share > 0.15
    ties = value(admin, "SELECT count(*) FROM resources GROUP BY score ORDER BY 1 DESC LIMIT 1")
    assert ties > 3_000
    most = value(admin, "SELECT max(views) / greatest(avg(views), 1) FROM resources")
    assert most > 20


@pytest.mark.slow("the seed")
def test_six_in_ten_resources_are_listed_routines(
    admin: Connection[Any], database_url: str
) -> None:
    fill(database_url)
    listed = value(
        admin,
        """
        SELECT count(*) FROM resources
        WHERE resource_type = 'Routine'
        AND NOT is_private AND NOT is_deleted AND has_complete_version
        """,
    )
    # The kinds repeat every thousand: 200 000 resources have two hundred times as many.
    assert listed >= 600


@pytest.mark.slow("the seed")
def test_some_users_have_no_address_are_bots_or_private(
    admin: Connection[Any], database_url: str
) -> None:
    fill(database_url, scale=0.02)
    for condition in ("email IS NULL", "handle IS NULL", "is_bot", "is_private"):
        found = value(admin, f"SELECT count(*) FROM users WHERE {condition}")
        assert 0 < found < 200, condition


def test_identities_go_on_after_the_seed(admin: Connection[Any], database_url: str) -> None:
    report = fill(database_url)
    make = Factory(admin)
    user_id = make.user()
    resource_id = make.resource()
    assert user_id == report.rows["users"] + 1
    assert resource_id == report.rows["resources"] + 1
    for table, column in (("resource_versions", "id"), ("runs", "id"), ("chats", "id")):
        next_id = value(admin, f"SELECT nextval(pg_get_serial_sequence('{table}', '{column}'))")
        assert next_id > report.rows[table]


def test_tables_are_analyzed_and_visible_to_index_only_scans(
    admin: Connection[Any], database_url: str
) -> None:
    fill(database_url)
    pages = admin.execute("SELECT relpages, relallvisible FROM pg_class WHERE relname = 'runs'")
    row = pages.fetchone()
    assert row is not None
    assert row[0] == row[1] > 0


def test_database_with_rows_is_refused_and_left_alone(
    admin: Connection[Any], database_url: str
) -> None:
    Factory(admin).user()
    with pytest.raises(InvalidInput, match="give an empty database"):
        fill(database_url)
    assert value(admin, "SELECT count(*) FROM users") == 1


def test_database_without_migrations_is_refused(empty_database_url: str) -> None:
    with pytest.raises(NotMigrated):
        fill(empty_database_url)


def test_failure_leaves_nothing(admin: Connection[Any], database_url: str) -> None:
    class Failing(Recorder):
        def start(self, task: str, total: int | None) -> None:
            super().start(task, total)
            if task == "runs":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(database_url, progress=Failing())
    assert value(admin, "SELECT count(*) FROM users") == 0
    assert value(admin, "SELECT count(*) FROM resources") == 0


def test_unreachable_server_is_reported() -> None:
    with pytest.raises(Unavailable):
        fill("host=127.0.0.1 port=1 user=nobody password=secret dbname=none")


@pytest.mark.parametrize("scale", [0, -1, 101, float("nan"), float("inf"), True, "1"])
def test_wrong_scale_is_refused(scale: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^scale: "):
        seed("dbname=never_reached", scale=scale)


@pytest.mark.parametrize(
    "until",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001
        datetime(1969, 1, 1, tzinfo=UTC),
        datetime(9999, 1, 1, tzinfo=UTC),
        "2026-01-01",
    ],
)
def test_wrong_until_is_refused(until: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^until: "):
        seed("dbname=never_reached", until=until)


@pytest.mark.parametrize("number", [-1, 2**63, 1.5, "1"])
def test_wrong_seed_is_refused(number: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^seed: "):
        seed("dbname=never_reached", seed=number)


def test_one_moment_is_the_same_in_every_zone() -> None:
    elsewhere = UNTIL.astimezone(timezone(timedelta(hours=9)))
    assert World(1, 1, elsewhere).timeline.end == World(1, 1, UNTIL).timeline.end


@pytest.mark.parametrize("scale", [0.00001, 0.0001])
def test_tiniest_scale_still_fits_together(database_url: str, scale: float) -> None:
    assert fill(database_url, scale=scale).rows["users"] >= 1


def test_public_ids_of_a_world_never_repeat() -> None:
    public_id = World(1, 1, UNTIL).public_ids("users")
    ids = {public_id(id) for id in range(10_000)}
    assert len(ids) == 10_000
    assert public_id_of(0) == "0" * 12
    assert public_id_of(PUBLIC_IDS - 1) == "z" * 12
    assert new_public_id() != new_public_id()
