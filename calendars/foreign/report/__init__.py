"""What a reading reports: notes of what was mended, refused or left out, and the errors."""
