"""Modules that the documents import and the project does not install."""
