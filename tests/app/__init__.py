"""An application beside the package: a table of its own, its queries and its records."""

from __future__ import annotations

from pathlib import Path

SQL = Path(__file__).with_name("sql") / "comments"
SCHEMA = Path(__file__).with_name("schema.sql")
