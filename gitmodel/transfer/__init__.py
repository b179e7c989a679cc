"""Transfers between the cache and a remote: what is to be moved, and how it is moved."""
