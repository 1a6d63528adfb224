"""The directory: people, organisations, venues and cities found, merged and removed, and what hangs on each."""
