"""Calendars in the format of RFC 5545: values in, bytes out, and the files of other programs in.

Pure: no clock, no database, no settings. Times are arguments, and equal values give equal bytes.
"""
