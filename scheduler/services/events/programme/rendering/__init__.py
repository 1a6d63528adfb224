"""An event as calendars show it: its opening hours, texts and VEVENTs, stored at each visible revision."""
