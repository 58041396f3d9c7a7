"""Make one mutant in a copy of the tree, and find what notices it."""

from __future__ import annotations

import compileall
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiosql
import msgspec
from aiosql.utils import SQLParseException
from psycopg import conninfo

from tools.mutation.mutant import (
    Check,
    Equivalent,
    Gap,
    Lint,
    Mutant,
    Refusal,
    Test,
    Verdict,
)
from tools.mutation.report import verdict
from tools.mutation.result import Look, Result, Seen

TREE = Path(__file__).parents[2]
_PARTS = ("sql", "migrations", "vrooli_data", "tests", "tools")
_TESTS_FAILED = 1


class _Trial(NamedTuple):
    mutant: Mutant
    found: Look
    tree: Path

    def naming(self, findings: Iterable[Seen]) -> str:
        """Return the finding that names the query, and the file in which it is."""
        name = self.mutant.query.partition(".")[2]
        for seen in findings:
            text = (self.tree / seen.path).read_text(encoding="utf-8")
            is_there = f"-- name: {name}(" in text or seen.path == self.mutant.file
            if seen.query == self.mutant.query and is_there:
                return f"{seen.code}: {seen.what}"
        return ""


class Bench:
    """A copy of the current tree, and a database for mutants that do not change the schema."""

    def __init__(self, folder: Path, server_url: str, prepared_url: str) -> None:
        self._base = folder / "base"
        self._folder = folder
        self._server_url = server_url
        self._prepared_url = prepared_url
        for part in _PARTS:
            shutil.copytree(TREE / part, self._base / part, copy_function=shutil.copy2)
        shutil.copy2(TREE / "pyproject.toml", self._base)
        # Once, for all copies of it.
        compileall.compile_dir(self._base, quiet=2)

    def untouched(self) -> Look:
        """Return the findings without any mutant."""
        return self._look(self._base, is_prepared=True)

    def failing(self, tests: list[str]) -> str | None:
        """Return the end of the output if tests fail without any mutant."""
        return self._failure(self._base, tests)

    def judge(self, mutant: Mutant, category: str) -> Result:
        """Make one mutant, and compare who notices it with who should."""
        with self._mutated(mutant) as tree:
            in_schema = mutant.file.startswith("migrations/")
            found = self._look(tree, is_prepared=not in_schema)
            trial = _Trial(mutant, found, tree)
            finding = self._expected_finding(mutant.verdict, trial)
            return Result(
                mutant=mutant.name,
                category=category,
                file=mutant.file,
                query=mutant.query,
                by=verdict(mutant),
                as_expected=bool(finding),
                finding=finding,
                is_loaded_by_aiosql=_loads(tree / "sql"),
                found=found,
            )

    @contextmanager
    def _mutated(self, mutant: Mutant) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            tree = Path(name) / "tree"
            shutil.copytree(self._base, tree, copy_function=shutil.copy2)
            path = tree / mutant.file
            path.write_text(mutant.apply(path.read_text(encoding="utf-8")), encoding="utf-8")
            yield tree

    def _expected_finding(self, verdict: Verdict, trial: _Trial) -> str:
        """Return the expected finding; empty if it is absent."""
        found = trial.found
        match verdict:
            case Check(code, text):
                return trial.naming(
                    seen for seen in found.check if seen.code == code and text in seen.what
                )
            case Lint(rule):
                return trial.naming(
                    seen for seen in found.lint if seen.code == rule and not found.check
                )
            case Refusal(text):
                refusal = found.refusal or ""
                return refusal if text in refusal else ""
            case Test(node):
                return node if found.is_clean and self._failure(trial.tree, [node]) else ""
            case Equivalent(reason):
                return reason if found.is_clean else ""
            case Gap(should, why):
                return "" if self._expected_finding(should, trial) else why

    def _look(self, tree: Path, *, is_prepared: bool) -> Look:
        options = [self._prepared_url, "prepared"] if is_prepared else [self._server_url]
        done = _python(tree, "-m", "tools.mutation.look", *options)
        if done.returncode == 0:
            return msgspec.json.decode(done.stdout, type=Look)
        error = done.stderr.strip().splitlines()[-1]
        return Look([], [], error.replace(f"{tree}/", "").removeprefix("vrooli_data.errors."))

    def _failure(self, tree: Path, tests: list[str]) -> str | None:
        given = conninfo.conninfo_to_dict(self._server_url)
        server = [
            f"--postgresql-{option}={given[name]}"
            for option, name in (("host", "host"), ("port", "port"), ("user", "user"))
            if name in given
        ]
        done = _python(tree, "-m", "pytest", "-qx", "-p", "no:cacheprovider", *server, *tests)
        if done.returncode not in (0, _TESTS_FAILED):
            raise RuntimeError(f"pytest cannot run {tests}: {done.stdout[-2000:]}{done.stderr}")
        return done.stdout[-2000:] if done.returncode else None


def _loads(sql: Path) -> bool:
    """Return whether aiosql by itself loads the queries."""
    try:
        aiosql.from_path(sql, "psycopg")
    except SQLParseException:
        return False
    return True


def _python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The current folder comes first on Python's path: what runs is the copy.
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
