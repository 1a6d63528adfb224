"""The door of an event: let people in by pass or name, record arrivals, print badges and place cards."""
