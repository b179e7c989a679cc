"""The pack store: one format on every file system that fsspec knows."""
