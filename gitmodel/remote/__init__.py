"""The pack store: one format on folders, buckets and servers of SFTP."""
