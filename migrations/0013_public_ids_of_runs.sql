-- Runs have a public id as users and resources have: it is shown outside, and a file of runs names
-- each by it. This makes the column; the next file fills it.
--
-- The default is for programs that do not know the column: 12 random characters.

ALTER TABLE runs
ADD COLUMN public_id text COLLATE "C",
-- SET NOT NULL reads no row where a valid CHECK says the same.
ADD CONSTRAINT runs_public_id_check
CHECK (public_id IS NOT NULL AND public_id ~ '^[0-9a-z]{12}$') NOT VALID;

-- Base64 in small letters; 61 bits of chance.
ALTER TABLE runs
ALTER COLUMN public_id SET DEFAULT translate(
    left(encode(sha256(uuid_send(gen_random_uuid())), 'base64'), 12),
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ+/',
    'abcdefghijklmnopqrstuvwxyz01'
);

COMMENT ON COLUMN runs.public_id IS
'12 of [0-9a-z], made by the client; the id shown outside. The default serves older clients.';
