"""Nested JSON that is no longer the record it is decoded as."""

from __future__ import annotations

from tools.mutation.mutant import Check, Mutant

MUTANTS = [
    Mutant(
        "key renamed",
        "users.find_with_teams",
        "sql/users/read.sql",
        "'member_count', (",
        "'members', (",
        Check("columns", "member_count"),
    ),
    Mutant(
        "key left out",
        "runs.find_with_details",
        "sql/runs/read.sql",
        "                        'status', run_steps.status,\n",
        "",
        Check("columns", "status"),
    ),
    Mutant(
        "key left out two levels down",
        "runs.find_with_details__of_user",
        "sql/runs/read.sql",
        "'public_id', resources.public_id,",
        "",
        Check("columns", "resource_version.resource"),
    ),
    Mutant(
        "key that the record does not have",
        "resources.find_with_latest_version",
        "sql/resources/read.sql",
        "                'name', users.name,\n",
        "                'name', users.name,\n                'email', users.email,\n",
        Check("columns", "email"),
    ),
    Mutant(
        "value of another type",
        "resources.find_with_latest_version",
        "sql/resources/read.sql",
        "'version_index', resource_versions.version_index",
        "'version_index', resource_versions.version_label",
        Check("types", "latest_version.version_index is text"),
    ),
    Mutant(
        "value that can be NULL",
        "resources.find_with_latest_version",
        "sql/resources/read.sql",
        "'name', users.name",
        "'name', users.handle",
        Check("nulls", "creator.name can be NULL"),
    ),
    Mutant(
        "object where a list is wanted",
        "runs.find_with_details",
        "sql/runs/read.sql",
        "json_agg(",
        "to_json(",
        Check("statement", ""),
    ),
    Mutant(
        "jsonb for json",
        "runs.find_with_details",
        "sql/runs/read.sql",
        "    json_build_object(\n        'public_id', users.public_id,",
        "    jsonb_build_object(\n        'public_id', users.public_id,",
        Check("types", "column user is jsonb"),
    ),
    Mutant(
        "column left out of a row made JSON",
        "resources.create_with_version",
        "sql/resources/create_with_version.sql",
        "        has_complete_version,\n        score,\n",
        "        has_complete_version,\n",
        Check("columns", "score"),
    ),
]
