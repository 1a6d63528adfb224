"""Privacy: erase people on request or after some time, give them their data, and audit who read what."""
