"""Which error of ours stands for which of psycopg's."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors as pg
from psycopg.pq import DiagnosticField

from vrooli_data import errors
from vrooli_data._classify import translate, unreachable


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (pg.UniqueViolation, errors.AlreadyExists),
        (pg.ExclusionViolation, errors.AlreadyExists),
        (pg.ForeignKeyViolation, errors.MissingReference),
        (pg.RestrictViolation, errors.StillReferenced),
        (pg.CheckViolation, errors.CheckFailed),
        (pg.NotNullViolation, errors.CheckFailed),
        (pg.SerializationFailure, errors.SerializationFailure),
        (pg.DeadlockDetected, errors.DeadlockDetected),
        (pg.InsufficientPrivilege, errors.PermissionDenied),
        (pg.QueryCanceled, errors.Timeout),
        (pg.LockNotAvailable, errors.Timeout),
        (pg.TooManyConnections, errors.Unavailable),
        (pg.AdminShutdown, errors.Unavailable),
        (pg.CannotConnectNow, errors.Unavailable),
        (pg.UndefinedTable, errors.DatabaseError),
        (pg.DataError, errors.DatabaseError),
    ],
)
def test_the_code_decides(raised: type[psycopg.Error], ours: type[errors.VrooliDataError]) -> None:
    error = translate(raised("Key (email)=(ada@example.org)"), "users.create", lost=False)
    assert type(error) is ours
    assert error.query == "users.create"
    assert error.sqlstate == raised.sqlstate
    assert "users.create" in str(error)
    assert "ada" not in str(error)


def told(kind: type[psycopg.Error], text: str, detail: str = "", **more: str) -> psycopg.Error:
    """Return an error as psycopg makes it of what a server says."""
    fields = {"message_primary": text, "message_detail": detail, **more}
    info: dict[int, bytes | None] = {
        DiagnosticField[name.upper()]: value.encode() for name, value in fields.items()
    }
    return kind(text, info=info)


@pytest.mark.parametrize(
    ("text", "detail", "field"),
    [
        (
            'insert or update on table "runs" violates foreign key constraint "runs_user_id_fkey"',
            'Key (user_id)=(9) is not present in table "users".',
            "user_id",
        ),
        (
            (
                "Einfügen oder Aktualisieren in Tabelle »runs« verletzt Fremdschlüssel-Constraint "
                "»runs_user_id_fkey«"
            ),
            "Schlüssel (user_id)=(9) ist nicht in Tabelle »users« vorhanden.",
            "user_id",
        ),
        (
            (
                "une instruction insert ou update sur la table « runs » viole la contrainte de clé "
                "étrangère « runs_user_id_fkey »"
            ),
            "La clé (user_id)=(9) n'est pas présente dans la table « users ».",
            "user_id",
        ),
        # What a role is told that may not see the row.
        (
            'insert or update on table "runs" violates foreign key constraint "runs_user_id_fkey"',
            'Key is not present in table "users".',
            None,
        ),
    ],
)
def test_a_missing_row_is_reported_by_its_field_in_every_language_of_the_server(
    text: str, detail: str, field: str | None
) -> None:
    raised = told(pg.ForeignKeyViolation, text, detail, table_name="runs")
    error = translate(raised, "runs.create", lost=False)
    assert isinstance(error, errors.MissingReference)
    assert error.field == field
    assert str(error).startswith(
        ": ".join(filter(None, ("runs.create", field, "there is no such user")))
    )
    assert "9" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        (
            'update or delete on table "users" violates foreign key constraint "runs_user_id_fkey" '
            'on table "runs"'
        ),
        (
            "Aktualisieren oder Löschen in Tabelle »users« verletzt Fremdschlüssel-Constraint "
            "»runs_user_id_fkey« von Tabelle »runs«"
        ),
        # A table that refers to itself.
        (
            'update or delete on table "runs" violates foreign key constraint "runs_id_fkey" '
            'on table "runs"'
        ),
    ],
)
def test_a_row_that_others_refer_to_is_another_matter(text: str) -> None:
    raised = told(
        pg.ForeignKeyViolation,
        text,
        'Key (id)=(9) is still referenced from table "runs".',
        table_name="runs",
    )
    error = translate(raised, "users.delete", lost=False)
    assert isinstance(error, errors.StillReferenced)
    assert str(error) == "users.delete: rows of runs still refer to this one"


@pytest.mark.parametrize(
    ("table", "one"),
    [
        ("users", "user"),
        ("resource_versions", "resource version"),
        ("companies", "company"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("status", "status"),
        ("staff", "staff"),
        ("houses", "house"),
        ("keys", "key"),
        ("class", "class"),
    ],
)
def test_a_missing_row_is_called_what_its_table_is(table: str, one: str) -> None:
    raised = told(pg.ForeignKeyViolation, 't "x" "y"', f'Key (a)=(1) is not in "{table}".')
    assert f"there is no such {one}" in str(translate(raised, None, lost=False))


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        ("Key (email)=(a@b) already exists.", ("email",)),
        ("Schlüssel »(team_id, user_id)=(1, 2)« existiert bereits.", ("team_id", "user_id")),
        ("キー(email)=(a)=(b)はすでに存在します。", ("email",)),
        ('Key ("Odd name")=(x)=(y) already exists.', ("Odd name",)),
        ("Key (lower(email))=(a@b) already exists.", ("lower(email)",)),
        ("", ()),
    ],
)
def test_a_taken_key_names_its_fields_and_no_value(detail: str, fields: tuple[str, ...]) -> None:
    error = translate(told(pg.UniqueViolation, "", detail), None, lost=False)
    assert isinstance(error, errors.AlreadyExists)
    assert error.fields == fields
    assert error.field == (fields[0] if len(fields) == 1 else None)
    assert "a@b" not in str(error)


def test_what_a_function_of_the_schema_says_of_privileges_is_not_passed_on() -> None:
    raised = told(pg.InsufficientPrivilege, "not for ada@b", source_function="exec_stmt_raise")
    assert str(translate(raised, None, lost=False, role="app")) == "the role app lacks a privilege"


def test_a_connection_that_is_gone_is_unavailable() -> None:
    error = translate(psycopg.OperationalError("..."), "users.find_by_id", lost=True)
    assert type(error) is errors.Unavailable
    assert "lost" in str(error)


def test_a_server_out_of_reach_is_reported_in_one_line() -> None:
    text = "connection failed: refused\n\tIs it running?\n- host: 'a', port: '1'"
    assert str(unreachable(psycopg.OperationalError(text))) == (
        "connection failed: refused; Is it running?; host: 'a', port: '1'"
    )
