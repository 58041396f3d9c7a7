-- name: bulk_create__stage()!
-- Make the table that stages notes until the transaction ends. bulk_create__copy fills it. The role needs
-- TEMPORARY on the database.
-- Record: none
-- Index:  none: makes a table
-- Locks:  none
CREATE TEMPORARY TABLE pg_temp.new_notes (
    row_index bigint NOT NULL,
    slug text COLLATE "C" NOT NULL,
    body text NOT NULL,
    alias text COLLATE "C",
    author_id bigint,
    rank integer NOT NULL,
    data jsonb
) ON COMMIT DROP;

-- name: bulk_create__copy()!
-- Stage the notes that the client sends, in binary, with their place in its input.
-- Record: none
-- Index:  none: writes rows
-- Locks:  row: new_notes
COPY pg_temp.new_notes (
    row_index,
    slug,
    body,
    alias,
    author_id,
    rank,
    data
) FROM STDIN (FORMAT "binary");

-- name: bulk_create__failures(duplicates_fail)
-- Take the staged notes that cannot be written out of the staging, and tell which and why.
-- Record: FailedRow
-- Index:  users_pkey, notes_slug_key, notes_alias_key, scan: new_notes, every row, twice
-- Locks:  row: new_notes
WITH broken AS (
    SELECT
        placed.row_index,
        CASE
            WHEN placed.rank < 0 THEN 'notes_rank_check'
            WHEN placed.author_id IS NOT NULL AND author.id IS NULL THEN 'notes_author_id_fkey'
            WHEN other.slug IS NOT NULL OR placed.alias_place > 1 THEN 'notes_alias_key'
            ELSE 'notes_slug_key'
        END AS constraint_name,
        CASE
            WHEN placed.rank < 0 THEN 'the rank is below 0'
            WHEN placed.author_id IS NOT NULL AND author.id IS NULL THEN 'there is no such author'
            WHEN other.slug IS NOT NULL OR placed.alias_place > 1 THEN 'the alias is taken'
            ELSE 'the slug is taken'
        END AS reason
    FROM (
        SELECT
            row_index,
            slug,
            alias,
            author_id,
            rank,
            row_number() OVER (PARTITION BY slug ORDER BY row_index ASC) AS slug_place,
            -- Of another slug: a note of the same slug is the same note.
            CASE
                WHEN
                    alias IS NOT NULL
                    AND slug <> first_value(slug) OVER (PARTITION BY alias ORDER BY row_index ASC)
                    THEN 2
                ELSE 1
            END AS alias_place
        FROM pg_temp.new_notes
    ) AS placed
    LEFT JOIN LATERAL (
        SELECT users.id
        FROM users
        WHERE users.id = placed.author_id
        OFFSET 0
    ) AS author ON TRUE
    LEFT JOIN LATERAL (
        SELECT notes.slug
        FROM notes
        WHERE
            notes.slug = placed.slug
            AND :duplicates_fail::boolean
        OFFSET 0
    ) AS same ON TRUE
    LEFT JOIN LATERAL (
        SELECT notes.slug
        FROM notes
        WHERE
            notes.alias = placed.alias
            AND notes.slug <> placed.slug
        OFFSET 0
    ) AS other ON TRUE
    WHERE
        placed.rank < 0
        OR (placed.author_id IS NOT NULL AND author.id IS NULL)
        OR other.slug IS NOT NULL
        OR placed.alias_place > 1
        OR same.slug IS NOT NULL
        OR (:duplicates_fail::boolean AND placed.slug_place > 1)
),

removed AS (
    DELETE FROM pg_temp.new_notes
    USING broken
    WHERE new_notes.row_index = broken.row_index
)

SELECT
    row_index,
    constraint_name,
    reason
FROM broken
-- lint: listing_is_ordered: a batch bounds the rows, and row_index is unique.
ORDER BY row_index ASC;

-- name: bulk_create__insert(first_row, last_row)^
-- Insert the staged notes of a part of the input, the first of each slug; those that are there stay.
-- Record: LoadedRows
-- Index:  scan: new_notes, every row, once
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
    FROM pg_temp.new_notes
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

-- name: bulk_create__update(first_row, last_row)^
-- Insert the staged notes of a part of the input, the last of each slug, or update those there are.
-- Record: LoadedRows
-- Index:  scan: new_notes, every row, once
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
    FROM pg_temp.new_notes
    WHERE row_index BETWEEN :first_row::bigint AND :last_row::bigint
    ORDER BY
        slug ASC,
        row_index DESC
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
    ON CONFLICT (slug) DO UPDATE
        SET
            body = excluded.body,
            alias = excluded.alias,
            author_id = excluded.author_id,
            rank = excluded.rank,
            data = excluded.data
    RETURNING id
)

SELECT
    count(*) FILTER (WHERE wanted.id IS NOT NULL) AS inserted,
    count(*) FILTER (WHERE wanted.id IS NULL) AS updated,
    0::bigint AS missed,
    array_agg(wanted.id ORDER BY wanted.id ASC) FILTER (WHERE wanted.id IS NOT NULL) AS ids
FROM written
LEFT JOIN wanted ON written.id = wanted.id;

-- name: bulk_create__drop()!
-- Drop the staging table, so that more can be loaded in the same transaction.
-- Record: none
-- Index:  none: drops a table
-- Locks:  none
DROP TABLE pg_temp.new_notes;
