"""Visits to a consular post: booked, confirmed, moved, cancelled and reconfirmed by applicants or officers."""
