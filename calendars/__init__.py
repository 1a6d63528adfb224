"""Calendars in the format of RFC 5545: values are written as bytes, files of other programs read to values.

Pure: no clock, no database, no settings. Times are arguments, and equal values give equal bytes.
"""
