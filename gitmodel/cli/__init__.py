"""The command line: the only place that prints, asks, and reads the environment."""

from gitmodel import signals

# This is imported first of all, and a signal may come while the rest is.
signals.insist()
