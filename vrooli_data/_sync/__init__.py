# Generated from vrooli_data/_async/__init__.py by tools/unasync.py. Do not edit.
"""The asynchronous face, written by hand; the other one is generated from it."""
