"""Formal invitations: what a guest is asked, in words and in the form that calendars answer."""
