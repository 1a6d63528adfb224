"""The syntax of iCalendar (RFC 5545 sections 3.1 to 3.3 and 3.6): from octets to components and values."""
