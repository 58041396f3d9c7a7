"""Checks that queries, records and schema agree, for ``vrooli-data check``."""
