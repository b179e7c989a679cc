"""The working tree: what is in an artifact (`scan`), and how it is changed (`write`)."""
