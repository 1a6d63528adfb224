"""Verbs over more than one row. Each takes a Session and ``now=``; none commits, none asks the clock."""
