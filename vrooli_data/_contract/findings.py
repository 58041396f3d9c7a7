"""Findings and reports of a check, and their formats. No I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import msgspec

from .._visible import visible

Format: TypeAlias = Literal["text", "json", "sarif"]

#: Every kind of finding, with the rule that it breaks.
CODES = {
    "file": "A file of queries can be read.",
    "seed": "The rows for the plans can be created.",
    "schema": "The database is as the migrations made it.",
    "statement": "The server accepts the statement.",
    "record": "The rows become the record that the header names.",
    "columns": "The columns are the fields of the record, in their order.",
    "types": "A column has the type of its field.",
    "nulls": "A field can be None exactly if its column can be NULL.",
    "null-line": "A Null line overrides an inference, and gives a reason.",
    "parameters": "A method passes the parameters of its query.",
    "unused-query": "A method runs the query.",
    "unused-record": "A query returns the record.",
    "module": "The module of records or repositories can be imported.",
    "method": "The method runs a query.",
    "plan-line": "A Plan line asks for a plan for each call, with example parameters and a reason.",
    "index": "The plan uses the indexes that the header names.",
    "locks": "The header names the locks that the statement takes.",
    "lint": "The statement follows the rules, or gives a reason for an exception.",
    "plan": "The plan is the reviewed plan.",
}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong, with its place and its fix."""

    path: str
    #: Counted from 1: the name line of the query, or the definition of the record or method.
    line: int
    #: The name of the query, record or method.
    query: str
    #: A key of `CODES`.
    code: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Return the finding as one line that editors and terminals can follow."""
        return visible(f"{self.path}:{self.line}: {self.query}: {self.what}; {self.fix}")


class Report(msgspec.Struct, frozen=True):
    """The result of a check."""

    findings: list[Finding]
    #: What was not checked, and why.
    notes: list[str]
    queries: int
    seconds: float


def shown_path(path: Path) -> str:
    """Return a path for messages, relative to the current folder if it is inside."""
    absolute, here = path.absolute(), Path.cwd()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()


def as_text(report: Report) -> str:
    """Show each finding on a line, then the notes and a summary."""
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
    """Show the report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def as_sarif(report: Report, version: str) -> str:
    """Show the findings in SARIF 2.1.0, which code review tools read."""
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
