"""What writes, checks and breaks the package, for those who work on it; no part of it."""
