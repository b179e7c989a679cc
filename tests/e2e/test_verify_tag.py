"""verify --tag: what a version was made for, and who vouches for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.keys import (
    SIGNER,
    gpg,
    gpg_home,
    new_gpg_key,
    new_ssh_key,
    use_gpg,
    use_ssh,
)
from tests.helpers.repo import Done, Repo, copied, new_repo, noise
from tests.helpers.schemas import fields, promised


@pytest.fixture(scope="module")
def keyring() -> Iterator[Path]:
    """A keyring with a key whose owner trusts it."""
    with gpg_home() as home:
        new_gpg_key(home)
        yield home


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify-tag")
    repo = new_repo(folder)
    repo.write("model.pt", noise("good", 3000))
    repo.write("model.metrics.json", '{"accuracy": 0.94}')
    repo.write("train.py", "print(1)\n")
    repo.gitmodel("add", "model.pt")
    repo.commit("good")
    return folder


@pytest.fixture
def repo(template: Path, tmp_path: Path) -> Repo:
    """A repository with a model, and no version."""
    return copied(template, tmp_path)


@pytest.fixture
def ssh(repo: Repo, tmp_path: Path) -> Repo:
    """The same, set up to sign with an SSH key that is trusted."""
    use_ssh(repo, new_ssh_key(tmp_path))
    return repo


def verify(repo: Repo, tag: str, *options: str, code: int = 0) -> dict[str, Any]:
    done = repo.gitmodel("verify", "--tag", tag, "--json", *options, code=code)
    found: dict[str, Any] = json.loads(done.out)
    assert found["schema"] == "gitmodel/verify-tag/1"
    assert set(fields(found)) == promised("verify-tag")
    return found


def state(found: dict[str, Any]) -> str:
    word: str = found["signature"]["state"]
    return word


def swap(repo: Repo) -> str:
    """Commit other weights under the same path; return the commit."""
    repo.write("model.pt", noise("evil", 3000))
    repo.gitmodel("add", "model.pt")
    return repo.commit("evil")


def store(repo: Repo, kind: str, data: bytes) -> str:
    """Write an object into Git's store as it is."""
    repo.write("../object", data)
    return repo.git("hash-object", "-t", kind, "--literally", "-w", "../object")


def raw(repo: Repo, name: str) -> bytes:
    done = repo.run("git", "cat-file", "tag", f"refs/tags/{name}")
    assert done.code == 0
    return done.out.encode()


def move(repo: Repo, tag: str, oid: str) -> None:
    repo.git("update-ref", f"refs/tags/{tag}", oid)


# Who signed


def test_a_plain_tag(repo: Repo) -> None:
    repo.git("tag", "model-v1.1")
    found = verify(repo, "model-v1.1")
    assert (state(found), found["annotated"], found["stated"]) == ("unsigned", False, "")
    assert found["sound"]
    assert not found["vouched"]
    out = repo.gitmodel("verify", "--tag", "model-v1.1").out
    assert "unsigned" in out
    assert "none in the tag" in out
    assert (
        "not signed"
        in repo.gitmodel("verify", "--tag", "model-v1.1", "--require-signature", code=7).err
    )


def test_an_unsigned_version(repo: Repo) -> None:
    repo.gitmodel("tag", "model-v1.0")
    found = verify(repo, "model-v1.0")
    assert (state(found), found["annotated"]) == ("unsigned", True)
    assert found["stated"] == found["found"]
    verify(repo, "refs/tags/model-v1.0")
    verify(repo, "model-v1.0", "--require-signature", code=7)


@pytest.mark.parametrize("reference", ["model", "model@v1.0", "model-v1.0.0", "model.pt"])
def test_any_reference_to_a_version(repo: Repo, reference: str) -> None:
    repo.gitmodel("tag", "model-v1.0")
    assert verify(repo, reference)["tag"] == "model-v1.0"


def test_signed_by_gpg(repo: Repo, keyring: Path) -> None:
    use_gpg(repo, keyring)
    repo.gitmodel("tag", "model-v1.0", "-s", "-m", "signed")
    found = verify(repo, "model-v1.0", "--require-signature")
    assert state(found) == "trusted"
    assert found["signature"]["format"] == "openpgp"
    assert SIGNER in found["signature"]["signer"]
    assert found["stated"] == found["found"]
    assert "good by Ada Example" in repo.gitmodel("verify", "--tag", "model-v1.0").out


def test_signed_by_a_key_that_is_not_here(repo: Repo, keyring: Path) -> None:
    use_gpg(repo, keyring)
    repo.gitmodel("tag", "model-v1.0", "-s")
    with gpg_home() as other:
        repo.env["GNUPGHOME"] = str(other)
        found = verify(repo, "model-v1.0")
        assert state(found) == "untrusted"
        assert "keyring" in found["signature"]["why"]
        verify(repo, "model-v1.0", "--require-signature", code=7)


def test_signed_by_a_key_that_nobody_vouches_for(repo: Repo, keyring: Path) -> None:
    use_gpg(repo, keyring)
    repo.gitmodel("tag", "model-v1.0", "-s")
    with gpg_home() as other:
        gpg(other, "--import", feed=gpg(keyring, "--export"))
        repo.env["GNUPGHOME"] = str(other)
        found = verify(repo, "model-v1.0")
        assert state(found) == "untrusted"
        assert SIGNER in found["signature"]["signer"]
        verify(repo, "model-v1.0", "--require-signature", code=7)


def test_signed_by_a_key_that_was_revoked(repo: Repo) -> None:
    with gpg_home() as home:
        new_gpg_key(home)
        use_gpg(repo, home)
        repo.gitmodel("tag", "model-v1.0", "-s")
        [certificate] = (home / "openpgp-revocs.d").glob("*.rev")
        text = certificate.read_text().replace(":-----BEGIN", "-----BEGIN")
        gpg(home, "--import", feed=text.encode())
        found = verify(repo, "model-v1.0", code=7)
        assert state(found) == "bad"
        assert "revoked" in found["signature"]["why"]


def test_gpg_is_not_there(repo: Repo, keyring: Path) -> None:
    use_gpg(repo, keyring)
    repo.gitmodel("tag", "model-v1.0", "-s")
    repo.git("config", "gpg.program", "/nowhere/gpg")
    found = verify(repo, "model-v1.0")
    assert state(found) == "untrusted"
    assert "could not be checked" in found["signature"]["why"]
    verify(repo, "model-v1.0", "--require-signature", code=7)


def test_signed_by_ssh(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s", "-m", "signed")
    found = verify(ssh, "model-v1.0", "--require-signature")
    assert state(found) == "trusted"
    assert found["signature"]["format"] == "ssh"
    assert found["signature"]["signer"] == SIGNER
    assert found["stated"] == found["found"]


@pytest.mark.parametrize("file", ["empty", "none", "missing"])
def test_signed_by_an_ssh_key_that_is_not_allowed(ssh: Repo, tmp_path: Path, file: str) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    if file == "empty":
        use_ssh(ssh, tmp_path / "key", trusted=False)
    elif file == "none":
        ssh.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    else:
        ssh.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "nothing"))
    found = verify(ssh, "model-v1.0")
    assert state(found) == "untrusted"
    assert "allowedSigners" in found["signature"]["why"]
    assert "ED25519 key SHA256:" in found["signature"]["key"]
    verify(ssh, "model-v1.0", "--require-signature", code=7)


def test_signed_by_an_ssh_key_that_was_revoked(ssh: Repo, tmp_path: Path) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    ssh.git("config", "gpg.ssh.revocationFile", str(tmp_path / "key.pub"))
    assert state(verify(ssh, "model-v1.0", code=7)) == "bad"


def test_git_signs_each_tag_where_it_is_set_up_to(ssh: Repo) -> None:
    ssh.git("config", "tag.gpgSign", "true")
    ssh.gitmodel("tag", "model-v1.0")
    verify(ssh, "model-v1.0", "--require-signature")


def test_a_key_that_cannot_sign(repo: Repo, tmp_path: Path) -> None:
    key = new_ssh_key(tmp_path)
    use_ssh(repo, key)
    key.unlink()
    key.with_suffix(".pub").unlink()
    done = repo.gitmodel("tag", "model-v1.0", "-s", code=1)
    assert "user.signingKey" in done.err
    # What went wrong in one line, and what to do in another.
    assert len(done.err.splitlines()) == 2
    assert repo.git("tag", "--list") == ""


def test_a_signed_tag_that_git_made(ssh: Repo) -> None:
    ssh.git("tag", "-s", "model-v1.0", "-m", "by hand")
    found = verify(ssh, "model-v1.0", "--require-signature")
    assert (state(found), found["stated"]) == ("trusted", "")


# What was tampered with


@pytest.mark.parametrize("signer", ["gpg", "ssh"])
def test_a_message_that_was_changed(repo: Repo, keyring: Path, tmp_path: Path, signer: str) -> None:
    if signer == "gpg":
        use_gpg(repo, keyring)
    else:
        use_ssh(repo, new_ssh_key(tmp_path))
    repo.gitmodel("tag", "model-v1.0", "-s", "-m", "not for production")
    changed = raw(repo, "model-v1.0").replace(b"not for", b"fit for")
    move(repo, "model-v1.0", store(repo, "tag", changed))
    found = verify(repo, "model-v1.0", code=7)
    assert state(found) == "bad"
    assert "BAD" in repo.gitmodel("verify", "--tag", "model-v1.0", code=7).out


def test_a_signature_that_is_none(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    head = raw(ssh, "model-v1.0").split(b"-----BEGIN")[0]
    fake = b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n"
    move(ssh, "model-v1.0", store(ssh, "tag", head + fake))
    assert state(verify(ssh, "model-v1.0", code=7)) == "bad"


def test_a_pgp_signature_that_is_none(repo: Repo, keyring: Path) -> None:
    use_gpg(repo, keyring)
    repo.gitmodel("tag", "model-v1.0", "-s")
    head = raw(repo, "model-v1.0").split(b"-----BEGIN")[0]
    fake = b"-----BEGIN PGP SIGNATURE-----\n\nU1NIU0lH\n-----END PGP SIGNATURE-----\n"
    move(repo, "model-v1.0", store(repo, "tag", head + fake))
    assert not verify(repo, "model-v1.0", "--require-signature", code=7)["vouched"]


def test_git_replace_swaps_the_commit(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    good = ssh.git("rev-parse", "HEAD")
    evil = swap(ssh)
    ssh.git("replace", good, evil)
    found = verify(ssh, "model-v1.0", code=7)
    assert state(found) == "trusted"
    # gitmodel reads what is there, not what Git shows instead; but `git checkout` would not.
    assert found["stated"] == found["found"]
    assert good in found["problems"][0]
    ssh.git("replace", "-d", good)
    verify(ssh, "model-v1.0", "--require-signature")


@pytest.mark.parametrize("path", ["model.pt.gitmodel", "train.py", ""])
def test_git_replace_swaps_a_part(ssh: Repo, path: str) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    good = ssh.git("rev-parse", f"HEAD:{path}")
    ssh.write("train.py", "print('evil')\n")
    swap(ssh)
    ssh.git("replace", good, f"HEAD:{path}")
    assert f"Git shows another object instead of {good}" in ssh.gitmodel("show", "model-v1.0").out
    assert good in verify(ssh, "model-v1.0", code=7)["problems"][0]


def test_git_replace_swaps_the_tag(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    good = ssh.git("rev-parse", "refs/tags/model-v1.0")
    swap(ssh)
    ssh.gitmodel("tag", "model-v1.1", "-s")
    ssh.git("replace", good, "refs/tags/model-v1.1")
    assert good in verify(ssh, "model-v1.0", code=7)["problems"][0]


def test_git_replace_of_what_came_before_is_no_matter(ssh: Repo) -> None:
    before = ssh.git("rev-parse", "HEAD")
    swap(ssh)
    ssh.gitmodel("tag", "model-v1.0", "-s")
    ssh.git("replace", before, "HEAD")
    verify(ssh, "model-v1.0", "--require-signature")


def test_the_old_message_on_another_commit(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    text = raw(ssh, "model-v1.0")
    good, evil = ssh.git("rev-parse", "HEAD"), swap(ssh)
    unsigned = text.split(b"-----BEGIN")[0].replace(good.encode(), evil.encode())
    move(ssh, "model-v1.0", store(ssh, "tag", unsigned))
    found = verify(ssh, "model-v1.0", code=7)
    assert state(found) == "unsigned"
    assert found["stated"] != found["found"]
    # With its signature it is no better.
    move(ssh, "model-v1.0", store(ssh, "tag", text.replace(good.encode(), evil.encode())))
    found = verify(ssh, "model-v1.0", code=7)
    assert state(found) == "bad"
    assert found["stated"] != found["found"]


def test_signed_over_the_root_of_another_commit(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0")
    text = raw(ssh, "model-v1.0").split(b"\n\n", 1)[1].decode()
    swap(ssh)
    ssh.git("tag", "-s", "model-v1.1", "-m", text)
    found = verify(ssh, "model-v1.1", code=7)
    assert state(found) == "trusted"
    assert "root is another" in found["problems"][0]


def test_a_good_signature_under_another_name(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    move(ssh, "model-v9.0", ssh.git("rev-parse", "refs/tags/model-v1.0"))
    found = verify(ssh, "model-v9.0", code=7)
    assert state(found) == "trusted"
    assert "'model-v1.0'" in found["problems"][0]


@pytest.mark.parametrize("signer", ["gpg", "ssh"])
def test_what_follows_the_signature_does_not_count(
    repo: Repo, keyring: Path, tmp_path: Path, signer: str
) -> None:
    if signer == "gpg":
        use_gpg(repo, keyring)
    else:
        use_ssh(repo, new_ssh_key(tmp_path))
    repo.gitmodel("tag", "model-v1.0", "-s")
    stated = verify(repo, "model-v1.0")["stated"]
    after = f"\n\nGitmodel-Root: blake3:{'0' * 64}\n".encode()
    move(repo, "model-v1.0", store(repo, "tag", raw(repo, "model-v1.0") + after))
    found = verify(repo, "model-v1.0", code=7)
    assert found["stated"] == stated
    assert "after its signature" in found["problems"][0]


def test_a_message_that_quotes_a_root(ssh: Repo) -> None:
    quoted = f"Gitmodel-Root: blake3:{'0' * 64}"
    ssh.gitmodel("tag", "model-v1.0", "-s", "-m", f"not this:\n\n{quoted}")
    found = verify(ssh, "model-v1.0", "--require-signature")
    assert found["stated"] not in quoted


@pytest.mark.parametrize("root", ["blake3:0", "Gitmodel-Root: twice"])
def test_a_root_that_is_none(repo: Repo, root: str) -> None:
    text = f"x\n\nGitmodel-Root: blake3:{'0' * 64}\nGitmodel-Root: {root}\n"
    text = text if "twice" in root else f"x\n\nGitmodel-Root: {root}\n"
    repo.git("tag", "-a", "model-v1.0", "-m", text)
    assert verify(repo, "model-v1.0", code=7)["problems"]


def test_a_branch_of_the_same_name_is_not_looked_at(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    swap(ssh)
    ssh.git("branch", "model-v1.0")
    verify(ssh, "model-v1.0", "--require-signature")


def test_a_trace_of_git_is_no_verdict(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    for locale in ("C", "de_DE.UTF-8"):
        env = {"GIT_TRACE": "1", "LC_ALL": locale, "LANGUAGE": "de"}
        done = ssh.gitmodel("verify", "--tag", "model-v1.0", "--require-signature", env=env)
        assert "good by" in done.out


def test_objects_that_were_overwritten(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    good = ssh.git("rev-parse", "HEAD:model.pt.gitmodel")
    swap(ssh)
    evil = ssh.git("rev-parse", "HEAD:model.pt.gitmodel")
    objects = ssh.path / ".git" / "objects"
    target = objects / good[:2] / good[2:]
    target.chmod(0o644)
    target.write_bytes((objects / evil[:2] / evil[2:]).read_bytes())
    assert not verify(ssh, "model-v1.0", code=7)["sound"]


def test_a_clone_without_history(ssh: Repo) -> None:
    swap(ssh)
    ssh.gitmodel("tag", "model-v1.0", "-s")
    ssh.git("push", "--quiet", "origin", "main", "refs/tags/model-v1.0")
    url = f"file://{ssh.path.parent}/origin.git"
    ssh.git("clone", "--quiet", "--depth=1", "--branch=model-v1.0", url, "../shallow")
    clone = Repo(ssh.path.parent / "shallow")
    verify(clone, "model-v1.0")


def test_a_clone_without_blobs(ssh: Repo) -> None:
    ssh.gitmodel("tag", "model-v1.0", "-s")
    swap(ssh)
    ssh.git("push", "--quiet", "origin", "main", "refs/tags/model-v1.0")
    ssh.git("-C", "../origin.git", "config", "uploadpack.allowFilter", "true")
    url = f"file://{ssh.path.parent}/origin.git"
    ssh.git("clone", "--quiet", "--filter=blob:none", url, "../partial")
    clone = Repo(ssh.path.parent / "partial")
    found = verify(clone, "model-v1.0")
    assert found["found"] == found["stated"]
    ssh.git("clone", "--quiet", "--bare", url, "../bare.git")
    verify(Repo(ssh.path.parent / "bare.git"), "model-v1.0")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tag", "nothing"],
        ["--tag", "-x"],
        ["--tag", "main"],
        ["--tag", "model@main"],
        ["--tag", "model-v1.0", "--quick"],
        ["--require-signature"],
        ["--tag", "of-a-tree"],
        ["--tag", "of-a-tag"],
    ],
)
def test_what_makes_no_sense(repo: Repo, arguments: list[str]) -> None:
    repo.git("tag", "model-v1.0", "-a", "-m", "x")
    repo.git("tag", "of-a-tree", "HEAD^{tree}")
    repo.git("tag", "of-a-tag", "-a", "-m", "x", "model-v1.0")
    done: Done = repo.gitmodel("verify", *arguments, code=2)
    assert "error" in done.err.lower()


# Versions that moved on the Git remote


@pytest.fixture
def behind(repo: Repo) -> Repo:
    """A clone that saw a version before it was moved on the Git remote."""
    repo.git("tag", "model-v1.0")
    repo.git("tag", "notes")
    repo.gitmodel("push")
    repo.git("push", "--quiet", "origin", "main", "notes")
    clone = repo.clone("clone")
    clone.env["GITMODEL_TRUST_REMOTE"] = "1"
    swap(repo)
    repo.gitmodel("push")
    repo.git(
        "push", "--quiet", "--force", "origin", "HEAD:refs/tags/model-v1.0", "HEAD:refs/tags/notes"
    )
    return clone


@pytest.mark.parametrize("command", ["fetch", "pull"])
def test_fetch_tells_of_a_version_that_moved(behind: Repo, command: str) -> None:
    done = behind.gitmodel(command)
    assert "warning: version 'model-v1.0' is another tag on Git remote 'origin'" in done.err
    assert "git ls-remote origin refs/tags/model-v1.0" in done.err
    assert "notes" not in done.err
    assert behind.gitmodel(command, "--quiet").err == ""


def test_push_tells_of_a_version_that_moved(behind: Repo) -> None:
    behind.gitmodel("pull")
    assert "'model-v1.0'" in behind.gitmodel("push", code=4).err
    behind.git("tag", "model-v2.0")
    done = behind.gitmodel("push", "model-v2.0")
    assert "model-v2.0" in done.out
    assert "warning: version 'model-v1.0'" in done.err


def test_a_version_that_was_fetched_by_force_is_told_once(behind: Repo) -> None:
    moved = behind.git("ls-remote", "origin", "refs/tags/model-v1.0").split()[0]
    before = behind.git("rev-parse", "refs/tags/model-v1.0")
    behind.git("-C", "../origin.git", "update-ref", "refs/tags/model-v1.0", before)
    assert behind.gitmodel("fetch").err == ""
    behind.git("-C", "../origin.git", "update-ref", "refs/tags/model-v1.0", moved)
    behind.git("fetch", "--quiet", "--tags", "--force")
    assert "warning: version 'model-v1.0'" in behind.gitmodel("fetch").err
    assert behind.gitmodel("fetch").err == ""
    # A note that is damaged is none.
    (behind.home / "seen-tags.json").write_text("[")
    assert behind.gitmodel("fetch").err == ""


def test_versions_that_did_not_move_are_not_told(repo: Repo) -> None:
    repo.git("tag", "model-v1.0")
    assert "warning" not in repo.gitmodel("push").err
    assert repo.gitmodel("fetch").err == ""


def test_fetch_without_the_git_remote(behind: Repo) -> None:
    behind.git("remote", "set-url", "origin", "../nowhere.git")
    done = behind.gitmodel("fetch")
    assert "versions were not compared" in done.err
