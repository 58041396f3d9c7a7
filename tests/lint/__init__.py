"""The rules that `python -m tests.lint_sql` holds the queries and the migrations to."""
