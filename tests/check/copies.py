"""Copies of the shop: to break them, import them and check them."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from tests.check.broken import RECORDS
from vrooli_data._contract.check import check
from vrooli_data._contract.findings import Finding, Report


def imported(path: Path) -> str:
    """Import a file under a name of its own, and return the name."""
    spec = spec_from_file_location(f"shop_records_{len(sys.modules)}", path)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    # msgspec looks there for the names in annotations.
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return spec.name


def findings(url: str, shop: Path) -> list[Finding]:
    return report(url, shop).findings


def report(url: str, shop: Path, *, update_plans: bool = False) -> Report:
    return check(url, sql=shop / "sql", records=imported(shop / RECORDS), update_plans=update_plans)


def replace(shop: Path, file: str, old: str, new: str) -> None:
    text = (shop / file).read_text()
    assert old in text
    (shop / file).write_text(text.replace(old, new, 1))


def append(shop: Path, file: str, text: str) -> None:
    (shop / file).write_text((shop / file).read_text() + text)
