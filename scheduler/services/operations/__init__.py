"""The processes at work: which workers are alive, and when each job of the timetable has run."""
