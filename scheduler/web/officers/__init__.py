"""The officers' pages: behind a password, each for the roles that may do what it does."""
