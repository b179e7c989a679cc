"""The ids of `.pre-commit-hooks.yaml` in the real pre-commit, beside hooks of others."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmodel.root import root_name
from tests.helpers.framework import PIP_SECONDS, SOURCE, TYPES, Framework
from tests.helpers.repo import GITMODEL, Repo, imported, noise
from tests.helpers.story import FIRST, SECOND

CHECKS = ("large-files", "no-raw-artifact", "pointers", "secrets", "sidecars")
EVENTS = ("pre-push", "post-checkout", "post-merge", "post-rewrite", "post-commit")
SYSTEM = tuple(f"gitmodel-{name}-system" for name in (*CHECKS, *EVENTS))


@pytest.fixture(scope="session")
def framework(tmp_path_factory: pytest.TempPathFactory) -> Framework:
    """One store for all tests: what pre-commit has installed once, it uses again."""
    return Framework(tmp_path_factory.mktemp("framework"))


@pytest.fixture
def work(story: Repo, framework: Framework) -> Repo:
    """The story at its second version; a folder beside it says what hooks of others ran."""
    story.env |= framework.env
    return story


@pytest.fixture
def hooked(work: Repo, framework: Framework) -> Repo:
    """The same with all ids, installed where hooks of others were before."""
    for name in TYPES:
        _foreign(work, name)
    framework.configure(work, *SYSTEM)
    framework.install(work)
    work.fork_hooks(by_path=True)
    return work


def _foreign(repo: Repo, name: str) -> None:
    path = repo.path / ".git/hooks" / name
    path.parent.mkdir(exist_ok=True)
    text = f"#!/bin/sh\n[ {name} != pre-push ] || cat >/dev/null\necho {name} >> .git/ran\n"
    path.write_text(text)
    path.chmod(0o755)


def _ran(repo: Repo) -> list[str]:
    """Return which hooks of others ran since this was asked last."""
    path = repo.path / ".git/ran"
    names = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return names


def _roots(repo: Repo) -> set[str]:
    return {path.name for path in (repo.path.parent / "remote/roots").glob("*/*")}


def _add(repo: Repo, path: str, data: bytes) -> None:
    repo.write(path, data)
    repo.gitmodel("add", path)


def _commit(repo: Repo, message: str = "more") -> None:
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--no-verify", "-m", message)


# --- each id, as `pre-commit try-repo` runs it


def _large(repo: Repo) -> str:
    repo.write("raw.bin", noise("raw", 11 << 20))
    repo.git("add", "raw.bin")
    return "gitmodel add raw.bin"


def _raw(repo: Repo) -> str:
    repo.git("add", "--force", "model.pt")
    return "git rm --cached model.pt && gitmodel add model.pt"


def _pointer(repo: Repo) -> str:
    repo.write("model.pt.gitmodel", "gitmodel: 1\n<<<<<<< HEAD\n")
    repo.git("add", "model.pt.gitmodel")
    return "git checkout --quiet HEAD -- model.pt.gitmodel"


def _secret(repo: Repo) -> str:
    repo.write("params.yaml", "lr: 0.1\npassword: hunter2\n")
    repo.git("add", "params.yaml")
    return "echo lr: 0.1 > params.yaml && git add params.yaml"


def _sidecar(repo: Repo) -> str:
    repo.write("model.metrics.json", '{\n  "accuracy": NaN\n}\n')
    repo.git("add", "model.metrics.json")
    return "echo '{\"accuracy\": 0.9}' > model.metrics.json && git add model.metrics.json"


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("large-files", _large, "'raw.bin' of 11,534,336 bytes"),
        ("no-raw-artifact", _raw, "'model.pt' is staged itself"),
        (
            "pointers",
            _pointer,
            "'model.pt.gitmodel' is a broken pointer: it holds conflict markers",
        ),
        ("secrets", _secret, "'params.yaml', line 2, holds what looks like a password"),
        ("sidecars", _sidecar, "'model.metrics.json', line 2, has NaN, which is no number of JSON"),
    ],
)
def test_a_check_fails_and_passes(
    work: Repo, framework: Framework, name: str, spoil: Callable[[Repo], str], said: str
) -> None:
    cure = spoil(work)
    done = framework.try_id(work, f"gitmodel-{name}-system")
    assert done.code == 1
    assert "Failed" in done.out
    assert said in done.out
    assert "next:" in done.out
    assert "hunter2" not in done.out
    assert work.run("sh", "-c", cure).code == 0
    work.write("note.md", "so that there is something to look at\n")
    work.git("add", "note.md")
    done = framework.try_id(work, f"gitmodel-{name}-system")
    assert done.code == 0, done.out
    assert "Failed" not in done.out
    # As CI does it, where nothing is staged.
    _commit(work)
    done = framework.try_id(work, f"gitmodel-{name}-system", "--all-files")
    assert done.code == 0
    assert "Passed" in done.out


def _push_stage(repo: Repo) -> tuple[str, ...]:
    return (
        *("--hook-stage", "pre-push", "--from-ref", "HEAD~1", "--to-ref", "HEAD"),
        *("--remote-name", "origin", "--remote-url", "../origin.git"),
        *("--local-branch", "refs/heads/main", "--remote-branch", "refs/heads/next"),
    )


def test_pre_push_fails_and_passes(work: Repo, framework: Framework) -> None:
    _add(work, "model.pt", noise("third", 2 << 20))
    _commit(work)
    remote = work.path.parent / "remote"
    remote.rename(remote.with_name("away"))
    remote.write_text("no folder")
    done = framework.try_id(work, "gitmodel-pre-push-system", *_push_stage(work))
    assert done.code == 1
    assert "Git pushes nothing" in done.out
    remote.unlink()
    remote.with_name("away").rename(remote)
    done = framework.try_id(work, "gitmodel-pre-push-system", *_push_stage(work))
    assert done.code == 0, done.out
    assert "gitmodel: 1 blob pushed to origin" in done.out
    assert "heads_2fnext" in _roots(work)


def test_nothing_is_pushed_where_pre_commit_runs_by_hand(work: Repo, framework: Framework) -> None:
    stage = ("--hook-stage", "pre-push", "--all-files")
    done = framework.try_id(work, "gitmodel-pre-push-system", *stage)
    assert done.code == 0
    assert "nothing is being pushed" in done.out


def test_post_checkout_and_post_merge(work: Repo, framework: Framework) -> None:
    moved = ("--from-ref", "main", "--to-ref", "v1.0", "--checkout-type", "1")
    work.git("checkout", "--quiet", "v1.0")
    stage = ("--hook-stage", "post-checkout")
    done = framework.try_id(work, "gitmodel-post-checkout-system", *stage, *moved)
    assert done.code == 0
    assert "files written" in done.out
    assert work.read("model.pt") == FIRST
    work.git("reset", "--quiet", "--hard", "main")
    stage = ("--hook-stage", "post-merge", "--is-squash-merge", "0")
    done = framework.try_id(work, "gitmodel-post-merge-system", *stage)
    assert done.code == 0
    assert work.read("model.pt") == SECOND


def test_what_cannot_be_restored_is_told_and_fails_nothing(
    work: Repo, framework: Framework
) -> None:
    work.git("checkout", "--quiet", "v1.0")
    work.write("model.pt", "unsaved")
    moved = ("--from-ref", "main", "--to-ref", "v1.0", "--checkout-type", "1")
    stage = ("--hook-stage", "post-checkout")
    done = framework.try_id(work, "gitmodel-post-checkout-system", *stage, *moved)
    assert done.code == 0
    assert "'model.pt' would be overwritten" in done.out
    assert work.read("model.pt") == b"unsaved"


def test_the_manifest_is_valid(work: Repo, framework: Framework) -> None:
    path = str(SOURCE / ".pre-commit-hooks.yaml")
    done = framework.run(work, "validate-manifest", path)
    assert done.code == 0, done.out


def test_options_of_the_team(work: Repo, framework: Framework) -> None:
    large = "gitmodel-large-files-system"
    framework.configure(work, {"id": large, "args": ["--maxkb=1", "--"], "exclude": "^vendor/"})
    work.write("vendor/a.csv", noise("a", 2000))
    work.git("add", "--all")
    assert framework.run(work, "run").code == 0
    work.write("--help", noise("a", 2000))
    work.git("add", "--all")
    done = framework.run(work, "run")
    assert done.code == 1
    assert "'--help' of 2,000 bytes" in done.out


# --- installed


def test_commits_beside_hooks_of_others(hooked: Repo) -> None:
    head = hooked.git("rev-parse", "HEAD")
    for spoil, name in (
        (_large, "large-files"),
        (_raw, "no-raw-artifact"),
        (_pointer, "pointers"),
        (_secret, "secrets"),
        (_sidecar, "sidecars"),
    ):
        spoil(hooked)
        done = hooked.run("git", "commit", "-m", "spoiled")
        assert done.code == 1
        failed = re.findall("^- hook id: (.*)$", done.err, re.MULTILINE)
        assert failed == [f"gitmodel-{name}-system"]
        assert hooked.git("rev-parse", "HEAD") == head
        hooked.git("reset", "--quiet")
        hooked.git("clean", "--quiet", "--force")
        hooked.git("checkout", "--quiet", ".")
    assert _ran(hooked).count("pre-commit") == 5
    _add(hooked, "model.pt", noise("third", 2 << 20))
    hooked.write("model.metrics.json", '{"accuracy": 0.9}')
    hooked.git("add", "--all")
    hooked.git("commit", "--quiet", "-m", "good")
    assert _ran(hooked) == ["pre-commit", "post-commit"]


def test_pushes_beside_hooks_of_others(hooked: Repo) -> None:
    _third(hooked)
    _push_uploads(hooked)


def test_checkouts_and_merges_beside_hooks_of_others(hooked: Repo) -> None:
    _third(hooked)
    _fourth(hooked)
    _checkout_restores(hooked)
    _merge_restores(hooked)
    hooked.gitmodel("verify")
    assert hooked.leftovers() == []


def test_rewriting_beside_hooks_of_others(hooked: Repo) -> None:
    _third(hooked)
    _fourth(hooked)
    hooked.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    _add(hooked, "data/train/side.png", noise("side", 3000))
    _commit(hooked, "side")
    hooked.git("rebase", "--quiet", "main")
    assert hooked.read("model.pt") == noise("fourth", 2 << 20)
    assert hooked.read("data/train/side.png") == noise("side", 3000)
    assert "post-rewrite" in _ran(hooked)
    hooked.git("checkout", "--quiet", "main")
    assert not (hooked.path / "data/train/side.png").exists()
    hooked.git("cherry-pick", "side")
    assert hooked.read("data/train/side.png") == noise("side", 3000)


def _third(repo: Repo) -> None:
    _add(repo, "model.pt", noise("third", 2 << 20))
    _commit(repo, "third")
    _ran(repo)


def _fourth(repo: Repo) -> None:
    _add(repo, "model.pt", noise("fourth", 2 << 20))
    _commit(repo, "fourth")
    _ran(repo)


def _push_uploads(repo: Repo) -> None:
    done = repo.run("git", "push", "origin", "main")
    assert done.code == 0, done.err
    assert "1 blob pushed to origin" in done.out + done.err
    assert _ran(repo) == ["pre-push"]
    remote = repo.path.parent / "remote"
    remote.rename(remote.with_name("away"))
    remote.write_text("no folder")
    _fourth(repo)
    assert repo.run("git", "push", "origin", "main").code == 1
    assert repo.git("rev-parse", "origin/main") == repo.git("rev-parse", "HEAD~1")
    remote.unlink()
    remote.with_name("away").rename(remote)
    repo.git("push", "--quiet", "origin", "main")
    _ran(repo)


def _checkout_restores(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "HEAD~1")
    assert repo.read("model.pt") == noise("third", 2 << 20)
    repo.git("checkout", "--quiet", "main")
    assert repo.read("model.pt") == noise("fourth", 2 << 20)
    assert _ran(repo) == ["post-checkout"] * 2


def _merge_restores(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "topic", "HEAD~1")
    _add(repo, "data/train/topic.png", noise("topic", 3000))
    _commit(repo, "topic")
    repo.git("checkout", "--quiet", "main")
    assert not (repo.path / "data/train/topic.png").exists()
    _ran(repo)
    repo.git("merge", "--quiet", "--no-edit", "topic")
    assert repo.read("data/train/topic.png") == noise("topic", 3000)
    assert "post-merge" in _ran(repo)


def test_beside_gitmodel_install(hooked: Repo) -> None:
    """Both do the same work; the second finds nothing left to do."""
    hooked.gitmodel("install")
    _spoiled_commit_is_refused_by_both(hooked)
    _third(hooked)
    _push_uploads(hooked)
    _checkout_restores(hooked)
    hooked.gitmodel("uninstall")
    _checkout_restores(hooked)


def _spoiled_commit_is_refused_by_both(repo: Repo) -> None:
    _large(repo)
    done = repo.run("git", "commit", "-m", "spoiled")
    assert done.code == 1
    assert done.err.count("'raw.bin' of 11,534,336 bytes") == 2
    repo.git("reset", "--quiet")
    repo.git("clean", "--quiet", "--force")


def test_what_gitmodel_has_git_do_calls_no_id(hooked: Repo) -> None:
    """`gitmodel checkout` restores by itself, and `gitmodel push` pushes tags."""
    _add(hooked, "model.pt", noise("third", 2 << 20))
    _commit(hooked, "third")
    _ran(hooked)
    done = hooked.gitmodel("checkout", "HEAD~1")
    assert "gitmodel:" not in done.err
    assert hooked.read("model.pt") == SECOND
    assert _ran(hooked) == ["post-checkout"]


def test_a_commit_without_the_configuration_of_pre_commit(hooked: Repo) -> None:
    """pre-commit does nothing there, and fails the checkout if it was not told otherwise."""
    done = hooked.run("git", "checkout", "--quiet", "v1.0")
    assert done.code == 1
    assert hooked.read("model.pt") == SECOND
    hooked.gitmodel("pull")
    assert hooked.read("model.pt") == FIRST


def test_a_merge_in_conflict_may_be_committed_without_all_the_data(
    hooked: Repo, framework: Framework
) -> None:
    """Pointers of the other side are no news, though their blobs are not here."""
    hooked.git("checkout", "--quiet", "-b", "topic")
    _add(hooked, "other.pt", noise("other", 2 << 20))
    hooked.write("train.py", "print('theirs')\n")
    _commit(hooked, "theirs")
    hooked.git("checkout", "--quiet", "main")
    hooked.write("train.py", "print('ours')\n")
    _commit(hooked, "ours")
    for path in hooked.home.glob("blobs/*/*/*"):
        path.unlink()
    assert hooked.run("git", "merge", "topic").code == 1
    hooked.write("train.py", "print('both')\n")
    hooked.git("add", "train.py", "other.pt.gitmodel")
    done = hooked.run("git", "commit", "--quiet", "--no-edit")
    assert done.code == 0, done.err


# --- what pre-commit tells of a push


def test_of_several_refs_pre_commit_tells_of_one_and_versions_go_along(hooked: Repo) -> None:
    for number in (2, 3):
        _add(hooked, "model.pt", noise(("new", number), 2 << 20))
        _commit(hooked, f"version {number}")
        hooked.git("tag", f"v{number}.0")
    hooked.git("push", "--quiet", "origin", "main", "v2.0", "v3.0")
    assert {root_name(f"refs/tags/v{number}.0") for number in (2, 3)} <= _roots(hooked)
    fresh = hooked.clone("fresh")
    fresh.gitmodel("checkout", "v2.0")
    assert fresh.read("model.pt") == noise(("new", 2), 2 << 20)


def test_of_two_branches_only_the_first_is_uploaded(hooked: Repo) -> None:
    for name in ("one", "two"):
        hooked.git("checkout", "--quiet", "-b", name, "main")
        _add(hooked, "model.pt", noise(name, 2 << 20))
        _commit(hooked, name)
    hooked.git("push", "--quiet", "origin", "one", "two")
    assert {"heads_2fone", "heads_2ftwo"} & _roots(hooked) == {"heads_2fone"}
    hooked.gitmodel("install")
    hooked.git("push", "--quiet", "origin", "one:refs/heads/three", "two:refs/heads/four")
    assert {"heads_2fthree", "heads_2ffour"} <= _roots(hooked)


def test_a_version_that_cannot_go_along_is_told(hooked: Repo) -> None:
    _add(hooked, "model.pt", noise("lost", 2 << 20))
    _commit(hooked, "lost")
    hooked.git("tag", "v2.0")
    for path in hooked.home.glob("blobs/*/*/*"):
        path.unlink()
    _add(hooked, "model.pt", noise("new", 2 << 20))
    _commit(hooked, "new")
    done = hooked.run("git", "push", "origin", "main")
    assert done.code == 0
    assert "data of 'v2.0' is neither here nor on the remote: do not push that tag" in done.out
    assert "heads_2fmain" in _roots(hooked)
    assert root_name("refs/tags/v2.0") not in _roots(hooked)


def test_a_tag_of_what_was_pushed_before_is_not_told_of(hooked: Repo) -> None:
    """pre-commit runs nothing; its data is there, for the branch brought it, but no proof of it."""
    hooked.git("push", "--quiet", "origin", "main")
    hooked.git("tag", "v2.0")
    _ran(hooked)
    hooked.git("push", "--quiet", "origin", "v2.0")
    assert _ran(hooked) == ["pre-push"]
    assert root_name("refs/tags/v2.0") not in _roots(hooked)
    hooked.gitmodel("push")
    assert root_name("refs/tags/v2.0") in _roots(hooked)


def test_a_deletion_is_not_told_of(hooked: Repo) -> None:
    assert hooked.run("git", "push", "origin", "--delete", "v1.0").code == 0
    hooked.gitmodel("install")
    done = hooked.run("git", "push", "origin", "--delete", "model-v1.1")
    assert done.code == 1
    assert "would delete the version 'model-v1.1'" in done.err


def test_a_version_that_moved_is_found_by_its_root(hooked: Repo) -> None:
    _add(hooked, "model.pt", noise("third", 2 << 20))
    _commit(hooked, "third")
    done = hooked.run("git", "push", "--force", "origin", "main:refs/tags/v1.0")
    assert done.code == 1
    assert "a version never moves" in done.out


def test_the_first_push_of_all(repo: Repo, framework: Framework) -> None:
    """Then pre-commit tells of no commits, only of refs."""
    repo.env |= framework.env
    _add(repo, "model.pt", FIRST)
    framework.configure(repo, *SYSTEM)
    framework.install(repo)
    repo.git("push", "--quiet", "origin", "main")
    assert "heads_2fmain" in _roots(repo)
    repo.git("push", "--quiet", "origin", "HEAD:refs/heads/next")
    fresh = repo.clone("fresh")
    fresh.gitmodel("pull")
    assert fresh.read("model.pt") == FIRST


def test_another_repository_with_the_same_configuration(hooked: Repo) -> None:
    """One that knows nothing of gitmodel: nothing is in the way."""
    other = Repo(hooked.path.parent / "other")
    other.env |= hooked.env
    other.path.mkdir()
    other.git("init", "--quiet", "-b", "main")
    shutil.copytree(hooked.path / ".git/hooks", other.path / ".git/hooks", dirs_exist_ok=True)
    other.write(".pre-commit-config.yaml", hooked.read(".pre-commit-config.yaml"))
    other.git("add", "--all")
    other.git("commit", "--quiet", "-m", "first")
    other.git("init", "--quiet", "--bare", "../others.git")
    other.git("remote", "add", "origin", "../others.git")
    other.git("push", "--quiet", "origin", "main")
    other.git("checkout", "--quiet", "-b", "topic")
    assert not (other.path / ".git/gitmodel").exists()


# --- the environment that pre-commit makes


@pytest.mark.torture
@pytest.mark.timeout(PIP_SECONDS + 300)
def test_in_an_environment_of_its_own(work: Repo, framework: Framework) -> None:
    """Where nobody has installed gitmodel; takes as long as pip does."""
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(each for each in folders if not (Path(each) / "gitmodel").exists())
    _add(work, "model.pt", noise("third", 2 << 20))
    framework.configure(work, *(f"gitmodel-{name}" for name in (*CHECKS, *EVENTS)))
    framework.install(work)
    framework.install_environments(work)
    work.env["PATH"] = path
    assert shutil.which("gitmodel", path=path) is None
    cure = _secret(work)
    done = work.run("git", "commit", "-m", "spoiled")
    assert done.code == 1
    assert "'params.yaml', line 2" in done.err
    assert done.err.count("Failed") == 1
    assert work.run("sh", "-c", cure).code == 0
    assert work.run("git", "commit", "-m", "good").code == 0
    done = work.run("git", "push", "origin", "main")
    assert done.code == 0, done.err
    assert "heads_2fmain" in _roots(work)
    work.git("checkout", "--quiet", "-b", "topic")
    work.git("checkout", "--quiet", "HEAD~1")
    assert work.run("git", "merge", "--quiet", "topic").code == 0


def test_little_is_imported_where_nothing_is_to_do(work: Repo) -> None:
    """A checkout of other code only: a shell asks Git, and that is all."""
    env = {
        "PRE_COMMIT_FROM_REF": "HEAD",
        "PRE_COMMIT_TO_REF": "HEAD",
        "PRE_COMMIT_CHECKOUT_TYPE": "1",
    }
    work.env |= env
    rows = imported(work, str(GITMODEL), "framework", "post-checkout")
    assert {row for row in rows if row.startswith("gitmodel.")} <= {
        *("gitmodel.cli", "gitmodel.cli.main", "gitmodel.cli.framework", "gitmodel.errors"),
        *("gitmodel.git", "gitmodel.git.command", "gitmodel.git.revisions", "gitmodel.scripts"),
        *("gitmodel.signals", "gitmodel.trace"),
        # What is said passes the printer; a command says whom it waits for; Git's files are short.
        *("gitmodel.cli.printer", "gitmodel.hints", "gitmodel.printable", "gitmodel.secrets"),
        *("gitmodel.cli.lock_timeout", "gitmodel.disk", "gitmodel.locks", "gitmodel.paths"),
    }
