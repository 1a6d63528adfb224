"""Changes of a programme file in words, for commands and pages."""
