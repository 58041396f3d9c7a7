-- name: bulk_add__stage()!
-- Make the table that stages notes until the transaction ends. bulk_add__copy fills it. The role needs
-- TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.added_notes (
    row_index bigint NOT NULL,
    slug text COLLATE "C" NOT NULL,
    body text NOT NULL,
    alias text COLLATE "C",
    author_id bigint,
    rank integer NOT NULL,
    data jsonb
) ON COMMIT DROP;

-- name: bulk_add__copy()!
-- Stage the notes that the client sends, in binary, with their place in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: added_notes
COPY pg_temp.added_notes (
    row_index,
    slug,
    body,
    alias,
    author_id,
    rank,
    data
) FROM STDIN (FORMAT "binary");

-- name: bulk_add__insert(first_row, last_row)^
-- Insert the staged notes of a part of the input, the first of each slug; those that are there stay.
-- Record: LoadedRows
-- Index:  scan: added_notes, every row, once
-- Locks:  row: notes
WITH wanted AS (
    SELECT DISTINCT ON (slug)
        nextval('notes_id_seq') AS id,
        slug,
        body,
        alias,
        author_id,
        rank,
        data
    FROM pg_temp.added_notes
    WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
    ORDER BY
        slug ASC,
        row_index ASC
),

written AS (
    INSERT INTO notes (
        id,
        slug,
        body,
        alias,
        author_id,
        rank,
        data
    )
    SELECT
        id,
        slug,
        body,
        alias,
        author_id,
        rank,
        data
    FROM wanted
    ORDER BY slug ASC
    -- lint: conflict_is_read: existing rows do not change the result.
    ON CONFLICT (slug) DO NOTHING
    RETURNING id
)

SELECT
    count(*) FILTER (WHERE wanted.id IS NOT NULL) AS inserted,
    count(*) FILTER (WHERE wanted.id IS NULL) AS updated,
    0::bigint AS missed,
    array_agg(wanted.id ORDER BY wanted.id ASC) FILTER (WHERE wanted.id IS NOT NULL) AS ids
FROM written
LEFT JOIN wanted ON written.id = wanted.id;

-- name: bulk_add__drop()!
-- Drop the staging table, so that more can be loaded in the same transaction.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.added_notes;
