"""What became of a mutant."""

from __future__ import annotations

import msgspec


class Seen(msgspec.Struct, frozen=True):
    """One finding."""

    path: str
    query: str
    #: The code of the check, or the rule of the lint.
    code: str
    what: str


class Look(msgspec.Struct, frozen=True):
    """The findings in one tree."""

    check: list[Seen]
    lint: list[Seen]
    #: The error that kept the check from finding anything; None for none.
    refusal: str | None = None

    @property
    def is_clean(self) -> bool:
        """Return whether there is nothing to be found."""
        return not (self.check or self.lint or self.refusal)


class Result(msgspec.Struct, frozen=True):
    """One mutant, and who noticed it."""

    mutant: str
    category: str
    #: The file of the change, and the query that the finding must name.
    file: str
    query: str
    #: The program that must notice it: check, lint, refusal or test; else equivalent or gap.
    by: str
    #: Whether it is as it should be.
    as_expected: bool
    #: The finding that names the query, the error, the test or the reason.
    finding: str
    is_loaded_by_aiosql: bool
    found: Look
