"""Recurrence (RFC 5545 section 3.8.5): the rules, the series, and the occurrences of series."""
