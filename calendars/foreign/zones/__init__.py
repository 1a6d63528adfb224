"""Time zones (RFC 5545 sections 3.2.19 and 3.6.5): which zone of the tz database a TZID stands for."""
