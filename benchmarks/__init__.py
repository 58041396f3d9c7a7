"""Benchmarks of vrooli_data: `python -m benchmarks`; README.md says what they measure."""
