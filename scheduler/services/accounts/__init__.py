"""Accounts of officers: sign in, roles, and the posts whose visits they see."""
