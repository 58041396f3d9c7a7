-- name: export()
-- Stream every run, including private ones, with its steps, inputs and outputs, in the order of
-- users and ids.
-- Steps, inputs and outputs are looked up run by run, so that no large set is sorted, and the first
-- row is sent at once, whatever the size of the tables.
-- Record: RunLine
-- Index:  runs_pkey (order), users_pkey, resource_versions_pkey, run_steps_pkey, run_io_pkey, scan: runs, every row, each is sent once
-- Locks:  none
-- Null:   user_public_id, a foreign key keeps the user of a run
COPY (
    SELECT
        runs.public_id,
        (
            SELECT users.public_id
            FROM users
            WHERE users.id = runs.user_id
        ) AS user_public_id,
        (
            SELECT resource_versions.public_id
            FROM resource_versions
            WHERE resource_versions.id = runs.resource_version_id
        ) AS resource_version_public_id,
        runs.name,
        runs.status,
        runs.is_private,
        runs.data IS NOT NULL AS has_data,
        coalesce(runs.data, 'null'::jsonb)::json AS data,
        runs.started_at,
        runs.completed_at,
        runs.time_elapsed,
        runs.completed_complexity,
        runs.context_switches,
        runs.revision,
        runs.created_at,
        runs.updated_at,
        coalesce(
            (
                SELECT
                    json_agg(
                        json_build_object(
                            'step', run_steps.step,
                            'name', run_steps.name,
                            'status', run_steps.status,
                            'time_elapsed', run_steps.time_elapsed,
                            'created_at', run_steps.created_at,
                            'updated_at', run_steps.updated_at
                        )
                        ORDER BY run_steps.step ASC
                    )
                FROM run_steps
                WHERE
                    run_steps.user_id = runs.user_id
                    AND run_steps.run_id = runs.id
            ),
            '[]'::json
        ) AS steps,
        coalesce(
            (
                SELECT
                    json_agg(
                        json_build_object(
                            'step', run_io.step,
                            'key', run_io.key,
                            'value', run_io.value,
                            'created_at', run_io.created_at,
                            'updated_at', run_io.updated_at
                        )
                        ORDER BY run_io.step ASC, run_io.key ASC
                    )
                FROM run_io
                WHERE
                    run_io.user_id = runs.user_id
                    AND run_io.run_id = runs.id
                    AND run_io.side = 'input'
            ),
            '[]'::json
        ) AS inputs,
        coalesce(
            (
                SELECT
                    json_agg(
                        json_build_object(
                            'step', run_io.step,
                            'key', run_io.key,
                            'value', run_io.value,
                            'created_at', run_io.created_at,
                            'updated_at', run_io.updated_at
                        )
                        ORDER BY run_io.step ASC, run_io.key ASC
                    )
                FROM run_io
                WHERE
                    run_io.user_id = runs.user_id
                    AND run_io.run_id = runs.id
                    AND run_io.side = 'output'
            ),
            '[]'::json
        ) AS outputs
    FROM runs
    ORDER BY
        runs.user_id ASC,
        runs.id ASC
) TO STDOUT (FORMAT "binary");
