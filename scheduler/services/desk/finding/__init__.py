"""The search that every page of the desk offers."""
