"""Consular posts: their services, counters and opening days, and which times are free."""
