"""Requests of many at the same moment: decided one by one in memory, written with a few statements for all."""
