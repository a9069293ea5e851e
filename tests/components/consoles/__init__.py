"""The readers of the clouds' consoles, each with the cloud's own SDK."""
