"""What joins events, the consulate and letters for those who plan at the desk."""
