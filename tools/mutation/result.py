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
    """What there is to be found in one tree."""

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
    #: Where the change is, and the query that is to be named.
    file: str
    query: str
    #: Who is to notice it: check, lint, refusal or test; or equivalent or gap, who is nobody.
    by: str
    #: Whether it is as it should be.
    as_expected: bool
    #: The finding that names the query, the error, the test or the reason.
    finding: str
    is_loaded_by_aiosql: bool
    found: Look
