"""A repository that is worked on at random never loses a byte and restores every version."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gitmodel.digest import oid_of
from gitmodel.errors import ConflictError
from gitmodel.porcelain.add import add
from gitmodel.porcelain.checkout import checkout
from gitmodel.porcelain.push import Request, push
from gitmodel.porcelain.remotes import add_remote
from gitmodel.porcelain.status import status
from gitmodel.porcelain.verify import verify, verify_remote
from gitmodel.progress import Work, silent
from gitmodel.project import Project, open_project
from tests.helpers.repo import Repo, new_repo, noise
from tests.property.strategies import examples

ARTIFACTS = ("model.bin", "data")
PATHS = ("model.bin", "data/a", "data/b", "data/c", "data/sub/d")
LARGE = (1 << 20) + 10

paths = st.sampled_from(PATHS)
contents = st.one_of(
    st.sampled_from((b"", b"one", b"two", b"three")),
    st.integers(0, 3).map(lambda seed: noise(seed, 3000)),
    st.integers(0, 2).map(lambda seed: noise(seed, LARGE)),
)


class Machine(RuleBasedStateMachine):
    """Works on one clone; `tagged` is what the tree held when each version was tagged."""

    versions: Bundle[str] = Bundle("versions")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gitmodel-machine-"))
        self.repo: Repo = new_repo(self.folder, remote=False)
        self.patch = pytest.MonkeyPatch()
        for name, value in self.repo.env.items():
            self.patch.setenv(name, value)
        self.tagged: dict[str, dict[str, bytes]] = {}
        self.pushed: set[str] = set()

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.folder)
        # All histories are one test, and each leaves cycles.
        gc.collect()

    @contextmanager
    def project(self) -> Iterator[Project]:
        with open_project(self.repo.path) as project:
            yield project

    def tree(self) -> dict[str, bytes]:
        """Return the artifacts' files as they are now."""
        return {path: self.repo.read(path) for path in PATHS if (self.repo.path / path).is_file()}

    # What a user does

    @initialize(target=versions)
    def begin(self) -> str:
        with self.project() as project:
            add_remote(project, "origin", "../remote")
        for path in PATHS:
            self.repo.write(path, path.encode())
        self._add_all()
        return self._tag()

    @rule(path=paths, content=contents)
    def write(self, path: str, content: bytes) -> None:
        self.repo.write(path, content)

    @rule(path=paths)
    def delete(self, path: str) -> None:
        (self.repo.path / path).unlink(missing_ok=True)

    @precondition(lambda self: all((self.repo.path / name).exists() for name in ARTIFACTS))
    @rule(target=versions)
    def add_and_tag(self) -> str:
        self._add_all()
        return self._tag()

    @rule(path=paths)
    def add_one(self, path: str) -> None:
        if (self.repo.path / path).exists():
            with self.project() as project:
                add(project, [path], silent)
            with self.project() as project:
                assert oid_of(self.repo.read(path)) in project.cache.present(
                    [oid_of(self.repo.read(path))]
                )

    @rule()
    def push(self) -> None:
        with self.project() as project:
            report = push(project, Request(), Work())
        assert report.incomplete == {}
        self.pushed = set(self.tagged)

    @rule(version=versions, force=st.booleans())
    def checkout(self, version: str, force: bool) -> None:
        before = self.tree()
        with self.project() as project:
            try:
                done = checkout(project, version, [], Work(), force=force)
            except ConflictError:
                assert not force
                assert self.tree() == before
                return
            # Git takes pointers along that were added and not committed; their files stay theirs.
            carried = [each for each in status(project, [], silent) if each.path in done.carried]
        assert not any(each.modified or each.removed for each in carried)
        after, wanted = self.tree(), dict(self.tagged[version])
        for path in PATHS:
            if path.split("/", 1)[0] in done.carried:
                after.pop(path, None)
                wanted.pop(path, None)
        assert {path: after.get(path) for path in wanted} == wanted
        extra = {path: after[path] for path in after.keys() - wanted.keys()}
        assert extra.items() <= before.items()
        assert not (force and extra)
        if not force:
            self._check_saved(before, self.tree())

    @rule(version=versions, path=paths)
    def checkout_one(self, version: str, path: str) -> None:
        wanted = self.tagged[version].get(path)
        if wanted is None:
            return
        before = self.tree()
        with self.project() as project:
            try:
                checkout(project, version, [path], Work(), force=False)
            except ConflictError:
                assert self.tree() == before
                return
        assert self.tree() == {**before, path: wanted}
        self._check_saved(before, self.tree())

    @precondition(lambda self: self.pushed == set(self.tagged))
    @rule()
    def lose_the_cache(self) -> None:
        """A fresh clone has none either."""
        with self.project() as project:
            facts = status(project, [], silent)
        if all(fact.clean and fact.pushed for fact in facts):
            shutil.rmtree(self.repo.home)

    @rule()
    def lose_the_index(self) -> None:
        for path in self.repo.home.glob("index.db*"):
            path.unlink()

    # What always holds

    @invariant()
    def nothing_is_damaged(self) -> None:
        with self.project() as project:
            assert verify(project, silent, quick=False).damaged == ()
        assert self.repo.leftovers() == []

    @invariant()
    def status_tells_the_truth(self) -> None:
        """What it calls clean is what a commit of the index would restore."""
        with self.project() as project:
            facts = {fact.path: fact for fact in status(project, [], silent)}
            again = {fact.path: fact for fact in status(project, [], silent)}
        assert facts == again

    @precondition(lambda self: self.pushed)
    @invariant()
    def what_was_pushed_is_on_the_remote(self) -> None:
        with self.project() as project:
            report = verify_remote(project, "origin", silent)
        assert (report.damaged, report.incomplete) == ((), ())
        there = self.repo.git("ls-remote", "--tags", "origin")
        assert all(f"refs/tags/{version}\n" in f"{there}\n" for version in self.pushed)

    def _add_all(self) -> None:
        with self.project() as project:
            add(project, list(ARTIFACTS), silent)

    def _tag(self) -> str:
        version = f"v1.{len(self.tagged)}"
        self.repo.commit(version)
        self.repo.git("tag", version)
        self.tagged[version] = self.tree()
        return version

    def _check_saved(self, before: dict[str, bytes], after: dict[str, bytes]) -> None:
        """Each byte that is no longer in the tree is in the cache."""
        gone = {oid_of(data) for data in before.values()} - {
            oid_of(data) for data in after.values()
        }
        with self.project() as project:
            assert project.cache.present(gone) == gone


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=examples(8),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
