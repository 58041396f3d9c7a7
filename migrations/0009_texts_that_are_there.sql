-- transactional: false
-- squawk-ignore-file ban-drop-table
--
-- Folds the texts of rows that are there, and merges language tags that differ in case alone.
--
-- Of ASCII texts lower() says the same as folding, so their columns stay NULL. For the others this
-- is as close as the server gets; `vrooli-data mend-search` then folds them exactly.
--
-- Each batch commits by itself, so that no row stays locked for long; the file can be run again from
-- the start. Revisions and updated_at stay: what users wrote has not changed.

DO $$
DECLARE
    after bigint := '-9223372036854775808';
    last bigint;
BEGIN
    LOOP
        SELECT max(batch.id) INTO last
        FROM (SELECT id FROM users WHERE id > after ORDER BY id LIMIT 5000) AS batch;
        EXIT WHEN last IS NULL;
        UPDATE users
        SET name_folded = replace(
            replace(lower(normalize(name, NFKC)), U&'\00DF', 'ss'), U&'\03C2', U&'\03C3'
        )
        WHERE
            id > after
            AND id <= last
            AND name_folded IS NULL
            AND octet_length(name) > char_length(name);
        COMMIT;
        after := last;
    END LOOP;
END
$$;

DO $$
DECLARE
    after bigint := '-9223372036854775808';
    last bigint;
BEGIN
    LOOP
        SELECT max(batch.resource_id) INTO last
        FROM (
            SELECT resource_id FROM resource_translations
            WHERE resource_id > after ORDER BY resource_id LIMIT 5000
        ) AS batch;
        EXIT WHEN last IS NULL;
        UPDATE resource_translations
        SET
            name_folded = replace(
                replace(lower(normalize(name, NFKC)), U&'\00DF', 'ss'), U&'\03C2', U&'\03C3'
            ),
            description_folded = replace(
                replace(lower(normalize(description, NFKC)), U&'\00DF', 'ss'), U&'\03C2', U&'\03C3'
            )
        WHERE
            resource_id > after
            AND resource_id <= last
            AND name_folded IS NULL
            AND (
                octet_length(name) > char_length(name)
                OR octet_length(description) > char_length(description)
            );
        COMMIT;
        after := last;
    END LOOP;
END
$$;

ALTER TABLE users VALIDATE CONSTRAINT users_name_folded_check;
ALTER TABLE resource_translations
VALIDATE CONSTRAINT resource_translations_name_folded_check;
ALTER TABLE resource_translations
VALIDATE CONSTRAINT resource_translations_description_folded_check;

-- A tag is written as RFC 5646, section 2.1.1, has it: in small letters, but for subtags of two
-- letters (all capitals) and of four (one capital) that stand neither at the beginning nor behind a
-- subtag of one character.
DROP TABLE IF EXISTS pg_temp.language_tags;
CREATE TEMPORARY TABLE pg_temp.language_tags AS
SELECT
    written.language,
    (
        SELECT
            string_agg(
                CASE
                    WHEN subtags.stays_small THEN subtags.subtag
                    WHEN subtags.subtag ~ '^[a-z]{2}$' THEN upper(subtags.subtag)
                    WHEN subtags.subtag ~ '^[a-z]{4}$' THEN initcap(subtags.subtag)
                    ELSE subtags.subtag
                END,
                '-' ORDER BY subtags.place
            )
        FROM (
            SELECT
                cut.subtag,
                cut.place,
                cut.place = 1 OR bool_or(length(cut.subtag) = 1) OVER (ORDER BY cut.place)
                    AS stays_small
            FROM
                unnest(string_to_array(lower(written.language), '-'))
                WITH ORDINALITY AS cut (subtag, place)
        ) AS subtags
    ) AS tag
FROM (
    SELECT resource_translations.language FROM resource_translations
    UNION
    SELECT unnest(users.languages) FROM users
) AS written;

-- Of translations that differ in the case of their tag alone the one that has the tag stays, else
-- the one that was changed last.
DELETE FROM resource_translations
USING pg_temp.language_tags AS tags
WHERE
    resource_translations.language = tags.language
    AND resource_translations.language <> tags.tag
    AND EXISTS (
        SELECT
        FROM resource_translations AS other
        WHERE
            other.resource_id = resource_translations.resource_id
            AND other.language <> resource_translations.language
            AND lower(other.language) = lower(resource_translations.language)
            AND (
                other.language = tags.tag
                OR (other.updated_at, other.language)
                > (resource_translations.updated_at, resource_translations.language)
            )
    );
UPDATE resource_translations
SET language = tags.tag
FROM pg_temp.language_tags AS tags
WHERE
    resource_translations.language = tags.language
    AND resource_translations.language <> tags.tag;

-- Of languages that a user has twice the first stays.
UPDATE users
SET
    languages = array(
        SELECT coalesce(tags.tag, written.language)
        FROM unnest(users.languages) WITH ORDINALITY AS written (language, place)
        LEFT JOIN pg_temp.language_tags AS tags ON written.language = tags.language
        GROUP BY coalesce(tags.tag, written.language)
        ORDER BY min(written.place)
    )
WHERE
    EXISTS (
        SELECT
        FROM unnest(users.languages) AS written (language)
        LEFT JOIN pg_temp.language_tags AS tags ON written.language = tags.language
        HAVING
            bool_or(written.language <> tags.tag)
            OR count(*) > count(DISTINCT written.language)
    );
DROP TABLE IF EXISTS pg_temp.language_tags;
