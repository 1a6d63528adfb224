"""The public holidays of both States of the programme in every language, and those of other States in theirs."""
