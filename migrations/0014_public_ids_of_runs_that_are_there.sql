-- transactional: false
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- Gives the runs that are there a public id, and lets no two runs share one.
--
-- Each batch commits by itself, so that no row stays locked for long; the file can be run again from
-- the start. Revisions and updated_at stay: nobody changed a run.
--
-- Where runs are distributed by user_id, the unique index is not possible; README.md says what holds
-- there.

DO $$
DECLARE
    after_user bigint := '-9223372036854775808';
    after_run bigint := '-9223372036854775808';
    last_user bigint;
    last_run bigint;
BEGIN
    LOOP
        SELECT batch.user_id, batch.id INTO last_user, last_run
        FROM (
            SELECT user_id, id FROM runs
            WHERE (user_id, id) > (after_user, after_run) ORDER BY user_id, id LIMIT 5000
        ) AS batch
        ORDER BY batch.user_id DESC, batch.id DESC LIMIT 1;
        EXIT WHEN last_user IS NULL;
        UPDATE runs
        SET public_id = DEFAULT
        WHERE
            (user_id, id) > (after_user, after_run)
            AND (user_id, id) <= (last_user, last_run)
            AND public_id IS NULL;
        COMMIT;
        after_user := last_user;
        after_run := last_run;
    END LOOP;
END
$$;

ALTER TABLE runs VALIDATE CONSTRAINT runs_public_id_check;
-- The CHECK says that there is no NULL, so that no row is read.
-- squawk-ignore adding-not-nullable-field
ALTER TABLE runs ALTER COLUMN public_id SET NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS runs_public_id_key;
-- runs.find_by_public_id, and an import that looks which runs are there.
CREATE UNIQUE INDEX CONCURRENTLY runs_public_id_key ON runs (public_id);
