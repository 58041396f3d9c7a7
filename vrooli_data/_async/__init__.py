"""The asynchronous face, written by hand; the other one is generated from it."""
