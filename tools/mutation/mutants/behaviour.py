"""Mistakes that fit records and headers: only running the query shows them, or a review."""

from __future__ import annotations

from tools.mutation.mutant import Check, Mutant, Test

MUTANTS = [
    Mutant(
        "one column under the name of another",
        "users.find_by_id",
        "sql/users/read.sql",
        "    email,\n",
        "    handle AS email,\n",
        Test("tests/_async/test_users.py::test_find_by_id_returns_the_whole_row"),
    ),
    Mutant(
        "one key with the value of another",
        "runs.find_with_details",
        "sql/runs/read.sql",
        "'name', run_steps.name,",
        "'name', run_steps.status,",
        Test(
            "tests/_async/test_start_with_steps.py::test_a_run_is_started_with_its_steps_and_inputs"
        ),
    ),
    Mutant(
        "inserted values swapped, of one type",
        "users.create",
        "sql/users/write.sql",
        "    :is_bot::boolean,\n    :is_private::boolean,\n",
        "    :is_private::boolean,\n    :is_bot::boolean,\n",
        Test("tests/_async/test_users_write.py::test_create_returns_the_row"),
    ),
    Mutant(
        "column not written",
        "users.update",
        "sql/users/write.sql",
        "        languages = changed.languages,\n",
        "",
        Test("tests/_async/test_users_write.py::test_update_changes_the_fields_given_alone"),
    ),
    Mutant(
        "oldest first inside json_agg",
        "users.find_with_teams",
        "sql/users/read.sql",
        "ORDER BY members.created_at DESC, members.team_id DESC",
        "ORDER BY members.created_at ASC, members.team_id ASC",
        Check("plan", "the plan is not the one"),
    ),
    Mutant(
        "counter below zero",
        "resources.increment_bookmarks",
        "sql/resources/write.sql",
        "greatest(resources.bookmarks + :by::integer, 0)",
        "resources.bookmarks + :by::integer",
        Test("tests/_async/test_resources_write.py::test_the_counter_of_bookmarks_stays_at_zero"),
    ),
    Mutant(
        "counter that starts anew each time",
        "runs.update_status",
        "sql/runs/update_status.sql",
        "stats_users.runs_completed + excluded.runs_completed",
        "excluded.runs_completed",
        Test(
            "tests/_async/test_runs_write.py"
            "::test_completing_runs_counts_them_in_the_day_of_their_user"
        ),
    ),
    Mutant(
        "start overwritten",
        "runs.update_status",
        "sql/runs/update_status.sql",
        "THEN coalesce(cur.started_at, now())",
        "THEN now()",
        Test(
            "tests/_async/test_runs_write.py"
            "::test_started_at_is_set_once_and_completed_at_by_every_final_status"
        ),
    ),
    Mutant(
        "average over all runs",
        "runs.get_execution_stats",
        "sql/runs/read.sql",
        "(avg(time_elapsed) FILTER (WHERE status = 'Completed'))",
        "(avg(time_elapsed) FILTER (WHERE status != 'Paused'))",
        Test(
            "tests/_async/test_runs.py"
            "::test_execution_stats_count_every_status_and_average_completed_runs"
        ),
    ),
    Mutant(
        "index of a version left out",
        "resources.add_version",
        "sql/resources/versions.sql",
        "cur.last_version_index + 1",
        "cur.last_version_index + 2",
        Test(
            "tests/_async/test_resource_versions.py"
            "::test_add_version_returns_the_row_and_points_the_resource_at_it"
        ),
    ),
    Mutant(
        "constraint dropped",
        "",
        "migrations/0002_resources.sql",
        "    CONSTRAINT resources_views_check CHECK (views >= 0),\n",
        "",
        Test("tests/test_schema.py::test_a_value_outside_its_domain_is_refused"),
    ),
    Mutant(
        "rows that outlive their parent",
        "users.delete",
        "migrations/0001_users_and_teams.sql",
        "REFERENCES users (id) ON DELETE CASCADE",
        "REFERENCES users (id)",
        Check("locks", "the statement locks cascade: bookmarks"),
    ),
    Mutant(
        "default turned round",
        "users.search__substring_by_trigram",
        "migrations/0001_users_and_teams.sql",
        "    is_private boolean NOT NULL DEFAULT FALSE,\n",
        "    is_private boolean NOT NULL DEFAULT TRUE,\n",
        # The rows that the check makes would be private.
        Check("plan", "the plan is not the one"),
    ),
]
