"""One VEVENT (RFC 5545 section 3.6.1): its value, its times, its descriptive properties."""
