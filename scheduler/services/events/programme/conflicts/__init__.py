"""Contradictions in the plan, by what cannot be in two places at a time: venues, persons, journeys, parts."""
