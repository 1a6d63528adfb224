"""Forms of address: how a person is addressed in each language, from data files."""
