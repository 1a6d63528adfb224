"""The report of a reading: notes on what was mended, refused or ignored, and the errors."""
