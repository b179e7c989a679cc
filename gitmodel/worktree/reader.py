"""`python -m gitmodel.worktree.reader`: reads and hashes small files for another process.

Arguments: the descriptor of a memory that both share, the length of its parts in bytes, the top
of the working tree, the algorithm of oids.  First it says that it is ready.  A question on
standard input is a line of JSON, the number of the part to read into and two lengths, and bytes
of these lengths: the paths of files, with a NUL between, and what `stat` said of each.  An answer
on standard output is a line too: the digests and the numbers of those files that others could
write to, or null if something could not be read.
"""

from __future__ import annotations

import json
import mmap
import sys
from pathlib import Path

from gitmodel.errors import GitmodelError
from gitmodel.worktree.batch import read_batch, split


def main() -> None:
    """Answer until nobody asks any more."""
    descriptor, length, root, algorithm = sys.argv[1:]
    parts = memoryview(mmap.mmap(int(descriptor), 0))
    _say([])
    for line in sys.stdin.buffer:
        number, paths, stats = json.loads(line)
        files = split(sys.stdin.buffer.read(paths), sys.stdin.buffer.read(stats))
        part = parts[number * int(length) : (number + 1) * int(length)]
        try:
            _say(read_batch(Path(root), files, part, algorithm))
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
