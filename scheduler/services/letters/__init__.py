"""Letters: what they say, whom they reach, whether they are still relevant when they leave, and the ledger."""
