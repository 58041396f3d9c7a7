-- name: list_applied_migrations()
-- List the ids of the migrations that the database has applied, in order.
-- Record: AppliedMigration
-- Index:  scan: vrooli_data_migrations, at most 100 rows, one per migration
-- Locks:  none
SELECT id
FROM vrooli_data_migrations
ORDER BY id ASC
LIMIT 1000;

-- name: list_applied_application_migrations(application)
-- List the ids of one application's migrations that the database has applied, in order.
-- Utility: reads a table that exists only after an application has migrated the database.
-- Record: AppliedMigration
-- Index:  vrooli_data_application_migrations_pkey,
--         vrooli_data_application_migrations_pkey (order)
-- Locks:  none
SELECT id
FROM vrooli_data_application_migrations
WHERE application = :application::text
-- lint: listing_is_ordered: the key of the table is (application, id).
ORDER BY id ASC
LIMIT 10000;

-- name: list_column_types(table_name)
-- List the columns of one table in their order, each with the type of its values in a binary COPY:
-- the base type of a domain, and text for an enum.
-- A table that does not exist has no columns.
-- Record: ColumnType
-- Index:  pg_attribute_relid_attnum_index, pg_type_oid_index
-- Locks:  none
-- Null:   type, every type has a name
SELECT
    pg_attribute.attname::text AS name,
    CASE pg_type.typtype
        WHEN 'e' THEN 'text'
        WHEN 'd' THEN format_type(pg_type.typbasetype, NULL)
        ELSE format_type(pg_type.oid, NULL)
    END AS type
FROM pg_attribute
INNER JOIN pg_type ON pg_attribute.atttypid = pg_type.oid
WHERE
    pg_attribute.attrelid = to_regclass(:table_name::text)
    AND pg_attribute.attnum > 0
    AND NOT pg_attribute.attisdropped
-- lint: listing_is_ordered: the number of a column is unique in its table.
ORDER BY pg_attribute.attnum ASC;

-- name: list_extensions()
-- List the installed extensions, by name.
-- Record: Extension
-- Index:  scan: pg_extension, at most 500 rows
-- Locks:  none
SELECT extname::text AS name
FROM pg_extension
ORDER BY extname ASC
LIMIT 1000;
