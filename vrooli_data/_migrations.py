"""Which migrations there are, and whether a database has those of the package. Needs no extra."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ._command_line import NOWHERE_ELSE, Options, command
from .errors import InvalidFile, InvalidInput, NotMigrated, SchemaTooNew
from .validation import check_list

_INSTALLED = Path(__file__).with_name("migrations")
#: In the wheel the files are inside the package, in the source tree beside it.
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "migrations"

#: The default name of an application.
DEFAULT_APPLICATION = "app"

#: The folder of an application's migrations, or several.
Folders: TypeAlias = str | Path | Sequence[str | Path]

#: Of an argument that is given without the migrations.
NEEDS_MIGRATIONS = "needs migrations, the application's folder"

_MAX_FOLDERS = 100
_APPLICATION = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ID = re.compile(r"[0-9]{4,}_\w+", re.ASCII)
_ROLLBACK = ".rollback"
#: What all migrations together make, for readers: it is not applied.
_WHOLE = "schema.sql"
#: yoyo reads the first two.
_DIRECTIVE = re.compile(r"\s*--\s*(transactional|depends|requires extension)\s*:\s*(.*)")
_VALUES = {"transactional": re.compile("true|false"), "requires extension": re.compile(r"[\w-]+")}


class Migration(NamedTuple):
    """One migration, of the package or of an application."""

    id: str
    path: Path
    #: Of the text with line feeds alone, so that a checkout on Windows makes no difference.
    sha256: str
    #: The extension without which the migration is left out; None for most.
    extension: str | None

    @property
    def rollback(self) -> Path:
        """The rollback file, which an application may leave out."""
        return self.path.with_name(f"{self.id}{_ROLLBACK}.sql")


class Series(NamedTuple):
    """Migrations in the order in which they are applied: the package's, or an application's."""

    #: None: the package's.
    application: str | None
    migrations: tuple[Migration, ...]

    @property
    def folders(self) -> list[Path]:
        """The folders of an application, in order; none of the package."""
        found = [migration.path.parent for migration in self.migrations if self.application]
        return list(dict.fromkeys(found))

    def named(self, migration_id: str) -> str:
        """Return the name of a migration, which no other series has."""
        return f"{self.application}/{migration_id}" if self.application else migration_id

    def refuse_unknown(self, applied: Collection[str]) -> None:
        """Raise when the database has a migration that is not in the series."""
        unknown = sorted(set(applied).difference(migration.id for migration in self.migrations))
        if not unknown:
            return
        name = self.named(unknown[0])
        if self.application is None:
            raise SchemaTooNew(
                f"the database has the migration {name}, which this version of vrooli_data does "
                "not know: use the version that applied it, or a later one"
            )
        raise SchemaTooNew(
            f"the database has the migration {name}, which the folders do not hold: use the "
            "version of the application that applied it, or a later one; another application "
            "needs another name"
        )


@cache
def package_migrations() -> tuple[Migration, ...]:
    """Return every migration of the package, in the order in which they are applied."""
    return tuple(_read_folder(FOLDER))


def package_series() -> Series:
    """Return the migrations of the package."""
    return Series(None, package_migrations())


def application_series(folders: str | Path | Sequence[str | Path], application: str) -> Series:
    """Read the migrations of an application: those of its first folder come first."""
    if type(application) is not str or not _APPLICATION.fullmatch(application):
        raise InvalidInput(
            "application", "must be 1 to 63 characters of [a-z0-9_], the first of them a letter"
        )
    given = [folders] if isinstance(folders, str | os.PathLike) else folders
    found: dict[str, Migration] = {}
    for folder in check_list("migrations", given, _MAX_FOLDERS, _check_folder):
        for migration in _read_folder(Path(folder)):
            other = found.setdefault(migration.id, migration)
            if other is not migration:
                raise InvalidFile(f"{migration.path}: {other.path} has the same id: rename it")
    if not found:
        raise InvalidInput("migrations", "no file is named NNNN_subject.sql there")
    return Series(application, tuple(found.values()))


def checked_application(migrations: Folders | None, application: str | None) -> Series | None:
    """Read the migrations of an application; return None where there is none."""
    if migrations is None:
        if application is not None:
            raise InvalidInput("application", NEEDS_MIGRATIONS)
        return None
    return application_series(
        migrations, DEFAULT_APPLICATION if application is None else application
    )


def check_applied(
    series: Series,
    applied: Collection[str],
    schema: str | None = None,
    *,
    application_only: bool = False,
) -> None:
    """Raise unless the database holds every migration of a series, and no other.

    One that requires an extension may be absent: ids do not say whether the server has it.

    Args:
        series: the migrations of the package, or of an application.
        applied: the ids that the database holds.
        schema: where they are, for the message.
        application_only: the database need not have those of the package.
    """
    series.refuse_unknown(applied)
    for migration in series.migrations:
        if migration.extension is None and migration.id not in applied:
            where = "database" if schema is None else f"schema {schema!r}"
            options: Options = {"schema": schema}
            call = "vrooli_data.migrate()"
            if series.application is not None:
                is_named = series.application != DEFAULT_APPLICATION
                options = {
                    "schema": schema,
                    "migrations": series.folders,
                    "application": series.application if is_named else None,
                    "application_only": application_only,
                }
                call = "vrooli_data.migrate(migrations=...)"
            raise NotMigrated(
                f"the {where} lacks the migration {series.named(migration.id)}: run "
                f"`{command('migrate', NOWHERE_ELSE, options)}`, or call {call}"
            )


def has_trigrams(applied: Collection[str]) -> bool:
    """Return whether all trigram indexes are among the applied migrations."""
    return all(m.id in applied for m in package_migrations() if m.extension == "pg_trgm")


def _check_folder(field: str, folder: str | Path) -> None:
    if not isinstance(folder, str | os.PathLike):
        raise InvalidInput(field, f"must be a folder or a list of folders, not {folder!r}")
    if not Path(folder).is_dir():
        raise InvalidInput(field, f"{folder} is not a folder")


def _read_folder(folder: Path) -> Iterator[Migration]:
    """Read the migrations of one folder, in the order of their numbers."""
    paths: dict[int, Path] = {}
    rollbacks: list[Path] = []
    for path in sorted(folder.glob("[!.]*.sql")):
        if path.name == _WHOLE:
            continue
        if not _ID.fullmatch(path.stem.removesuffix(_ROLLBACK)):
            raise InvalidFile(
                f"{path}: must be named NNNN_subject.sql or NNNN_subject{_ROLLBACK}.sql, with a "
                "number of four digits or more, and letters, digits and _ behind it"
            )
        if path.stem.endswith(_ROLLBACK):
            rollbacks.append(path)
            continue
        other = paths.setdefault(int(path.stem.partition("_")[0]), path)
        if other is not path:
            raise InvalidFile(f"{path}: {other.name} has the same number: give it another")
    ids = {path.stem for path in paths.values()}
    for path in rollbacks:
        if path.stem.removesuffix(_ROLLBACK) not in ids:
            raise InvalidFile(f"{path}: there is no migration that it rolls back")
    for _, path in sorted(paths.items()):
        yield _read(path)


def _read(path: Path) -> Migration:
    try:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        directives = _directives(path, content.decode())
    except OSError as error:
        raise InvalidFile(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidFile(f"{path}: is not UTF-8") from None
    return Migration(
        id=path.stem,
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        extension=directives.get("requires extension"),
    )


def _directives(path: Path, text: str) -> dict[str, str]:
    """Return what the comments at the head of a file say of how it is run."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("--"):
            break
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            continue
        name, value = directive.groups()
        if name == "depends":
            problem = "files are applied in the order of their numbers: remove `depends`"
        elif name in found:
            problem = f"there is a second `{name}`: remove one"
        elif not _VALUES[name].fullmatch(value):
            wanted = "true or false" if name == "transactional" else "the name of one extension"
            problem = f"`{name}` must be {wanted}"
        else:
            found[name] = value
            continue
        raise InvalidFile(f"{path}:{number}: {problem}", line=number)
    return found
