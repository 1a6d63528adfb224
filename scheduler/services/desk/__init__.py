"""Services of the officers' desk that need events, the consulate and letters together."""
