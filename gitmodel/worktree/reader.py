"""`python -m gitmodel.worktree.reader`: reads and hashes small files for another process.

Arguments: the descriptor of a memory that both share, the length of its parts in bytes, the top
of the working tree, the algorithm of oids.  First it says that it is ready.  Then a line of JSON
on standard input names files and the part to read them into, and one on standard output tells
their digests, or null if they could not be read.
"""

from __future__ import annotations

import json
import mmap
import sys
from pathlib import Path

from gitmodel.errors import GitmodelError
from gitmodel.worktree.batch import Small, read_batch


def main() -> None:
    """Answer until nobody asks any more."""
    descriptor, length, root, algorithm = sys.argv[1:]
    parts = memoryview(mmap.mmap(int(descriptor), 0))
    _say([])
    for line in sys.stdin:
        number, files = json.loads(line)
        part = parts[number * int(length) : (number + 1) * int(length)]
        small = [Small(path, size, bytes.fromhex(stat)) for path, size, stat in files]
        try:
            _say(read_batch(Path(root), small, part, algorithm))
        except (GitmodelError, OSError):
            # Who asked will read them, and meet the same.
            _say(None)


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        # Who asked is gone; standard output is not flushed once more.
        sys.stdout = None
