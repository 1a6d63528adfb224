"""Plan again what is planned: shift, copy and delete events with their parts, and take their last change back."""
