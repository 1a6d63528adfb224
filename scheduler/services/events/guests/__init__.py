"""Self-service of guests: register, answer and change on a page of their own; and the directory of guests."""
