"""F1: an edit made while a command replaces files is never lost."""

from __future__ import annotations

import mmap
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from gitmodel.cache import Cache
from gitmodel.digest import digest_bytes
from gitmodel.errors import ConflictError
from gitmodel.index import Index, opened_index
from gitmodel.manifest import Entry
from gitmodel.porcelain.checkout import checkout
from gitmodel.progress import Work, silent
from gitmodel.project import Project, open_project
from gitmodel.snapshot import Selection
from gitmodel.worktree.deliver import deliver, stats_of
from gitmodel.worktree.opening import pack_stat
from gitmodel.worktree.places import Places
from gitmodel.worktree.plan import Planner
from gitmodel.worktree.replaced import KEPT, Aside, forget_old, kept_in
from gitmodel.worktree.swap import Outcome, Swap
from gitmodel.worktree.write import stage
from tests.helpers.faults import kill_at, needs_strace
from tests.helpers.formats import entry, opened_cache
from tests.helpers.repo import Repo, noise

PRECIOUS = b"precious"


def rewrite(path: Path) -> None:
    path.write_bytes(PRECIOUS)


def rename(path: Path) -> None:
    beside = path.with_name("beside")
    beside.write_bytes(PRECIOUS)
    beside.rename(path)


def same_size(path: Path) -> None:
    """As programs do that write into a file and set its time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(PRECIOUS[: before.st_size])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


EDITS = [rewrite, rename, same_size]


def kept(repo: Repo) -> list[bytes]:
    """The contents that are kept in `replaced`."""
    return [path.read_bytes() for path in kept_in(repo.home / "replaced", inside=False)]


def at_next_checkout(repo: Repo, script: str) -> None:
    """Have a hook run a script when Git has moved, which is after all was compared."""
    hook = repo.write(".git/hooks/post-checkout", f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


@pytest.mark.parametrize(
    "edit",
    ["printf precious > {}", "printf precious > x; mv x {}", "rm {}; mkdir {}; echo > {}/precious"],
)
@pytest.mark.parametrize("path", ["data/train/b.png", "model.pt", "data/train/new.png"])
def test_f1_an_edit_after_git_has_moved_is_left_alone(story: Repo, path: str, edit: str) -> None:
    at_next_checkout(story, edit.format(path, path, path))
    done = story.gitmodel("checkout", "v1.0", code=4)
    assert f"'{path}'" in done.err
    assert story.git("describe", "--tags") == "v1.0"
    if "mkdir" not in edit:
        assert story.read(path) == PRECIOUS
    assert (story.path / path / "precious").exists() == ("mkdir" in edit)
    status = story.status()
    changed = [name for name, each in status.items() if each["work"] != "clean"]
    assert changed == ["model.pt" if path == "model.pt" else "data/train"]
    assert kept(story) == []
    assert story.leftovers() == []


def test_f1_a_new_file_in_the_place_of_another_is_left_alone(story: Repo) -> None:
    (story.path / "data/train/b.png").unlink()
    at_next_checkout(story, "printf precious > data/train/b.png; printf x > data/train/deep")
    done = story.gitmodel("checkout", "v1.0", code=4)
    assert "'data/train/b.png'" in done.err
    assert "'data/train/deep" in done.err
    assert story.read("data/train/b.png") == PRECIOUS
    assert story.read("data/train/deep") == b"x"


def test_f1_a_folder_that_has_appeared_is_filled_and_nothing_in_it_lost(story: Repo) -> None:
    at_next_checkout(story, "mkdir data/train/deep; printf precious > data/train/deep/note")
    story.gitmodel("checkout", "v1.0")
    assert story.read("data/train/deep/note") == PRECIOUS
    assert story.read("data/train/deep/c.png") == noise("deep/c.png", 4000)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("paths", [[], ["data/train/b.png"], ["data/train"]])
def test_f1_an_edit_before_anything_moves_stops_it(
    story: Repo, monkeypatch: pytest.MonkeyPatch, paths: list[str], edit: Callable[[Path], None]
) -> None:
    """The fetch may take hours."""
    before = story.tree()
    target = story.path / "data/train/b.png"
    with pytest.raises(ConflictError, match=r"data/train/b\.png"), opened(story) as project:
        checkout(project, "v1.0", paths, Work(once("checkout", lambda: edit(target))), force=False)
    assert target.read_bytes().startswith(PRECIOUS)
    edit(target)
    after = story.tree()
    assert {path for path in before if before[path] != after.get(path)} == {"data/train/b.png"}
    assert story.git("describe", "--tags") == "model-v1.1"


def test_f1_with_force_an_edit_goes_and_is_kept(story: Repo) -> None:
    at_next_checkout(story, "printf precious > model.pt")
    done = story.gitmodel("checkout", "v1.0", "--force")
    assert story.read("model.pt") == noise("model 1", (1 << 20) + 100)
    assert kept(story) == [PRECIOUS]
    [where] = kept_in(story.home / "replaced", inside=False)
    assert str(where.relative_to(story.path)) in story.gitmodel("doctor").out
    assert where.parts[-1] == "model.pt"
    assert str(where.relative_to(story.path)) in done.err


@pytest.mark.parametrize("edit", EDITS)
def test_f1_with_force_an_edit_from_before_goes_and_is_kept(
    story: Repo, edit: Callable[[Path], None]
) -> None:
    for path in ("model.pt", "data/train/b.png", "data/train/notes"):
        story.write(path, "x" * 20)
        edit(story.path / path)
    precious = story.read("model.pt")
    story.gitmodel("checkout", "v1.0", "--force")
    assert story.status()["model.pt"]["work"] == story.status()["data/train"]["work"] == "clean"
    assert not (story.path / "data/train/notes").exists()
    assert kept(story) == [precious] * 3


@pytest.mark.parametrize(
    "command",
    [
        *(["checkout", "v1.0", "--force"], ["checkout", "--force", "--", "model.pt", "data/train"]),
        *(["rm", "--force", "model.pt", "data/train"], ["pull", "--force"]),
    ],
    ids=" ".join,
)
def test_f1_a_symlink_in_place_of_an_artifact_is_put_aside_by_force(
    story: Repo, command: list[str]
) -> None:
    outside = story.path.parent / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(PRECIOUS)
    for path, target in (("model.pt", "mine"), ("data/train", ".")):
        story.run("rm", "-rf", path)
        (story.path / path).symlink_to(outside / target)
    refused = [word for word in command if word != "--force"]
    assert story.run("gitmodel", *refused).code == 4
    story.gitmodel(*command)
    assert not (story.path / "model.pt").is_symlink()
    assert not (story.path / "data/train").is_symlink()
    links = {path.readlink() for path in (story.home / "replaced").rglob("*") if path.is_symlink()}
    assert links == {outside / "mine", outside}
    assert [*outside.iterdir()] == [outside / "mine"]
    assert (outside / "mine").read_bytes() == PRECIOUS


@pytest.mark.parametrize("old", [b"", b'{"a": 1}'], ids=["unchanged", "replaced"])
def test_f1_a_sidecar_that_is_open_gets_what_is_written_to_it(story: Repo, old: bytes) -> None:
    path = "data/train.metrics.json"
    log = "import gitmodel\nwith gitmodel.run() as run: run.save('data/train'); run.log(a=2)"
    assert not story.run(sys.executable, "-c", log).code
    if old:
        story.write(path, old)
    story.commit("metrics")
    with (story.path / path).open("r+b", buffering=0) as file:
        assert not story.run(sys.executable, "-c", log).code
        file.write(PRECIOUS)
    assert any(PRECIOUS in each for each in [story.read(path), *kept(story)])


@pytest.mark.parametrize("number", range(1, 8))
def test_f1_what_is_kept_may_have_any_name(repo: Repo, number: int) -> None:
    """Also that of something else while it is taken out."""
    paths = [f"{number}-b", "b"]
    for path in paths:
        repo.write(path, "one")
    repo.gitmodel("add", *paths)
    repo.commit("one")
    for path in paths:
        repo.write(path, f"precious {path}")
    repo.gitmodel("checkout", "--force", "--", *paths)
    assert {*kept(repo)} == {f"precious {path}".encode() for path in paths}


def test_f1_with_force_what_is_saved_goes_and_is_not_kept(story: Repo) -> None:
    story.write("model.pt", story.read("data/train/b.png"))
    story.gitmodel("checkout", "v1.0", "--force")
    assert kept(story) == []


def test_f1_what_is_written_to_an_open_file_is_kept(story: Repo) -> None:
    with (story.path / "data/train/b.png").open("r+b") as file:
        done = story.gitmodel("checkout", "v1.0")
        assert story.read("data/train/b.png") == noise("b.png", 4000)
        assert "data/train/b.png" in done.err
        file.write(PRECIOUS)
    [content] = kept(story)
    assert content.startswith(PRECIOUS)
    assert story.status()["data/train"]["work"] == "clean"


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """A mapping through which something was written: nothing that follows changes the times."""
    with path.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 0)
    with memory:
        memory[0] = memory[0]
        yield memory


@pytest.mark.parametrize(
    ("command", "path"),
    [
        *(("add", "model.pt"), ("add", "data/train/b.png"), ("status", "data/train/b.png")),
        *(("checkout", "model.pt"), ("verify", "data/train/b.png")),
    ],
)
def test_f1_what_is_written_through_a_mapping_is_seen(story: Repo, command: str, path: str) -> None:
    artifact = "model.pt" if path == "model.pt" else "data/train"
    arguments = [artifact] if command == "add" else ["model-v1.1"] if command == "checkout" else []
    with mapped(story.path / path) as memory:
        story.gitmodel(command, *arguments)
        # Unless the page went to the disk meanwhile, no time of the file tells.
        memory[: len(PRECIOUS)] = PRECIOUS
    assert story.status()[artifact]["work"] == "modified"
    assert story.run("gitmodel", "checkout", "v1.0").code == 4
    assert story.read(path).startswith(PRECIOUS)
    story.gitmodel("add", artifact)
    story.git("commit", "-qm", "precious")
    committed = story.git("rev-parse", "HEAD").strip()
    story.gitmodel("checkout", "v1.0")
    story.gitmodel("checkout", committed)
    assert story.read(path).startswith(PRECIOUS)


def test_f1_verify_believes_the_bytes_and_sends_nobody_to_overwrite_them(story: Repo) -> None:
    """The disk spoiled them, or somebody wrote them and `stat` does not tell: who knows."""
    story.gitmodel("status")
    path = story.path / "model.pt"
    with opened(story) as project:
        row = project.index.seen(str(story.path), "model.pt")["model.pt"]
        same_size(path)
        stale = row._replace(stat=pack_stat(path.stat()), stamp=time.time_ns() + 10**10)
        project.index.record(str(story.path), [], [stale])
    assert story.status()["model.pt"]["work"] == "clean"
    done = story.run("gitmodel", "verify")
    assert done.code == 7
    assert "--force" not in done.out + done.err
    assert story.status()["model.pt"]["work"] == "modified"
    assert story.run("gitmodel", "verify").code == 0
    assert path.read_bytes().startswith(PRECIOUS)


@pytest.mark.parametrize("by", ["edit", "untracked", "ignored", "unseen"])
def test_f1_a_run_writes_over_no_edit(story: Repo, by: str) -> None:
    log = "import gitmodel\nwith gitmodel.run('model') as run: run.log(accuracy=0.5)"
    story.gitmodel("run", "--name", "model", "--", sys.executable, "-c", log)
    story.gitmodel("run", "--name", "model", "--", sys.executable, "-c", log.replace("5", "6"))
    assert kept(story) == []
    if by == "unseen":
        story.git("update-index", "--skip-worktree", "model.metrics.json")
    elif by != "edit":
        story.git("rm", "-q", "--cached", "model.metrics.json")
    if by == "ignored":
        story.write(".gitignore", story.read(".gitignore") + b"*.json\n")
    story.write("model.metrics.json", '{"accuracy": 0.123456}\n')
    done = story.gitmodel("run", "--name", "model", "--", sys.executable, "-c", log)
    assert "0.5" in story.read("model.metrics.json").decode()
    assert kept(story) == [b'{"accuracy": 0.123456}\n']
    assert "model.metrics.json" in done.err
    assert "kept for a day" in done.err


def test_f1_a_run_puts_nothing_in_the_place_of_a_folder(story: Repo) -> None:
    story.write("model.metrics.json/mine", PRECIOUS)
    log = "import gitmodel\nwith gitmodel.run('model') as run: run.log(accuracy=0.5)"
    done = story.run("gitmodel", "run", "--name", "model", "--", sys.executable, "-c", log)
    assert done.code == 7
    assert "'model.metrics.json' is not a regular file" in done.err
    assert story.read("model.metrics.json/mine") == PRECIOUS


UNSEEN = {
    "file": ("notes.txt", "notes.txt"),
    "deep": ("logs/a/b.txt", "logs/a/b.txt"),
    "file in the place of a folder": ("logs", "logs/a/b.txt"),
    "folder in the place of a file": ("notes.txt/mine", "notes.txt"),
}


@pytest.mark.parametrize(
    ("by", "kind"),
    [*((each, "file") for each in ("force", "branch", "mix", "unborn"))]
    + [("checkout", kind) for kind in UNSEEN],
)
def test_f1_git_writes_over_nothing_that_it_ignores(story: Repo, by: str, kind: str) -> None:
    mine, theirs = UNSEEN[kind]
    story.git("switch", "-qc", "side", "v1.0")
    story.write(theirs, "theirs")
    story.git("add", "-f", theirs)
    story.git("commit", "-qm", "side")
    story.git("tag", "v1.0.1")
    story.git("switch", "-q", "main")
    if by == "unborn":
        story.git("symbolic-ref", "HEAD", "refs/heads/new")
        story.git("rm", "-rq", "--cached", ".")
        for path in (".gitmodel.yaml", "train.py", ".gitignore", "data/.gitignore"):
            (story.path / path).unlink(missing_ok=True)
        for pointer in story.path.rglob("*.gitmodel"):
            pointer.unlink()
        shutil.rmtree(story.path / "data")
        (story.path / "model.pt").unlink()
    story.write(".git/info/exclude", f"/{mine.partition('/')[0]}\n")
    story.write(mine, PRECIOUS)
    command = {
        "checkout": ("checkout", "v1.0.1"),
        "force": ("checkout", "--force", "v1.0.1"),
        "branch": ("checkout", "side"),
        "unborn": ("checkout", "v1.0.1"),
        "mix": ("checkout", "main", "--code", "v1.0.1"),
    }[by]
    done = story.run("gitmodel", *command)
    assert story.read(mine) == PRECIOUS
    assert done.code == 4, done.err
    assert repr(mine) in done.err
    if by == "checkout":
        (story.path / mine).unlink()
        story.gitmodel(*command)
        assert story.read(theirs) == b"theirs"


def test_f1_what_touches_a_file_or_saves_it_is_no_edit(story: Repo) -> None:
    at_next_checkout(story, "touch model.pt; cp -p model.pt x; mv x model.pt")
    story.gitmodel("checkout", "v1.0")
    assert story.read("model.pt") == noise("model 1", (1 << 20) + 100)


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("checkout", "v1.0", "--code", "main", "--data", "v1.0"), "data/train/b.png"),
        (("bisect", "model", "--good", "v1.0", "--bad", "model-v1.1", "--", "true"), "model.pt"),
    ],
    ids=["mix", "bisect"],
)
def test_f1_holds_wherever_git_moves(story: Repo, command: tuple[str, ...], path: str) -> None:
    at_next_checkout(story, f"test -e done || {{ touch done; printf precious > {path}; }}")
    done = story.run("gitmodel", *command)
    assert done.code == 4, done.err
    assert PRECIOUS in [story.read(path), *kept(story)]


@contextmanager
def opened(repo: Repo) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in repo.env.items():
            patch.setenv(name, value)
        with open_project(repo.path) as project:
            yield project


def once(phase: str, act: Callable[[], None]) -> Callable[[str, int, int, str], None]:
    """Return a progress that does something when a phase has begun."""
    pending = [act]

    def hear(heard: str, done: int, total: int, note: str) -> None:
        if heard == phase and pending:
            pending.pop()()

    return hear


class Scene:
    """A folder of a working tree, and the plan that makes it another."""

    def __init__(self, folder: Path, cache: Cache, index: Index) -> None:
        self.root = folder / "work"
        for path in ("same", "other", "gone", "sub/gone"):
            (self.root / "data" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / "data" / path).write_bytes(path.encode())
        with cache.writer() as writer:
            for data in (b"same", b"other", b"gone", b"sub/gone", b"new"):
                writer.add(data, digest_bytes(data))
        self.cache = cache
        self.places = Places(self.root, cache.scratch, cache.root)
        before = {e.path: e for e in map(as_it_is, ("same", "other", "gone", "sub/gone"))}
        wanted = {e.path: e for e in (as_it_is("same"), *map(as_new, ("other", "new", "a/b")))}
        planner = Planner(self.root, cache, index, silent)
        planner.compare(Selection("data"), wanted, before, "blake3")
        self.change = planner.plan.change
        self.staged = stage(self.root, self.change, cache, self.places, silent)

    def apply(self, *, force: bool = False) -> Outcome:
        swap = Swap(self.root, self.cache, self.places, force=force)
        return swap.apply(self.change, self.staged)

    def tree(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root / "data")): path.read_bytes() for path in files}


def as_it_is(path: str) -> Entry:
    return entry(path, data=path.encode())


def as_new(path: str) -> Entry:
    return entry(path, data=b"new")


@pytest.fixture(params=["at once", "by a third name"])
def scene(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """With and without a file system that can exchange two names."""
    if request.param != "at once":
        monkeypatch.setattr("gitmodel.exchange._call", lambda: None)
    home = tmp_path / "home"
    with opened_cache(home) as cache, opened_index(home / "index.db") as index:
        scene = Scene(tmp_path, cache, index)
        yield scene
        scene.places.close()


NEW = {"same": b"same", "other": b"new", "new": b"new", "a/b": b"new"}


def test_f1_without_an_edit_all_becomes_new_and_nothing_is_kept(scene: Scene) -> None:
    outcome = scene.apply()
    assert scene.tree() == NEW
    assert (outcome.left, outcome.kept) == ([], [])
    assert not list((scene.cache.root / "replaced").iterdir())


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("path", ["other", "gone", "sub/gone"])
def test_f1_an_edit_at_the_last_moment_goes_back_to_its_place(
    scene: Scene, path: str, edit: Callable[[Path], None]
) -> None:
    edit(scene.root / "data" / path)
    edited = (scene.root / "data" / path).read_bytes()
    outcome = scene.apply()
    assert scene.tree() == {**NEW, path: edited}
    assert (outcome.left, outcome.kept) == ([f"data/{path}"], [])


@pytest.mark.parametrize("path", ["other", "gone"])
def test_f1_what_is_put_in_its_place_meanwhile_is_not_lost_either(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """An edit comes, is taken out, and another one comes before it is put back."""
    target = scene.root / "data" / path
    rewrite(target)
    judge = Swap._let_go

    def let_go(*arguments: Any) -> bool:
        if arguments[2] == f"data/{path}":
            rename_to(target, b"another")
        return judge(*arguments)

    monkeypatch.setattr(Swap, "_let_go", let_go)
    outcome = scene.apply()
    saved = [each.where.read_bytes() for each in outcome.kept]
    assert sorted([target.read_bytes(), *saved]) == [b"another", PRECIOUS]


@pytest.mark.parametrize("path", ["other", "gone"])
def test_f1_a_file_that_is_open_goes_where_its_writer_can_be_read(scene: Scene, path: str) -> None:
    with (scene.root / "data" / path).open("r+b", buffering=0) as file:
        outcome = scene.apply()
        file.write(PRECIOUS)
    assert scene.tree() == NEW
    assert outcome.left == []
    [kept] = outcome.kept
    assert kept.path == f"data/{path}"
    assert kept.where.read_bytes().startswith(PRECIOUS)
    assert kept.where.parts[-2:] == ("data", path)


def test_f1_a_new_file_and_a_new_folder_stay(scene: Scene) -> None:
    rewrite(scene.root / "data" / "new")
    (scene.root / "data" / "a").mkdir()
    rewrite(scene.root / "data" / "a" / "note")
    outcome = scene.apply()
    assert scene.tree() == {**NEW, "new": PRECIOUS, "a/note": PRECIOUS}
    assert outcome.left == ["data/new"]


def test_f1_a_symlink_in_the_place_of_a_folder_is_not_followed(scene: Scene) -> None:
    elsewhere = scene.root.parent / "elsewhere"
    elsewhere.mkdir()
    (scene.root / "data" / "a").symlink_to(elsewhere)
    assert scene.apply().left == ["data/a"]
    assert not list(elsewhere.iterdir())


def test_f1_what_is_kept_goes_after_a_day_and_only_if_it_is_ours(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "replaced", inside=False)
    os.close(os.open("1-x", os.O_CREAT | os.O_WRONLY, dir_fd=aside.fd))
    kept = aside.keep("1-x", "data/x")
    aside.close()
    for foreign in ("notes", "20260101T000000Z-0123"):
        (tmp_path / "replaced" / foreign).mkdir()
    forget_old(tmp_path / "replaced", time.time() + KEPT - 60, inside=False)
    assert kept.where.exists()
    forget_old(tmp_path / "replaced", time.time() + KEPT + 60, inside=False)
    left = sorted(path.name for path in (tmp_path / "replaced").iterdir())
    assert left == ["20260101T000000Z-0123", "notes"]


def test_f1_a_folder_of_the_users_is_none_of_ours_whatever_its_name(tmp_path: Path) -> None:
    name = "20261101T101112Z-0123456789abcdef"
    for foreign in (name, f".{name}.gitmodel-replaced"):
        (tmp_path / foreign).mkdir()
        (tmp_path / foreign / "model.bin").write_bytes(b"x")
    aside = Aside(tmp_path, inside=True)
    os.close(os.open("1-x", os.O_CREAT | os.O_WRONLY, dir_fd=aside.fd))
    kept = aside.keep("1-x", "data/x").where
    aside.close()
    assert [*kept_in(tmp_path, inside=True)] == [kept]
    forget_old(tmp_path, time.time() + KEPT + 60, inside=True)
    assert not kept.exists()
    assert len([*tmp_path.glob("**/model.bin")]) == 2


def rename_to(path: Path, data: bytes) -> None:
    beside = path.parents[1] / "beside"
    beside.write_bytes(data)
    beside.rename(path)


@pytest.mark.torture
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", ["rewrite", "rename", "open descriptor"])
def test_f1_hundreds_of_timed_edits(repo: Repo, kind: str) -> None:
    """At random times of checkouts: each edit is in its place or kept, whatever the command says.

    In every second round the edits begin when Git has moved, and fall among the renames.
    """
    chance = random.Random(kind)
    for number in range(2):
        for name in range(_FILES):
            repo.write(f"data/{name}", noise((number, name), 3000))
        repo.write("model.pt", noise(number, 30 << 20))
        repo.gitmodel("add", "data", "model.pt")
        repo.commit()
        repo.git("tag", f"v{number}.0")
    edits = lost = refused = rounds = 0
    while edits < _EDITS:
        rounds += 1
        repo.gitmodel("checkout", "--force", "v0.0")
        shutil.rmtree(repo.home / "replaced", ignore_errors=True)
        names = chance.sample(range(_FILES), 30)
        files = {}
        if kind == "open descriptor":
            files = {name: (repo.path / f"data/{name}").open("r+b", buffering=0) for name in names}
        at = repo.read(".git/HEAD")
        process = repo.start("checkout", "v1.0")
        if rounds % 2:
            while process.poll() is None and repo.read(".git/HEAD") == at:
                pass
        else:
            time.sleep(chance.uniform(0.2, 1))
        made = {}
        for name in names:
            if process.poll() is not None:
                break
            time.sleep(chance.uniform(0, 0.002))
            made[name] = noise((kind, rounds, name), 100)
            edit_at(repo, kind, name, made[name], files)
        process.communicate()
        for file in files.values():
            file.close()
        edits += len(made)
        refused += process.returncode == 4
        there = [path.read_bytes()[:100] for path in kept_in(repo.home / "replaced", inside=False)]
        there += [repo.read(f"data/{name}")[:100] for name in names]
        lost += sum(data not in there for data in made.values())
    assert lost == 0, f"{edits} edits in {rounds} checkouts, {refused} of which ended with 4"


_FILES, _EDITS = 300, 300


def edit_at(repo: Repo, kind: str, name: int, data: bytes, files: dict[int, FileIO]) -> None:
    path = repo.path / f"data/{name}"
    if kind == "open descriptor":
        files[name].write(data)
    elif kind == "rewrite":
        path.write_bytes(data)
    else:
        rename_to(path, data)


@pytest.mark.parametrize("kind", ["file", "folder", "open"])
def test_f1_get_with_force_replaces_only_what_was_there_when_it_began(
    scene: Scene, kind: str, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    inside = target / "note" if kind == "folder" else target
    inside.parent.mkdir(exist_ok=True)
    inside.write_bytes(b"before")
    old = stats_of(target)
    entries = {"": as_it_is("same")._replace(path="")}
    if kind == "folder":
        entries = {"same": as_it_is("same")}
    with inside.open("r+b", buffering=0) as file:
        if kind != "open":
            rewrite(inside)
            file.close()
        with pytest.raises(ConflictError, match="changed while"):
            deliver(target, entries, scene.cache, silent, old)
        if kind == "open":
            file.write(PRECIOUS)
    assert inside.read_bytes() == PRECIOUS
    deliver(target, entries, scene.cache, silent, stats_of(target))
    assert scene.cache.read(entries.popitem()[1].oid, limit=9) == b"same"


@needs_strace
@pytest.mark.parametrize(
    "number",
    [*range(1, 20, 6), *(pytest.param(n, marks=pytest.mark.torture) for n in range(1, 40))],
)
def test_f1_a_kill_at_any_rename_loses_no_edit(story: Repo, number: int) -> None:
    """An edit is exchanged out, and the process dies before it puts it back."""
    at_next_checkout(story, "printf precious > data/train/b.png")
    kill_at(story, ("checkout", "v1.0"), "rename", number)
    story.run("rm", "-f", ".git/hooks/post-checkout", ".git/index.lock")
    if story.git("describe", "--tags", "--always") == "v1.0":
        assert PRECIOUS in [story.read("data/train/b.png"), *kept(story)]
    story.run("gitmodel", "checkout", "--force", "v1.0")
    story.gitmodel("verify")
    assert story.leftovers() == []
