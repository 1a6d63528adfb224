"""Exchange: programme files in and out, and calendars of other programs imported."""
