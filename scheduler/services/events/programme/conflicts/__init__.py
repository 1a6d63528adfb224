"""What contradicts what in the plan, by what cannot be twice: venues, persons, journeys, parts of a whole."""
