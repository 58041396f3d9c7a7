"""What holds queries, records and schema together: the checks behind ``vrooli-data check``."""
