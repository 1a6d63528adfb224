"""The consulate: its posts and their opening hours, visits by appointment, and the front desk."""
