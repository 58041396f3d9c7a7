-- transactional: false
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- An id is of one run, whoever's it is. Until now only the identity kept ids apart, and a program
-- that gave ids itself, or a sequence that was set back, could give one of another user's: methods
-- that are given an id alone then met both runs.
--
-- Where runs are distributed by user_id, no such index is possible; README.md says what holds there.
--
-- The index is dropped first: CREATE INDEX CONCURRENTLY that was cut short leaves an invalid one
-- behind, and so the whole file can be run again at any time. No statement blocks reads or writes.

DO $$
BEGIN
    IF EXISTS (SELECT FROM runs GROUP BY id HAVING count(*) > 1) THEN
        RAISE EXCEPTION 'runs of several users have the same id; find them with: '
            'SELECT id, array_agg(user_id) FROM runs GROUP BY id HAVING count(*) > 1; '
            'and give all but one of each a new id, as migrations/README.md shows';
    END IF;
END
$$;

DROP INDEX CONCURRENTLY IF EXISTS runs_id_key;
-- Every method that is given a run's id without its user.
CREATE UNIQUE INDEX CONCURRENTLY runs_id_key ON runs (id);

DROP INDEX CONCURRENTLY IF EXISTS runs_id_idx;
