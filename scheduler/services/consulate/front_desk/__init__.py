"""The front desk of a post: the queue of the day, the board in the hall, and statistics."""
