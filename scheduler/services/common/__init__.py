"""Tools that all services share: drafts and changes, look-ups, the audit, tokens, the content version."""
