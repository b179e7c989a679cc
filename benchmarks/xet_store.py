"""Store one file into a folder with hf-xet: ``python xet_store.py FOLDER FILE``.

With ``local://FOLDER`` as its endpoint hf-xet needs no server and no account.
"""

import sys

import hf_xet  # type: ignore[import-untyped]


def store(folder: str, path: str) -> None:
    """Upload one file and wait until it is published."""
    commit = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{folder}")
    # SHA-256 is an extra for Git LFS compatibility; the store itself does not use it.
    commit.start_upload_file(path, sha256=hf_xet.SKIP_SHA256)
    commit.wait_to_finish()


if __name__ == "__main__":
    store(sys.argv[1], sys.argv[2])
