"""Small changes that break the package, and who notices each: ``python -m tools.mutation``."""
