"""Analyse one statement by itself: each with a catalogue of its own, since the schema changes."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from vrooli_data._contract.analysis import Analysis, Catalog, analyze


def analysis(connection: Connection[Any], statement: str) -> Analysis:
    return analyze(connection, Catalog(connection), statement)
