ALTER TABLE resource_translations
DROP COLUMN description_folded,
DROP COLUMN name_folded;
ALTER TABLE users
DROP COLUMN name_folded;
