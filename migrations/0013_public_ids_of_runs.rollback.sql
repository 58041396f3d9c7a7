ALTER TABLE runs
DROP COLUMN public_id;
