"""The lists of events: who stands where, how many places there are, and to whom a free one is offered."""
