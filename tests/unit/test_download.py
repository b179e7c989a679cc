import pytest

from gitmodel.digest import fingerprint_of, oid_of
from gitmodel.pack import CHUNK, Placed, Stored
from gitmodel.transfer import download
from gitmodel.transfer.download import plan_steps


def places(names: str) -> list[Placed]:
    """Return a chunk of ten bytes for each name."""
    return [Placed("pack", Stored(*_digests(name), CHUNK, 0, 10, 0, 9)) for name in names]


def _digests(name: str) -> tuple[str, str]:
    return oid_of(name.encode()), fingerprint_of(name.encode())


def played(names: str) -> tuple[str, int]:
    """Return which chunks are read, and how many are kept at most; check that each is there."""
    read, most = "", 0
    kept: set[str] = set()
    steps = plan_steps(places(names))
    assert [step.placed for step in steps] == places(names)
    for name, step in zip(names, steps, strict=True):
        assert step.read == (name not in kept)
        read += name * step.read
        kept = kept | {name} if step.keep else kept - {name}
        most = max(most, len(kept))
    assert not kept
    return read, most


@pytest.mark.parametrize(
    ("names", "read", "most"),
    [
        ("", "", 0),
        ("abc", "abc", 0),
        ("aaaa", "a", 1),
        ("abab", "ab", 2),
        ("abcabc", "abcc", 2),
        ("aabbcc", "abc", 1),
        ("abacabadccc", "abcdc", 2),
    ],
)
def test_what_is_read_and_kept(
    names: str, read: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_KEPT", 20)
    assert played(names) == (read, most)
