-- name: start_step(run_id, step)^
-- Move one Scheduled step of one run to InProgress, if the run is InProgress.
-- The run is locked, so that it does not end before the commit. Its own row is not changed.
-- Record: StepUpdate, or no row
-- Index:  runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, for no key update: run_steps
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status
    FROM runs
    WHERE runs.id = :run_id::bigint
    FOR NO KEY UPDATE
),

planned AS (
    SELECT
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.status
    FROM cur
    INNER JOIN run_steps
        ON
            cur.user_id = run_steps.user_id
            AND cur.id = run_steps.run_id
            AND run_steps.step = :step::integer
    FOR NO KEY UPDATE OF run_steps
),

moved AS (
    UPDATE run_steps
    SET
        status = 'InProgress',
        updated_at = now()
    FROM cur
    INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
    WHERE
        run_steps.user_id = planned.user_id
        AND run_steps.run_id = planned.run_id
        AND run_steps.step = planned.step
        AND cur.status = 'InProgress'
        AND planned.status = 'Scheduled'
    RETURNING
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.name,
        run_steps.status,
        run_steps.time_elapsed,
        run_steps.created_at
)

SELECT
    cur.status AS run_status,
    planned.status AS previous_status,
    CASE
        WHEN moved.step IS NOT NULL
            THEN json_build_object(
                'step', moved.step,
                'name', moved.name,
                'status', moved.status,
                'time_elapsed', moved.time_elapsed,
                'created_at', moved.created_at
            )
    END AS updated
FROM cur
INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
LEFT JOIN moved ON planned.step = moved.step;

-- name: start_step__of_user(run_id, user_id, step)^
-- Move one Scheduled step of one run of one user to InProgress, if the run is InProgress.
-- The run is locked, so that it does not end before the commit. Its own row is not changed.
-- Record: StepUpdate, or no row
-- Index:  runs_pkey or runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, for no key update: run_steps
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :run_id::bigint
    FOR NO KEY UPDATE
),

planned AS (
    SELECT
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.status
    FROM cur
    INNER JOIN run_steps
        ON
            cur.user_id = run_steps.user_id
            AND cur.id = run_steps.run_id
            AND run_steps.step = :step::integer
    FOR NO KEY UPDATE OF run_steps
),

moved AS (
    UPDATE run_steps
    SET
        status = 'InProgress',
        updated_at = now()
    FROM cur
    INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
    WHERE
        run_steps.user_id = planned.user_id
        AND run_steps.run_id = planned.run_id
        AND run_steps.step = planned.step
        AND cur.status = 'InProgress'
        AND planned.status = 'Scheduled'
    RETURNING
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.name,
        run_steps.status,
        run_steps.time_elapsed,
        run_steps.created_at
)

SELECT
    cur.status AS run_status,
    planned.status AS previous_status,
    CASE
        WHEN moved.step IS NOT NULL
            THEN json_build_object(
                'step', moved.step,
                'name', moved.name,
                'status', moved.status,
                'time_elapsed', moved.time_elapsed,
                'created_at', moved.created_at
            )
    END AS updated
FROM cur
INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
LEFT JOIN moved ON planned.step = moved.step;

-- name: finish_step(run_id, step, status, time_elapsed, outputs)^
-- Move one step of one run that is Scheduled or InProgress to a final status, if the run is
-- InProgress, and write the outputs of the step.
-- The run is locked, so that it does not end before the commit. Its own row is not changed. An
-- existing output of the step gets the new value.
-- Record: StepUpdate, or no row
-- Index:  runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, for no key update: run_steps, row: run_io
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status
    FROM runs
    WHERE runs.id = :run_id::bigint
    FOR NO KEY UPDATE
),

planned AS (
    SELECT
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.status,
        run_steps.time_elapsed
    FROM cur
    INNER JOIN run_steps
        ON
            cur.user_id = run_steps.user_id
            AND cur.id = run_steps.run_id
            AND run_steps.step = :step::integer
    FOR NO KEY UPDATE OF run_steps
),

moved AS (
    UPDATE run_steps
    SET
        status = :status::text,
        time_elapsed = coalesce(:time_elapsed::bigint, planned.time_elapsed),
        updated_at = now()
    FROM cur
    INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
    WHERE
        run_steps.user_id = planned.user_id
        AND run_steps.run_id = planned.run_id
        AND run_steps.step = planned.step
        AND cur.status = 'InProgress'
        AND planned.status IN ('Scheduled', 'InProgress')
    RETURNING
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.name,
        run_steps.status,
        run_steps.time_elapsed,
        run_steps.created_at
),

written AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        moved.user_id,
        moved.run_id,
        'output',
        moved.step,
        outputs.key,
        outputs.value
    FROM moved
    CROSS JOIN jsonb_each(:outputs::jsonb) AS outputs
    ON CONFLICT (user_id, run_id, side, step, key) DO UPDATE SET
        value = excluded.value,
        updated_at = excluded.updated_at
)

SELECT
    cur.status AS run_status,
    planned.status AS previous_status,
    CASE
        WHEN moved.step IS NOT NULL
            THEN json_build_object(
                'step', moved.step,
                'name', moved.name,
                'status', moved.status,
                'time_elapsed', moved.time_elapsed,
                'created_at', moved.created_at
            )
    END AS updated
FROM cur
INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
LEFT JOIN moved ON planned.step = moved.step;

-- name: finish_step__of_user(run_id, user_id, step, status, time_elapsed, outputs)^
-- Move one step of one run of one user that is Scheduled or InProgress to a final status, if the run is
-- InProgress, and write the outputs of the step.
-- The run is locked, so that it does not end before the commit. Its own row is not changed. An
-- existing output of the step gets the new value.
-- Record: StepUpdate, or no row
-- Index:  runs_pkey or runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, for no key update: run_steps, row: run_io
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id,
        runs.status
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :run_id::bigint
    FOR NO KEY UPDATE
),

planned AS (
    SELECT
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.status,
        run_steps.time_elapsed
    FROM cur
    INNER JOIN run_steps
        ON
            cur.user_id = run_steps.user_id
            AND cur.id = run_steps.run_id
            AND run_steps.step = :step::integer
    FOR NO KEY UPDATE OF run_steps
),

moved AS (
    UPDATE run_steps
    SET
        status = :status::text,
        time_elapsed = coalesce(:time_elapsed::bigint, planned.time_elapsed),
        updated_at = now()
    FROM cur
    INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
    WHERE
        run_steps.user_id = planned.user_id
        AND run_steps.run_id = planned.run_id
        AND run_steps.step = planned.step
        AND cur.status = 'InProgress'
        AND planned.status IN ('Scheduled', 'InProgress')
    RETURNING
        run_steps.user_id,
        run_steps.run_id,
        run_steps.step,
        run_steps.name,
        run_steps.status,
        run_steps.time_elapsed,
        run_steps.created_at
),

written AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        moved.user_id,
        moved.run_id,
        'output',
        moved.step,
        outputs.key,
        outputs.value
    FROM moved
    CROSS JOIN jsonb_each(:outputs::jsonb) AS outputs
    ON CONFLICT (user_id, run_id, side, step, key) DO UPDATE SET
        value = excluded.value,
        updated_at = excluded.updated_at
)

SELECT
    cur.status AS run_status,
    planned.status AS previous_status,
    CASE
        WHEN moved.step IS NOT NULL
            THEN json_build_object(
                'step', moved.step,
                'name', moved.name,
                'status', moved.status,
                'time_elapsed', moved.time_elapsed,
                'created_at', moved.created_at
            )
    END AS updated
FROM cur
INNER JOIN planned ON cur.user_id = planned.user_id AND cur.id = planned.run_id
LEFT JOIN moved ON planned.step = moved.step;

-- name: add_outputs(run_id, step, outputs)^
-- Write outputs of one run, or of one of its steps. Returns no row when the run or step is absent.
-- Step 0 is the run itself. An existing output gets the new value. The run is locked, so that two
-- calls do not deadlock over the same outputs. Its own row is not changed.
-- Record: RowId, or no row
-- Index:  runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, row: run_io
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id
    FROM runs
    WHERE runs.id = :run_id::bigint
    FOR NO KEY UPDATE
),

target AS (
    SELECT
        cur.user_id,
        cur.id
    FROM cur
    WHERE
        :step::integer = 0
        OR EXISTS (
            SELECT run_steps.step
            FROM run_steps
            WHERE
                run_steps.user_id = cur.user_id
                AND run_steps.run_id = cur.id
                AND run_steps.step = :step::integer
        )
),

written AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        target.user_id,
        target.id,
        'output',
        :step::integer,
        outputs.key,
        outputs.value
    FROM target
    CROSS JOIN jsonb_each(:outputs::jsonb) AS outputs
    ON CONFLICT (user_id, run_id, side, step, key) DO UPDATE SET
        value = excluded.value,
        updated_at = excluded.updated_at
)

SELECT id
FROM target;

-- name: add_outputs__of_user(run_id, user_id, step, outputs)^
-- Write outputs of one run of one user, or of one of its steps. Returns no row when the run or step is absent.
-- Step 0 is the run itself. An existing output gets the new value. The run is locked, so that two
-- calls do not deadlock over the same outputs. Its own row is not changed.
-- Record: RowId, or no row
-- Index:  runs_pkey or runs_id_key, run_steps_pkey
-- Locks:  for no key update: runs, row: run_io
WITH cur AS (
    SELECT
        runs.user_id,
        runs.id
    FROM runs
    WHERE
        runs.user_id = :user_id::bigint
        AND runs.id = :run_id::bigint
    FOR NO KEY UPDATE
),

target AS (
    SELECT
        cur.user_id,
        cur.id
    FROM cur
    WHERE
        :step::integer = 0
        OR EXISTS (
            SELECT run_steps.step
            FROM run_steps
            WHERE
                run_steps.user_id = cur.user_id
                AND run_steps.run_id = cur.id
                AND run_steps.step = :step::integer
        )
),

written AS (
    INSERT INTO run_io (user_id, run_id, side, step, key, value)
    SELECT
        target.user_id,
        target.id,
        'output',
        :step::integer,
        outputs.key,
        outputs.value
    FROM target
    CROSS JOIN jsonb_each(:outputs::jsonb) AS outputs
    ON CONFLICT (user_id, run_id, side, step, key) DO UPDATE SET
        value = excluded.value,
        updated_at = excluded.updated_at
)

SELECT id
FROM target;
