"""One event (RFC 5545 section 3.6.1): its value, its start and end, its descriptive properties."""
