"""All mutants, by what they change."""

from __future__ import annotations

from typing import Final

from tools.mutation.mutant import Mutant
from tools.mutation.mutants import (
    behaviour,
    columns,
    equivalent,
    headers,
    nested,
    nulls,
    parameters,
    plans,
    records,
    schema,
    writes,
)

CATEGORIES: Final = {
    "schema": schema.MUTANTS,
    "columns of a statement": columns.MUTANTS,
    "NULLs": nulls.MUTANTS,
    "nested JSON": nested.MUTANTS,
    "records": records.MUTANTS,
    "parameters and methods": parameters.MUTANTS,
    "headers": headers.MUTANTS,
    "plans, indexes and listings": plans.MUTANTS,
    "writes and locks": writes.MUTANTS,
    "behaviour": behaviour.MUTANTS,
    "equivalent": equivalent.MUTANTS,
}
MUTANTS: Final[list[Mutant]] = [mutant for group in CATEGORIES.values() for mutant in group]
