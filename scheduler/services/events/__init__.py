"""Events: their programme, their lists of attendees, and who arrives at the door."""
