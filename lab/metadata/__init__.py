"""The metadata services: what the clouds answer to their machines."""
