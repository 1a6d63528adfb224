"""The digest of an officer: what has happened since yesterday, and what is missing."""
