"""``vrooli-data explain``: the plans of queries, run with example values."""
