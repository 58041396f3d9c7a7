"""A mutant: one small change of one file, and the program that must notice it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Check(NamedTuple):
    """`vrooli-data check` names the query, in a finding with this code and this text."""

    code: str
    text: str


class Lint(NamedTuple):
    """The rule of `tools.lint` names the query; the check finds nothing."""

    rule: str


class Refusal(NamedTuple):
    """The package cannot be imported, or its database cannot be made; the error contains this."""

    text: str


class Test(NamedTuple):
    """No static rule notices it; this test fails."""

    node: str


class Equivalent(NamedTuple):
    """A caller cannot notice the change, for this reason."""

    reason: str


class Gap(NamedTuple):
    """It should be noticed in this way, and is not, for this reason."""

    should: Check | Test
    why: str


Verdict: TypeAlias = Check | Lint | Refusal | Test | Equivalent | Gap


class Mutant(NamedTuple):
    """One small change of one file."""

    #: The change in a few words; unique.
    name: str
    #: The query that the finding must name.
    query: str
    file: str
    old: str
    new: str
    verdict: Verdict
    #: The text after which `old` is replaced; by default, the query, or the start of the file.
    after: str = ""

    def apply(self, text: str) -> str:
        """Return the text of the file with the change made."""
        start, end = self._span(text)
        if self.old not in text[start:end]:
            raise ValueError(f"{self.name}: {self.old!r} is not where it should be in {self.file}")
        return text[:start] + text[start:end].replace(self.old, self.new, 1) + text[end:]

    def _span(self, text: str) -> tuple[int, int]:
        if self.after or not self.file.startswith("sql/"):
            return text.index(self.after), len(text)
        start = text.index(f"-- name: {self.query.partition('.')[2]}(")
        end = text.find("\n-- name:", start)
        return start, len(text) if end == -1 else end
