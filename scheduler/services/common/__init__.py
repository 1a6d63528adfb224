"""What all services share: drafts and changes, look-ups, the audit, tokens, and the version of what is shown."""
