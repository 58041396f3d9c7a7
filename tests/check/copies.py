"""Copies of the shop: to break them, import them and check them."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from tests.check.broken import RECORDS
from vrooli_data._contract.check import check
from vrooli_data._contract.findings import Finding


def module(path: Path) -> ModuleType:
    """Import a file, whatever was imported under its name before."""
    spec = spec_from_file_location(f"shop_records_{len(sys.modules)}", path)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    # msgspec looks there for the names in annotations.
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def findings(url: str, shop: Path) -> list[Finding]:
    return check(url, shop / "sql", module(shop / RECORDS)).findings


def replace(shop: Path, file: str, old: str, new: str) -> None:
    text = (shop / file).read_text()
    assert old in text
    (shop / file).write_text(text.replace(old, new, 1))


def append(shop: Path, file: str, text: str) -> None:
    (shop / file).write_text((shop / file).read_text() + text)
