"""Feeds: calendars that people subscribe to, of public events, one person's agenda or the visits of a post."""
