"""Copies of the shop: to break them, import them and check them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest

from tests.check.broken import METHODS, RECORDS
from vrooli_data._contract.check import check
from vrooli_data._contract.findings import Finding, Report
from vrooli_data._queries import load_folder

#: What a shop's repositories are written for; the check treats both alike.
FACES = [
    "sync",
    pytest.param("async", marks=pytest.mark.slow("checks of an asynchronous project")),
]
_VERBS = "find_one|get_one|find_all|find_scalar|get_scalar|execute|page|atomic"


@contextmanager
def imports_from(shop: Path) -> Iterator[None]:
    """Let the modules of a copy be imported, whatever was imported under their names before."""
    before, writes = dict(sys.modules), sys.dont_write_bytecode
    sys.path.insert(0, str(shop))
    sys.dont_write_bytecode = True
    load_folder.cache_clear()
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(shop))
        sys.dont_write_bytecode = writes
        for name in sys.modules.keys() - before.keys():
            if _is_inside(sys.modules[name], shop):
                del sys.modules[name]


def _is_inside(module: ModuleType, folder: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "/").is_relative_to(folder)


def findings(url: str, shop: Path, *repositories: str) -> list[Finding]:
    return report(url, shop, *repositories).findings


def report(url: str, shop: Path, *repositories: str, update_plans: bool = False) -> Report:
    with imports_from(shop):
        return check(
            url,
            sql=shop / "sql",
            records=RECORDS.removesuffix(".py"),
            repositories=repositories,
            update_plans=update_plans,
        )


def asynchronous(shop: Path) -> None:
    """Turn the repositories of the shop into those of the other face."""
    text = (shop / METHODS).read_text()
    text = text.replace("Repository", "AsyncRepository").replace("    def ", "    async def ")
    (shop / METHODS).write_text(re.sub(rf"((?:self|orders)\.(?:{_VERBS})\()", r"await \1", text))


def replace(shop: Path, file: str, old: str, new: str) -> None:
    text = (shop / file).read_text()
    assert old in text
    (shop / file).write_text(text.replace(old, new, 1))


def append(shop: Path, file: str, text: str) -> None:
    (shop / file).write_text((shop / file).read_text() + text)
