-- Names and descriptions as search compares them: folded by one function of the programs, because
-- the server's own functions leave the sharp s, the final sigma and the normal forms as they are.
--
-- NULL: not folded, by a program that does not know the column; search then lowers the text itself.
-- A character becomes 18 at most.

ALTER TABLE users
ADD COLUMN name_folded text,
ADD CONSTRAINT users_name_folded_check CHECK (char_length(name_folded) <= 4590) NOT VALID;

ALTER TABLE resource_translations
ADD COLUMN name_folded text,
ADD COLUMN description_folded text,
ADD CONSTRAINT resource_translations_name_folded_check
CHECK (char_length(name_folded) <= 4590) NOT VALID,
ADD CONSTRAINT resource_translations_description_folded_check
CHECK (char_length(description_folded) <= 180000) NOT VALID;

COMMENT ON COLUMN users.name_folded IS 'For search. NULL: as lower(name) has it.';
COMMENT ON COLUMN resource_translations.name_folded IS 'For search. NULL: as lower(name) has it.';
COMMENT ON COLUMN resource_translations.description_folded IS
'For search. NULL: as lower(description) has it.';
