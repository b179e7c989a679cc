"""Move one file to or from a bucket with boto3: `boto_copy.py up|down FILE BUCKET KEY`."""

import sys

import boto3
from boto3.s3.transfer import TransferConfig

MIB = 1 << 20


def main() -> None:
    """Objects of 64 MiB would be parts of one object here; the bytes and requests are the same."""
    direction, file, bucket, key = sys.argv[1:]
    config = TransferConfig(
        multipart_threshold=64 * MIB, multipart_chunksize=64 * MIB, max_concurrency=16
    )
    client = boto3.client("s3")
    if direction == "up":
        client.upload_file(file, bucket, key, Config=config)
    elif direction == "down":
        client.download_file(bucket, key, file, Config=config)
    else:
        client.create_bucket(Bucket=bucket)


if __name__ == "__main__":
    main()
