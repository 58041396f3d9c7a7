"""Benchmarks of vrooli_data: `python -m benchmarks`; README.md describes them."""
