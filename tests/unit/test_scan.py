import os
import socket
import stat
import time

import pytest

from gitmodel.digest import digest_bytes, oid_of
from gitmodel.errors import ConflictError, IntegrityError
from gitmodel.manifest import EXECUTABLE, FILE, FOLDER, LINK
from gitmodel.worktree.content import check_link, digest_found, matches, read_ahead, seen_row, store
from gitmodel.worktree.opening import (
    ctime_in,
    look,
    only_renamed,
    open_folder,
    pack_stat,
    size_in,
)
from gitmodel.worktree.scan import now, scan
from tests.helpers.formats import entry, opened_cache


@pytest.fixture
def tree(tmp_path):
    """A working tree with the artifact `data`."""
    (tmp_path / "work" / "data" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "work" / "data" / "empty").mkdir()
    (tmp_path / "work" / "data" / "a.txt").write_bytes(b"a")
    (tmp_path / "work" / "data" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "work" / "data" / "run.sh").chmod(0o755)
    (tmp_path / "work" / "data" / "deep" / "er" / "link").symlink_to("../../a.txt")
    return tmp_path / "work"


_RUNNING = []
"""Scans that a test is in the middle of; a scan that is dropped closes its folder."""


def found(tree, path="a.txt"):
    """What a scan finds at a path, while its folder is open."""
    running = scan(tree, "data", {})
    _RUNNING.append(running)
    return next(each for each in running if each.path == path)


def test_a_scan_finds_files_links_and_empty_folders(tree):
    assert {each.path: (each.type, each.size) for each in scan(tree, "data", {})} == {
        "a.txt": (FILE, 1),
        "run.sh": (EXECUTABLE, 10),
        "deep/er/link": (LINK, 11),
        "empty": (FOLDER, 0),
    }


def test_a_file_is_an_artifact_with_an_empty_path(tree):
    [only] = scan(tree, "data/a.txt", {})
    assert (only.path, only.type, only.size) == ("", FILE, 1)


def test_an_artifact_that_is_not_there_has_nothing(tree):
    assert list(scan(tree, "nothing", {})) == []


def test_an_empty_folder_as_an_artifact_has_nothing(tree):
    assert list(scan(tree, "data/empty", {})) == []


# Special files


@pytest.mark.timeout(10)
@pytest.mark.parametrize("inside", [True, False])
def test_a_fifo_is_refused_at_once(tree, inside):
    os.mkfifo(tree / "data" / "pipe")
    with pytest.raises(IntegrityError, match="'data/pipe' is a FIFO"):
        list(scan(tree, "data" if inside else "data/pipe", {}))


def test_a_socket_is_refused(tree, monkeypatch):
    monkeypatch.chdir(tree / "data")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(IntegrityError, match="'data/socket' is a socket"):
            list(scan(tree, "data", {}))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make devices")
def test_a_device_is_refused(tree):
    try:
        os.mknod(tree / "data" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no devices here")
    with pytest.raises(IntegrityError, match="'data/null' is a device"):
        list(scan(tree, "data", {}))


# Symlinks


@pytest.mark.parametrize(
    "target",
    [
        *("/etc/passwd", "..", "../../..", "../../../x", "../../../../etc/passwd", "x/../../../.."),
        *("a/../b", "./../x", "../x/..", "//x", "/"),
    ],
)
def test_a_symlink_that_may_leave_the_artifact_is_not_stored(tree, tmp_path, target):
    link = tree / "data" / "deep" / "link"
    link.symlink_to(target)
    if target == "..":
        pytest.skip("one step up from a folder inside is the artifact itself")
    message = "'data/deep/link' leads out of the artifact"
    with (
        opened_cache(tmp_path / "cache") as cache,
        cache.writer() as writer,
        pytest.raises(IntegrityError, match=message),
    ):
        store(found(tree, "deep/link"), "data", writer)


@pytest.mark.parametrize(
    ("path", "target"),
    [("l", "x"), ("l", "x/y"), ("l", "."), ("a/l", ".."), ("a/l", "../x"), ("a/b/l", "../../x")],
)
def test_a_symlink_that_stays_inside_is_fine(path, target):
    check_link(path, target.encode(), "data")


@pytest.mark.parametrize("target", [b"", b"/", b"..", b"../x", b"x\0y", b"x/..", b"\xff/../.."])
def test_targets_that_lead_out_of_the_top_are_refused(target):
    with pytest.raises(IntegrityError):
        check_link("link", target, "data")


def test_an_artifact_that_is_a_symlink_is_not_stored(tree, tmp_path):
    (tree / "model").symlink_to("data/a.txt")
    running = scan(tree, "model", {})
    link = next(running)
    with (
        opened_cache(tmp_path / "cache") as cache,
        cache.writer() as writer,
        pytest.raises(IntegrityError, match="leads out of the artifact"),
    ):
        store(link, "model", writer)


def test_a_symlink_to_itself_is_only_a_target(tree):
    (tree / "data" / "loop").symlink_to("loop")
    assert digest_found(found(tree, "loop"), "blake3") == digest_bytes(b"loop")


def test_a_symlinked_folder_is_not_entered(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (tree / "linked").symlink_to(outside)
    with (
        pytest.raises(IntegrityError, match="'linked', in the path 'linked', is a symlink"),
        open_folder(tree, "linked"),
    ):
        pass
    with pytest.raises(IntegrityError, match="is a symlink"):
        list(scan(tree, "linked/secret", {}))
    with pytest.raises(IntegrityError, match="is a symlink"):
        look(tree, "linked/secret")


def test_a_file_in_the_way_of_a_folder_is_told(tree):
    with (
        pytest.raises(IntegrityError, match="is not a folder"),
        open_folder(tree, "data/a.txt/x"),
    ):
        pass


def test_open_folder_makes_what_is_missing(tree):
    with open_folder(tree, "new/er", create=True) as fd:
        assert os.path.samestat(os.fstat(fd), (tree / "new" / "er").stat())


# Files that change


def test_a_file_that_changes_after_it_was_seen_is_a_conflict(tree):
    for each in scan(tree, "data", {}):
        if each.path == "a.txt":
            (tree / "data" / "a.txt").write_bytes(b"other")
            with pytest.raises(ConflictError, match=r"'data/a\.txt' changed while it was read"):
                digest_found(each, "blake3")


@pytest.mark.parametrize("instead", ["symlink", "fifo", "nothing"])
def test_a_file_that_is_replaced_after_it_was_seen_is_a_conflict(tree, instead):
    for each in scan(tree, "data", {}):
        if each.path != "a.txt":
            continue
        path = tree / "data" / "a.txt"
        path.unlink()
        if instead == "symlink":
            path.symlink_to("/etc/passwd")
        elif instead == "fifo":
            os.mkfifo(path)
        with pytest.raises(ConflictError):
            digest_found(each, "blake3")


def test_storing_what_was_found_keeps_it(tree, tmp_path):
    big = os.urandom(3 << 20)
    (tree / "data" / "big").write_bytes(big)
    with opened_cache(tmp_path / "cache") as cache:
        with cache.writer() as writer:
            stored = {each.path: store(each, "data", writer) for each in scan(tree, "data", {})}
        for path, data in {"a.txt": b"a", "big": big, "deep/er/link": b"../../a.txt"}.items():
            assert stored[path] == digest_bytes(data)
            assert cache.read(oid_of(data), limit=1 << 30) == data


# The index and time


def test_what_the_index_proves_is_not_read_again(tree, tmp_path):
    with opened_cache(tmp_path / "cache") as cache:
        time.sleep(0.02)
        stamp = now(cache.scratch)
    first = found(tree)
    row = seen_row(first, digest_bytes(b"not what is there"), stamp)
    assert row.stamp > (tree / "data" / "a.txt").stat().st_ctime_ns
    [known] = [each for each in scan(tree, "data", {row.path: row}) if each.path == "a.txt"]
    assert known.known == row
    assert digest_found(known, "blake3").oid == oid_of(b"not what is there")


def test_a_file_as_young_as_what_is_known_of_it_is_read_again(tree):
    """It may have changed once more within the same tick of the clock: Git calls it racy."""
    first = found(tree)
    changed = (tree / "data" / "a.txt").stat().st_ctime_ns
    for stamp in (changed - 1, changed):
        row = seen_row(first, digest_bytes(b"old"), stamp)
        [each] = [each for each in scan(tree, "data", {row.path: row}) if each.path == "a.txt"]
        assert each.known is None


@pytest.mark.parametrize("touch", ["content", "mtime", "mode", "replaced"])
def test_a_touched_file_is_no_longer_known(tree, touch):
    path = tree / "data" / "a.txt"
    before = path.stat()
    row = seen_row(found(tree), digest_bytes(b"a"), time.time_ns() + 10**12)
    time.sleep(0.01)
    if touch == "content":
        path.write_bytes(b"b")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif touch == "mtime":
        os.utime(path)
    elif touch == "mode":
        path.chmod(0o700)
    else:
        (tree / "data" / "new").write_bytes(b"b")
        os.utime(tree / "data" / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
        (tree / "data" / "new").rename(path)
    [each] = [each for each in scan(tree, "data", {row.path: row}) if each.path == "a.txt"]
    assert each.known is None
    assert pack_stat(path.stat()) != row.stat


def test_what_was_only_renamed_has_another_ctime_at_most(tree):
    path = tree / "data" / "a.txt"
    status = path.stat()
    before = pack_stat(status)
    assert (size_in(before), ctime_in(before)) == (status.st_size, status.st_ctime_ns)
    renamed = path.rename(tree / "data" / "b.txt")
    assert only_renamed(before, pack_stat(renamed.stat()))
    os.utime(renamed, ns=(0, 0))
    assert not only_renamed(before, pack_stat(renamed.stat()))


def test_an_entry_matches_by_type_size_and_content(tree):
    for each in scan(tree, "data", {}):
        if each.path == "a.txt":
            assert matches(each, entry("a.txt", "f", b"a"))
            assert not matches(each, entry("a.txt", "f", b"b"))
            assert not matches(each, entry("a.txt", "f", b"aa"))
            assert not matches(each, entry("a.txt", "x", b"a"))
        if each.type == LINK:
            assert matches(each, entry("deep/er/link", "l", b"../../a.txt"))
            assert not matches(each, entry("deep/er/link", "l", b"../../b.txt"))
        if each.type == FOLDER:
            assert matches(each, entry("empty", "d"))


def test_reading_ahead_finds_the_same_and_leaves_nothing_open(tree):
    for number in range(100):
        (tree / "data" / f"{number}.bin").write_bytes(b"%d" % number)
    before = set(os.listdir("/proc/self/fd"))
    ahead = {each.path: oid for each, oid in _digests(read_ahead(scan(tree, "data", {})))}
    assert ahead == {each.path: oid for each, oid in _digests(scan(tree, "data", {}))}
    assert set(os.listdir("/proc/self/fd")) == before


def _digests(founds):
    return [(each, digest_found(each, "blake3").oid) for each in founds]


def test_reading_ahead_reads_each_file_from_its_start_every_time(tree):
    for each in read_ahead(scan(tree, "data", {})):
        assert digest_found(each, "blake3") == digest_found(each, "blake3")


def test_who_stops_reading_ahead_leaves_nothing_open(tree):
    before = set(os.listdir("/proc/self/fd"))
    running = read_ahead(scan(tree, "data", {}))
    next(running)
    running.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_file_that_changes_after_it_was_opened_ahead_is_a_conflict(tree):
    for each in read_ahead(scan(tree, "data", {})):
        if each.path == "a.txt":
            (tree / "data" / "a.txt").write_bytes(b"other")
            with pytest.raises(ConflictError, match="changed while it was read"):
                digest_found(each, "blake3")


def test_a_symlink_that_leads_out_is_what_no_version_has(tree):
    (tree / "data" / "out").symlink_to("../../x")
    assert not matches(found(tree, "out"), entry("out", "l", b"../../x"))
