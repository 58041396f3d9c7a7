"""What ``vrooli-data explain`` shows: the plans of queries, run with example values."""
