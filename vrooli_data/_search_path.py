"""The schemas in which names are looked up. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Self

from psycopg import sql

from .errors import InvalidInput, PermissionDenied
from .validation import check_list, check_text

_MAX_SCHEMAS = 100
#: Bytes of a name. The server truncates a longer one, which may then be the name of another.
_MAX_NAME = 63

#: The schemas of the role's search_path that exist, in order, and whether each holds a ledger of
#: migrations. The session is not pinned yet, and so nothing here is looked up by the path.
FIND_SCHEMAS: Final = b"""
/* vrooli_data:find_schemas */
SELECT
    path.name::pg_catalog.text,
    EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE
            pg_class.relnamespace OPERATOR(pg_catalog.=) pg_namespace.oid
            AND pg_class.relname OPERATOR(pg_catalog.=) ANY (
                ARRAY['vrooli_data_migrations', 'vrooli_data_application_migrations']
            )
    )
FROM pg_catalog.unnest(pg_catalog.current_schemas(FALSE)) WITH ORDINALITY AS path (name, place)
INNER JOIN pg_catalog.pg_namespace ON path.name OPERATOR(pg_catalog.=) pg_namespace.nspname
ORDER BY path.place
"""


#: A schema of the path that holds a ledger of migrations, and that the role may not use: without
#: USAGE, the server says that no table is there.
FIND_FORBIDDEN: Final = b"""
/* vrooli_data:find_forbidden */
SELECT
    pg_namespace.nspname::pg_catalog.text,
    CURRENT_USER::pg_catalog.text
FROM pg_catalog.pg_namespace
INNER JOIN pg_catalog.pg_class
    ON
        pg_namespace.oid OPERATOR(pg_catalog.=) pg_class.relnamespace
        AND pg_class.relname OPERATOR(pg_catalog.=) ANY (
            ARRAY['vrooli_data_migrations', 'vrooli_data_application_migrations']
        )
WHERE
    pg_namespace.nspname OPERATOR(pg_catalog.=) ANY (
        SELECT pg_catalog.btrim(part.name, ' "')
        FROM pg_catalog.string_to_table(
            pg_catalog.replace(
                pg_catalog.current_setting('search_path'),
                '$user',
                CURRENT_USER::pg_catalog.text
            ),
            ','
        ) AS part (name)
    )
    AND NOT pg_catalog.has_schema_privilege(pg_namespace.oid, 'USAGE')
ORDER BY pg_namespace.nspname
LIMIT 1
"""


def forbidden(rows: Iterable[tuple[Any, ...]]) -> PermissionDenied | None:
    """Return the error for the rows of `FIND_FORBIDDEN`; None without a row."""
    for schema, role in rows:
        return PermissionDenied(
            f"the role {role} lacks USAGE on the schema {schema} of the tables: its owner can "
            "GRANT it",
            object=f"schema {schema}",
            privileges=("USAGE",),
            role=role,
        )
    return None


class SearchPath(NamedTuple):
    """The schemas in which names are looked up; no other schema is searched."""

    #: The schema of the layer's tables. None: the first of the role's path that exists.
    schema: str | None = None
    #: Schemas of an application or of extensions. They are searched after it.
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: str | None, search_path: Sequence[str]) -> Self:
        """Check the arguments of these names, and return the path."""
        if schema is not None:
            _check_schema("schema", schema)
        return cls(
            schema, tuple(check_list("search_path", search_path, _MAX_SCHEMAS, _check_schema))
        )

    def found(self, schemas: Iterable[tuple[Any, ...]]) -> Self:
        """Return the path with its schema, chosen from the rows of `FIND_SCHEMAS`."""
        # pg_catalog is part of every path, named or not.
        usable = [(name, migrated) for name, migrated in schemas if not name.startswith("pg_")]
        if not usable:
            raise InvalidInput(
                "schema",
                "must be given: the search_path of this role names no schema that exists and that "
                "the role may use",
            )
        first, is_migrated = usable[0]
        if not is_migrated:
            for name, migrated in usable:
                if migrated:
                    raise InvalidInput(
                        "schema",
                        f"must be given: the migrations are in {name!r}, but the first schema in "
                        f"the search_path of this role is {first!r}",
                    )
        return self._replace(schema=first)

    def followed_by(self, schema: str) -> Self:
        """Return the path with one more schema at its end, unless it has that schema."""
        # pg_catalog is searched first as long as it is not named.
        if schema in (self.schema, *self.others, "pg_catalog"):
            return self
        return self._replace(others=(*self.others, schema))

    def __str__(self) -> str:
        """Return the value of the setting."""
        # pg_catalog is searched first. Named first, it would be where tables are created. Temporary
        # tables are searched before everything unless pg_temp is named.
        names = filter(None, (self.schema, *self.others))
        return ", ".join([*(sql.Identifier(name).as_string() for name in names), "pg_temp"])


def _check_schema(field: str, name: str) -> None:
    check_text(field, name, _MAX_NAME, 1)
    if len(name.encode()) > _MAX_NAME:
        raise InvalidInput(field, f"must have at most {_MAX_NAME} bytes")
    if name.startswith("pg_") or name == "$user":
        raise InvalidInput(field, "must be the name of a schema, and not $user or pg_...")
