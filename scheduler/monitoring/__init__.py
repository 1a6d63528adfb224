"""The operators' view of the processes: logs, metrics, and whether a server can work."""
