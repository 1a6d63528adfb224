"""The programme: plan events and places, find contradictions, and show events in the agenda and in calendars."""
