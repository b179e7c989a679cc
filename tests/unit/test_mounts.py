from pathlib import Path

import pytest

from gitmodel import mounts
from gitmodel.index import opened_index
from gitmodel.mounts import is_shared, kind_of

TABLE = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:44 / /mnt/nas rw - nfs4 nas:/export rw,vers=4.2
31 30 0:45 / /mnt/nas/local rw shared:9 master:2 - xfs /dev/sdb1 rw
32 22 0:46 / /mnt/two\040words rw - cifs //nas/share rw
33 22 0:47 / /mnt/over rw - ext4 /dev/sdc rw
34 33 0:48 / /mnt/over rw - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ada/work", "ext4"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nasty", "ext4"),
        ("/mnt/nas/a/b", "nfs4"),
        ("/mnt/nas/local/a", "xfs"),
        ("/mnt/two words/a", "cifs"),
        ("/mnt/over/a", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_counts(tmp_path, monkeypatch, folder, kind):
    table = tmp_path / "mountinfo"
    table.write_bytes(TABLE)
    monkeypatch.setattr(mounts, "_LIST", table)
    assert kind_of(Path(folder)) == kind


def test_nothing_is_known_without_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "_LIST", tmp_path / "none")
    assert kind_of(Path("/")) == ""


@pytest.mark.parametrize(
    ("kind", "shared"),
    [
        *((kind, True) for kind in ("nfs", "nfs4", "smb3", "cifs", "fuse.s3fs", "9p")),
        *((kind, False) for kind in ("ext4", "fuse.exfat", "fuseblk", "tmpfs", "overlay", "")),
    ],
)
def test_kinds_that_others_may_have_mounted(kind, shared):
    assert is_shared(kind) == shared


@pytest.mark.parametrize(("kind", "wal"), [("ext4", True), ("nfs4", False)])
def test_w5_no_memory_is_shared_over_a_network(tmp_path, monkeypatch, kind, wal):
    path = tmp_path / "index.db"
    with opened_index(path):
        pass
    monkeypatch.setattr("gitmodel.index.kind_of", lambda folder: kind)
    with opened_index(path) as index:
        index.set_complete("cache", "blake3:" + "0" * 64)
        assert path.with_name("index.db-wal").exists() == wal
