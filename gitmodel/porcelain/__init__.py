"""The use cases: one file each, functions that take a project and return a report."""
