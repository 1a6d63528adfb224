"""Calendars as RFC 5545 means them: values in, bytes out.

Pure: no clock, no database, no settings. Times come in as arguments, and equal values give equal bytes.
"""
