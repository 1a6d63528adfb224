"""The calendar of the desk: the events of some days, and who does not work on them."""
