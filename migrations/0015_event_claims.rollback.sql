DROP TABLE pruned_events;

ALTER TABLE change_events
DROP COLUMN resent_at,
DROP COLUMN claimed_until,
DROP COLUMN claimed_by;
