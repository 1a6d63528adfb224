"""The syntax of iCalendar (RFC 5545 sections 3.1 to 3.4): from octets to components."""
