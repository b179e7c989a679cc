"""Versions of machine-learning models and datasets, kept in Git."""

__version__ = "0.1.0"
