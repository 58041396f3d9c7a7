"""What a check found, and how it is shown. No I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import msgspec

from .._visible import visible

Format: TypeAlias = Literal["text", "json", "sarif"]

#: Every kind of finding, with what it is held to.
CODES = {
    "file": "A file of queries can be read.",
    "seed": "The rows that plans are made on can be made.",
    "schema": "The database is as the migrations made it.",
    "statement": "The server accepts the statement.",
    "record": "The record that the header names is the one that the rows become.",
    "columns": "The columns are the record's fields, in their order.",
    "types": "A column arrives as the type that its field has.",
    "nulls": "A field is None exactly where its column can be NULL.",
    "null-line": "A Null line overrides what was inferred, for a reason.",
    "parameters": "A method passes what the query takes.",
    "unused-query": "A query is run by some method.",
    "unused-record": "A record is what some query returns.",
    "method": "A method runs a query.",
    "plan-line": "A Plan line asks for a plan of each call, with parameters to try and a reason.",
    "index": "The plan goes through the indexes that the header names.",
    "locks": "The header names the locks that the statement takes.",
    "lint": "The statement keeps the rules for every query, or gives a reason why not.",
    "plan": "The plan is the one that was reviewed.",
}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is not as it is said to be, and how to fix it."""

    path: str
    #: From 1: the name line of the query, or the definition of the record or method.
    line: int
    #: The query's name; else the record's or method's.
    query: str
    #: A key of `CODES`.
    code: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Return the finding in one line, which editors and terminals can follow."""
        return visible(f"{self.path}:{self.line}: {self.query}: {self.what}; {self.fix}")


class Report(msgspec.Struct, frozen=True):
    """What a check looked at and found."""

    findings: list[Finding]
    #: What could not be checked here, and why.
    notes: list[str]
    queries: int
    seconds: float


def place(path: Path) -> str:
    """Return a path as it is shown: from the current folder, where it is inside."""
    absolute, here = path.absolute(), Path.cwd()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()


def as_text(report: Report) -> str:
    """Show one finding per line, then the notes and a closing line."""
    count = len(report.findings)
    found = "no finding" if count == 0 else "1 finding" if count == 1 else f"{count} findings"
    return "\n".join(
        [
            *map(str, report.findings),
            *(visible(f"note: {note}") for note in report.notes),
            f"{report.queries} queries checked in {report.seconds:.1f} s: {found}",
        ]
    )


def as_json(report: Report) -> str:
    """Show the report as one JSON object with its own field names."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def as_sarif(report: Report, version: str) -> str:
    """Show the findings in SARIF 2.1.0, as code review tools read them."""
    driver = {
        "name": "vrooli-data check",
        "version": version,
        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in CODES],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_sarif_result(finding) for finding in report.findings],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": note}} for note in report.notes
                ],
            }
        ],
    }
    log = {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log)).decode()


def _sarif_result(finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "level": "error",
        "message": {"text": f"{finding.query}: {finding.what}; {finding.fix}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path)},
                    "region": {"startLine": finding.line},
                },
                "logicalLocations": [{"fullyQualifiedName": finding.query}],
            }
        ],
    }
