"""The real `git`: it moves the working tree, stages, pushes, and so honours the user's set-up."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from gitmodel.errors import (
    ConflictError,
    GitmodelError,
    IntegrityError,
    RemoteError,
    UsageError,
)
from gitmodel.paths import POINTER_SUFFIX

_SECRET = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX")
_MUTE = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"}
_FOLDERS = ("--absolute-git-dir", "--git-common-dir")
_FETCHED = "refs/gitmodel/fetched"
_MIX = "refs/worktree/gitmodel-mix"
"""A ref of one working tree alone."""
_SHA256 = 64
_FILE_MODES = ("100644", "100755")
_UTF8 = ("-c", "i18n.logOutputEncoding=UTF-8")


@dataclass(frozen=True, slots=True)
class Ref:
    """A tag, or a branch: its short name, the commit it leads to, when and by whom it was made.

    When is in Unix time; for a branch it is that of the commit.
    """

    name: str
    commit: str
    time: int
    author: str


class Change(NamedTuple):
    """What one tree has at a path and another has not; all zeros if it has nothing there."""

    mode: str
    oid: str
    path: str


@dataclass(frozen=True, slots=True)
class Staged:
    """A file in Git's index, its size in bytes, and the blob that HEAD has there, if any."""

    path: str
    size: int
    before: str


@dataclass(frozen=True, slots=True)
class Story:
    """What Git says of a revision: what kind of thing it is, when, by whom and why it was made.

    `subject` is the first line of the commit's message; `message` is that of an annotated tag.
    """

    kind: Literal["annotated tag", "lightweight tag", "commit"]
    commit: str
    time: int
    author: str
    subject: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Between:
    """What lies between two commits.

    `ahead` counts the commits that only the second has, `behind` those that only the first has;
    `files` maps the paths that differ to Git's letter for it: A, D, M or T.  `shallow` says that
    older history is not here, so that there may be more commits.
    """

    ahead: int
    behind: int
    files: Mapping[str, str]
    shallow: bool


@dataclass(frozen=True, slots=True)
class Git:
    """A repository and one working tree of it, by way of the `git` command.

    `options` stand before the verb of every call.
    """

    program: str
    worktree: Path
    git_dir: Path
    common_dir: Path
    options: tuple[str, ...] = ()

    def tracked_pointers(self) -> list[str]:
        """Return the paths of the pointers in Git's index, relative to the working tree."""
        return list(self.staged_pointers())

    def staged_pointers(self) -> dict[str, dict[int, str]]:
        """Return the pointers in Git's index, relative to the working tree: path to its stages.

        A stage leads to a Git blob: 0, or in a conflict 1 (the base), 2 (ours) and 3 (theirs).
        """
        return self._stages(f"*{POINTER_SUFFIX}")

    def unmerged(self, paths: Sequence[str]) -> list[str]:
        """Return which of the files are in conflict in Git's index."""
        stages = self._stages(*(f":(literal){path}" for path in paths)) if paths else {}
        return [path for path, found in stages.items() if 0 not in found]

    def blobs(self, oids: Iterable[str], limit: int) -> dict[str, bytes]:
        """Return the content of Git blobs, but for those of more than `limit` bytes."""
        wanted = list(dict.fromkeys(oids))
        if not wanted:
            return {}
        feed = "".join(f"{oid}\n" for oid in wanted).encode()
        lines = self._checked("cat-file", "--batch-check", feed=feed).stdout.decode().splitlines()
        known = [line.split(" ") for line in lines]
        sizes = {words[0]: int(words[2]) for words in known if words[1] == "blob"}
        small = [oid for oid in wanted if sizes.get(oid, limit + 1) <= limit]
        feed = "".join(f"{oid}\n" for oid in small).encode()
        data = self._checked("cat-file", "--batch", feed=feed).stdout
        found, at = {}, 0
        for oid in small:
            start = data.index(b"\n", at) + 1
            found[oid] = data[start : start + sizes[oid]]
            at = start + sizes[oid] + 1
        return found

    def left_out(self) -> set[str]:
        """Return the pointers that a sparse checkout leaves out of the working tree."""
        lines = self._names("ls-files", "-t", "-z", "--", f"*{POINTER_SUFFIX}")
        return {line[2:] for line in lines if line.startswith("S ")}

    def tracked(self, paths: Sequence[str]) -> list[str]:
        """Return which files Git tracks among `paths` and below them."""
        return self._names("--literal-pathspecs", "ls-files", "-z", "--", *paths) if paths else []

    def patch(self, without: Iterable[str]) -> bytes:
        """Return what differs from HEAD in what Git tracks, as a patch.

        Files of which the name matches one of the globs `without` are left out.
        """
        # So that files of which only the times differ do not count.
        self._run("update-index", "-q", "--refresh")
        done = self._checked(
            *("diff-index", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv"),
            *("HEAD", "--", *_but(without)),
        )
        return done.stdout

    def untracked(self, without: Iterable[str]) -> list[str]:
        """Return the files that Git neither tracks nor ignores, but for those that match globs."""
        arguments = ("ls-files", "-z", "--others", "--exclude-standard", "--", *_but(without))
        return self._names(*arguments)

    def ignored(self, paths: Iterable[str]) -> set[str]:
        """Return which of the paths a rule of Git ignores, unless it tracks them all the same."""
        data = os.fsencode("\0".join(paths))
        done = self._run("check-ignore", "-z", "--stdin", feed=data) if data else None
        return set(os.fsdecode(done.stdout).split("\0")) - {""} if done else set()

    def stage(self, paths: Iterable[str]) -> None:
        """Add the files to Git's index, also where a rule ignores them."""
        self._feed(["--literal-pathspecs", "add", "--force", "--sparse"], paths)

    def unstage(self, paths: Iterable[str]) -> None:
        """Take files out of Git's index and leave them on the disk."""
        self._feed(
            ["--literal-pathspecs", "rm", "--cached", "--quiet", "--ignore-unmatch", "--sparse"],
            paths,
        )

    def remove(self, paths: Sequence[str], *, force: bool) -> None:
        """Remove tracked files from Git's index and the disk; with `force` untracked ones too."""
        tracked = self.tracked(paths)
        options = ["--force"] if force else []
        self._feed(["--literal-pathspecs", "rm", "--quiet", "--sparse", *options], tracked)
        for path in set(paths) - set(tracked) if force else ():
            (self.worktree / path).unlink(missing_ok=True)

    def unsaved(self, paths: Sequence[str]) -> list[str]:
        """Return which of the files are tracked and other than in the last commit."""
        if not paths:
            return []
        arguments = ("--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames")
        lines = self._names(*arguments, "--untracked-files=no", "--", *paths)
        return [line[3:] for line in lines]

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision names, or None."""
        if revision.startswith("-"):
            return None
        done = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def file(self, revision: str, path: str) -> bytes | None:
        """Return the content of a file of a revision, or None."""
        commit = self.resolve(revision)
        done = self._run("cat-file", "blob", f"{commit}:{path}")
        return done.stdout if commit and done.returncode == 0 else None

    def branch(self) -> str | None:
        """Return the full name of the branch that HEAD is on, or None."""
        done = self._run("symbolic-ref", "--quiet", "HEAD")
        return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None

    def checkout(self, revision: str, *, force: bool = False) -> None:
        """Move HEAD and the working tree to a revision; raises `ConflictError` if Git refuses."""
        options = ["--force"] if force else []
        done = self._run(
            "-c", "advice.detachedHead=false", "checkout", "--quiet", *options, revision, "--"
        )
        if done.returncode:
            raise ConflictError(_said(done), hint="git status")

    def is_ancestor(self, commit: str, of: str) -> bool:
        """Return whether a commit is another, or one that this descends from."""
        return self._run("merge-base", "--is-ancestor", commit, of).returncode == 0

    def history(self, commit: str, without: str = "") -> list[tuple[str, list[str]]]:
        """Return a commit and its ancestors with their parents, parents first.

        `without` is another commit that is left out with its own ancestors.
        """
        limit = [f"^{without}"] if without else []
        options = ("--topo-order", "--reverse", "--parents")
        lines = self._names("rev-list", *options, commit, *limit, "--", separator="\n")
        return [(first, parents) for first, *parents in map(str.split, lines)]

    def take_back(self) -> None:
        """Make what Git tracks in the working tree what HEAD says; changes of it are lost."""
        self._checked("checkout", "--quiet", "--force", "HEAD", "--")

    def changes(self, before: str, after: str) -> list[Change]:
        """Return what `after` has, file by file, where it differs from `before`; both commits."""
        words = iter(self._names("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after))
        found = []
        for facts, path in zip(words, words, strict=True):
            _, mode, _, oid, _ = facts.split()
            found.append(Change(mode, oid, path))
        return found

    def modified(self, tree: str, *, staged: bool = False) -> list[str]:
        """Return which tracked files are not as in a tree: the work files, or what is staged."""
        options = ("--name-only", "-z", "--no-renames", "--no-ext-diff")
        return self._names("diff", *options, *(["--cached"] if staged else []), tree, "--")

    def write_blob(self, data: bytes) -> str:
        """Store bytes as a blob; return its oid."""
        return self._checked("hash-object", "-w", "--stdin", feed=data).stdout.decode().strip()

    def write_tree(self, base: str, changes: Iterable[Change], index: Path) -> str:
        """Store the tree that a commit becomes by some changes; return its oid.

        `index` is a path where nothing is; a file of Git's is there for a moment.
        """
        env = {"GIT_INDEX_FILE": str(index)}
        # A file that becomes a folder goes first.
        ordered = sorted(changes, key=lambda change: int(change.mode, 8) != 0)
        lines = (f"{change.mode} {change.oid}\t{change.path}\0" for change in ordered)
        try:
            self._checked("read-tree", base, env=env)
            feed = os.fsencode("".join(lines))
            self._checked("update-index", "-z", "--index-info", feed=feed, env=env)
            return self._checked("write-tree", env=env).stdout.decode().strip()
        finally:
            index.unlink(missing_ok=True)

    def move_tree(self, before: str, after: str, *, dry_run: bool = False) -> None:
        """Bring Git's index and the working tree from one tree to another, and leave HEAD.

        Changes that no tree has are carried; raises `ConflictError` if they are in the way.
        """
        self._run("update-index", "-q", "--refresh")
        options = ["--dry-run"] if dry_run else []
        done = self._run("read-tree", "-m", "-u", *options, before, after)
        if done.returncode:
            raise ConflictError(_said(done), hint="git status")

    def mix(self) -> str | None:
        """Return the commit that `set_mix` made, or None."""
        return self.resolve(_MIX)

    def set_mix(self, tree: str, base: str, what: str) -> None:
        """Note that the working tree is brought from a commit to a tree, which is kept for as long.

        `what` says which tree that is.
        """
        self._checked("update-ref", _MIX, self._commit_tree(tree, base, what))

    def _commit_tree(self, tree: str, parent: str, message: str) -> str:
        names = {f"GIT_{who}_NAME": "gitmodel" for who in ("AUTHOR", "COMMITTER")}
        mails = {f"GIT_{who}_EMAIL": "" for who in ("AUTHOR", "COMMITTER")}
        done = self._checked(
            *("commit-tree", "-p", parent, "-m", message, tree), env={**names, **mails}
        )
        return done.stdout.decode().strip()

    def unset_mix(self) -> None:
        """Forget what `set_mix` noted."""
        self._checked("update-ref", "-d", _MIX)

    def tags(self) -> list[Ref]:
        """Return the tags that lead to a commit."""
        return self._refs("refs/tags/")

    def heads(self) -> list[Ref]:
        """Return the ends of the branches, and when and by whom their commits were made."""
        return self._refs("refs/heads/")

    def tags_before(self, commit: str) -> set[str]:
        """Return the tags, by short name, of a commit and of all that came before it."""
        done = self._checked(
            "for-each-ref", f"--merged={commit}", "--format=%(refname)", "refs/tags"
        )
        return {name.removeprefix("refs/tags/") for name in os.fsdecode(done.stdout).splitlines()}

    def tag(self, name: str, commit: str, message: str, *, sign: bool) -> str:
        """Make an annotated tag, as the user and with the key that Git is set up for.

        Returns what Git said.  Raises `ConflictError` if there is one of that name: no tag is
        ever moved.
        """
        kind = "--sign" if sign else "--annotate"
        done = self._run(
            *("tag", kind, "--cleanup=verbatim", "--file=-", "--end-of-options", name, commit),
            feed=message.encode("utf-8", "surrogateescape"),
        )
        if done.returncode == 0:
            return _said(done)
        if name in self.tag_objects():
            raise ConflictError(
                f"there is a tag {name!r} already; a version never moves", hint="gitmodel versions"
            )
        raise GitmodelError(
            f"Git did not make the tag {name!r}: {_said(done)}",
            hint="git config user.signingKey" if sign else "git config user.email",
        )

    def delete_tag(self, name: str) -> None:
        """Delete a tag of this clone."""
        self._checked("tag", "--delete", "--end-of-options", name)

    def switched_on(self, key: str) -> bool:
        """Return whether a Git configuration key is true."""
        return self._run("config", "--type=bool", "--get", key).stdout.strip() == b"true"

    def uncommitted(self, patterns: Sequence[str]) -> list[str]:
        """Return the files that match a pattern and are not what HEAD says, or not in it."""
        fields = self._names(
            *("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"),
            *("--ignore-submodules=all", "--", *patterns),
        )
        return [field[3:] for field in fields]

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run `git` for an answer that is to be believed.

        It is in English and without traces, and no object is replaced by another.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_TRACE")}
        env = {**kept, "LC_ALL": "C", "LANGUAGE": "C", "GIT_NO_REPLACE_OBJECTS": "1"}
        return _run(self.program, self.worktree, (*self.options, *arguments), env=env)

    def kind(self, oid: str) -> str:
        """Return what an object is: commit, tag, tree or blob."""
        done = self.ask("cat-file", "-t", oid)
        if done.returncode:
            raise GitmodelError(f"git cat-file: {_said(done)}", hint="git fsck")
        return done.stdout.decode("ascii").strip()

    def replaced(self) -> set[str]:
        """Return the objects that Git shows others instead of (`git replace`)."""
        return set(self._names("replace", "--list", separator="\n"))

    def objects_of(self, commit: str) -> set[str]:
        """Return a commit, its trees and the blobs of all its files, by their own names."""
        done = self.ask("ls-tree", "-r", "-t", "-z", "--full-tree", commit)
        top = self.ask("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
        if done.returncode or top.returncode:
            raise GitmodelError(f"git ls-tree: {_said(done)}", hint="git fsck")
        heads = (row.split(b"\t", 1)[0] for row in done.stdout.split(b"\0") if row)
        below = {head.split(b" ")[2].decode("ascii") for head in heads}
        return {commit, top.stdout.decode("ascii").strip(), *below}

    def story(self, commit: str, tag: str = "") -> Story:
        """Return what Git says of a tag and the commit that it leads to, or of the commit alone."""
        form = "--format=%at%x00%an%x00%s"
        git = replace(self, options=(*self.options, *_UTF8))
        done = git._checked("log", "-1", "--no-show-signature", form, commit, "--")
        time, author, subject = _text(done).rstrip("\n").split("\0")
        if not tag:
            return Story("commit", commit, int(time or 0), author, subject)
        fields = ("objecttype", "creatordate:unix", "taggername", "contents:subject")
        form = "%00".join(f"%({field})" for field in (*fields, "contents:body"))
        done = git._checked("for-each-ref", f"--format={form}", f"refs/tags/{tag}")
        kind, tagged, tagger, head, body = _text(done).rstrip("\n").split("\0")
        if kind != "tag":
            return Story("lightweight tag", commit, int(time or 0), author, subject)
        message = f"{head}\n\n{body}".strip()
        return Story("annotated tag", commit, int(tagged or time or 0), tagger, subject, message)

    def between(self, before: str, after: str) -> Between:
        """Return what lies between two commits."""
        done = self._checked("rev-list", "--left-right", "--count", f"{before}...{after}", "--")
        behind, ahead = map(int, done.stdout.split())
        words = self._names(
            "diff-tree", "-r", "-z", "--name-status", "--no-renames", before, after, "--"
        )
        files = dict(zip(words[1::2], words[::2], strict=True))
        shallow = self._checked("rev-parse", "--is-shallow-repository").stdout == b"true\n"
        return Between(ahead, behind, files, shallow)

    def remote(self) -> str | None:
        """Return the name of the Git remote that tags are pushed to, or None."""
        names = self._names("remote", separator="\n")
        branch = (self.branch() or "").removeprefix("refs/heads/")
        keys = (f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote")
        wanted = [name for key in keys for name in self.config(key)]
        usable = [name for name in (*wanted, "origin") if name in names]
        if usable:
            return usable[0]
        return names[0] if len(names) == 1 else None

    def remote_tags(self, remote: str, *, ask: bool = True) -> dict[str, str]:
        """Return the tags of a Git remote: short name to the oid of the tag or commit.

        `ask`: whether Git may ask the user for a password.
        """
        env = None if ask else {**os.environ, **_MUTE}
        arguments = (*self.options, "ls-remote", "--refs", "--tags", "--", remote)
        done = _run(self.program, self.worktree, arguments, env=env)
        if done.returncode:
            raise RemoteError(
                f"Git remote {remote!r}: {_said(done)}", hint=f"git ls-remote {remote}"
            )
        lines = os.fsdecode(done.stdout).splitlines()
        pairs = (line.split("\t", 1) for line in lines)
        return {name.removeprefix("refs/tags/"): oid for oid, name in pairs}

    def tag_objects(self) -> dict[str, str]:
        """Return the tags here, as `remote_tags` does."""
        done = self._checked("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
        pairs = (line.split(" ", 1) for line in os.fsdecode(done.stdout).splitlines())
        return {name.removeprefix("refs/tags/"): oid for oid, name in pairs}

    def push_tags(self, remote: str, tags: Sequence[str]) -> None:
        """Push tags; raises `ConflictError` if the remote refuses one, and then pushes none."""
        specs = [f"refs/tags/{tag}:refs/tags/{tag}" for tag in tags]
        done = self._run("push", "--quiet", "--atomic", "--", remote, *specs)
        if done.returncode:
            text = _said(done)
            kind = ConflictError if "rejected" in text else RemoteError
            raise kind(
                f"Git remote {remote!r} did not take the tags: {text}",
                hint=f"git push {remote} {tags[0]}",
            )

    def init(self, commit: str = "") -> None:
        """Make a bare repository without hooks, for objects that are named as `commit` is."""
        form = ["--object-format=sha256"] if len(commit) == _SHA256 else []
        self._checked("init", "--quiet", "--bare", "--template=", *form)

    def refs_at(self, url: str) -> dict[str, str]:
        """Return the refs of a repository elsewhere, HEAD too: full name to the commit.

        Raises `RemoteError` if it cannot be reached.
        """
        done = self._run("ls-remote", "--", url)
        if done.returncode:
            raise _unreachable(url, done)
        refs: dict[str, str] = {}
        for line in os.fsdecode(done.stdout).splitlines():
            oid, name = line.split("\t", 1)
            if _OID.fullmatch(oid):
                # An annotated tag comes twice; the second time, as the commit that it leads to.
                refs[name.removesuffix("^{}")] = oid
        return refs

    def fetch_one(self, url: str, source: str, limit: int) -> str | None:
        """Fetch one commit from elsewhere: a ref or a commit id, without what came before it.

        Files of more than `limit` bytes are left there if the server can.  Returns the commit.
        Raises `RemoteError` if it cannot be had.
        """
        done = self._run(
            # Not as an argument, which Git would keep in the configuration, secrets and all.
            *("-c", f"remote.source.url={url}"),
            *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-auto-gc"),
            *("--no-recurse-submodules", f"--filter=blob:limit={limit + 1}"),
            *("--", "source", f"+{source}:{_FETCHED}"),
        )
        if done.returncode:
            raise _unreachable(url, done)
        return self.resolve(_FETCHED)

    def promisors(self) -> list[str]:
        """Return the remotes that have what a partial clone left out."""
        done = self._run("config", "--name-only", "--get-regexp", r"^remote\..*\.promisor$")
        keys = os.fsdecode(done.stdout).splitlines()
        return [key.removeprefix("remote.").removesuffix(".promisor") for key in keys]

    def bring_objects(self, promisor: str, oids: Iterable[str]) -> None:
        """Have Git fetch objects that a partial clone left out, all at once if it can.

        This is how Git itself does it (`fetch_objects` in promisor-remote.c), but one by one.
        """
        self._run(
            *("-c", "fetch.negotiationAlgorithm=noop", "fetch", promisor, "--quiet", "--no-tags"),
            *("--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin"),
            feed="".join(f"{oid}\n" for oid in oids).encode(),
        )

    def has_file(self, commit: str, path: str) -> bool:
        """Return whether a commit has a file at `path`, be its content here or not."""
        return bool(self._names("ls-tree", "-z", "--full-tree", commit, "--", path))

    def config(self, key: str) -> list[str]:
        """Return the values of a Git configuration key."""
        done = self._run("config", "--null", "--get-all", key)
        return os.fsdecode(done.stdout).split("\0")[:-1] if done.returncode == 0 else []

    def add_config(self, key: str, value: str) -> None:
        """Add a value to a key of this clone's own configuration."""
        self._checked("config", "--local", "--add", key, value)

    def set_config(self, key: str, value: str) -> None:
        """Set a key of this clone's own configuration."""
        self._checked("config", "--local", "--replace-all", key, value)

    def remove_config(self, section: str) -> None:
        """Remove a section from this clone's own configuration, if it is there."""
        self._run("config", "--local", "--remove-section", section)

    def version_number(self) -> tuple[int, int]:
        """Return the first two numbers of Git's version."""
        first, second = re.findall(r"\d+", self.version())[:2]
        return int(first), int(second)

    def enabled(self, key: str, *, default: bool) -> bool:
        """Return a yes or no of Git's configuration; raises `UsageError` if it is neither."""
        return self._typed("bool", key, str(default).lower()) == "true"

    def number(self, key: str, default: int) -> int:
        """Return a number of Git's configuration, in which `k`, `m` and `g` may stand."""
        return int(self._typed("int", key, str(default)))

    def hooks_folder(self) -> Path:
        """Return where Git looks for hooks: `core.hooksPath`, or the repository's own folder."""
        done = self._checked("rev-parse", "--git-path", "hooks")
        return self.worktree / os.fsdecode(done.stdout).removesuffix("\n")

    def staged_files(self) -> list[Staged]:
        """Return the files that the next commit adds or changes; links and submodules are none.

        What a merge brings as one of its sides has it is no change.
        """
        head = self.resolve("HEAD") or self._checked("hash-object", "-t", "tree", "--stdin")
        base = head if isinstance(head, str) else head.stdout.decode().strip()
        files = [row for row in self._staged_since(base) if row[1] in _FILE_MODES]
        for side in self._merged_in():
            changed = {row[5] for row in self._staged_since(side)}
            files = [row for row in files if row[5] in changed]
        now = self.sizes([row[3] for row in files])
        return [
            Staged(row[5], size, "" if row[4] == "A" else row[2])
            for row, size in zip(files, now, strict=True)
        ]

    def staged(self) -> dict[str, str]:
        """Return what is in Git's index and in no conflict: path to blob."""
        stages = self._stages()
        return {path: found[0] for path, found in stages.items() if 0 in found}

    def left_to_lfs(self, paths: Iterable[str]) -> set[str]:
        """Return the files that Git LFS is to store, whether or not it did."""
        feed = os.fsencode("".join(f"{path}\0" for path in paths))
        done = self._checked("check-attr", "-z", "--stdin", "filter", feed=feed)
        words = iter(os.fsdecode(done.stdout).split("\0")[:-1])
        rows = zip(words, words, words, strict=True)
        return {path for path, _, value in rows if value == "lfs"}

    def size_of(self, oid: str) -> int:
        """Return the size of a Git object in bytes, 0 if it is not here."""
        return self.sizes([oid])[0]

    def sizes(self, oids: Sequence[str]) -> list[int]:
        """Return the sizes of Git objects in bytes, 0 for one that is not here."""
        if not oids:
            return []
        feed = "\n".join(oids).encode() + b"\n"
        done = self._checked("cat-file", "--batch-check=%(objectsize)", feed=feed)
        lines = done.stdout.decode().splitlines()
        return [int(line) if line.isdigit() else 0 for line in lines]

    def version(self) -> str:
        """Return what `git --version` says."""
        return self._checked("--version").stdout.decode().strip()

    def _stages(self, *patterns: str) -> dict[str, dict[int, str]]:
        found: dict[str, dict[int, str]] = {}
        for line in self._names("ls-files", "--stage", "-z", "--", *patterns):
            facts, path = line.split("\t", 1)
            _, oid, stage = facts.split(" ")
            found.setdefault(path, {})[int(stage)] = oid
        return found

    def _staged_since(self, base: str) -> list[tuple[str, ...]]:
        """Return Git's rows of what the index adds to a tree or changes of it, paths at the end."""
        done = self._checked(
            *("diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames"),
            *("--diff-filter=AMT", base, "--"),
        )
        fields = os.fsdecode(done.stdout).split("\0")[:-1]
        return [
            (*row.split(" "), path) for row, path in zip(fields[::2], fields[1::2], strict=True)
        ]

    def _merged_in(self) -> list[str]:
        """Return the commits that the next one will have as parents beside HEAD."""
        try:
            return (self.git_dir / "MERGE_HEAD").read_text("ascii").split()
        except FileNotFoundError:
            return []

    def _typed(self, kind: str, key: str, default: str) -> str:
        done = self._run("config", f"--type={kind}", "--default", default, "--get", key)
        if done.returncode:
            raise UsageError(f"{key}: {_said(done)}", hint=f"git config {key} {default}")
        return done.stdout.decode().strip()

    def _refs(self, folder: str) -> list[Ref]:
        fields = ("refname", "objectname", "*objectname", "*objecttype", "objecttype")
        people = ("creatordate:unix", "creator")
        form = "%00".join(f"%({field})" for field in (*fields, *people))
        done = self._checked("for-each-ref", f"--format={form}", folder)
        refs = []
        for line in os.fsdecode(done.stdout).split("\n")[:-1]:
            name, own, peeled, peeled_kind, kind, time, author = line.split("\0")
            if "commit" in (kind, peeled_kind):
                who = author.rpartition(" <")[0]
                refs.append(Ref(name.removeprefix(folder), peeled or own, int(time or 0), who))
        return refs

    def _names(self, *arguments: str, separator: str = "\0") -> list[str]:
        done = self._checked(*arguments)
        return [name for name in os.fsdecode(done.stdout).split(separator) if name]

    def _feed(self, arguments: list[str], paths: Iterable[str]) -> None:
        data = "\0".join(paths)
        if data:
            self._checked(
                *arguments,
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
                feed=os.fsencode(data),
            )

    def _checked(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        done = self._run(*arguments, feed=feed, env=env)
        if done.returncode:
            verb = next(word for word in arguments if not word.startswith("-"))
            raise GitmodelError(f"git {verb}: {_said(done)}", hint="git status")
        return done

    def _run(
        self, *arguments: str, feed: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        whole = {**os.environ, **env} if env else None
        return _run(self.program, self.worktree, (*self.options, *arguments), feed, whole)


def open_git(folder: Path) -> Git:
    """Return the repository that `folder` is in; raises `UsageError` if it is in none."""
    program = _find_program()
    done = _run(program, folder, ("rev-parse", "--show-toplevel", *_FOLDERS))
    if done.returncode == 0:
        return _located(program, folder, done)
    text = _said(done)
    if "dubious ownership" in text:
        raise _of_another(folder)
    if "must be run in a work tree" in text:
        raise UsageError("a bare repository has no working tree", hint="git clone it first")
    raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")


def open_repository(folder: Path) -> Git:
    """Return the repository that `folder` is in; a bare one is its own working tree.

    It is for what only reads.  Raises `UsageError` if the folder is in none.
    """
    program = _find_program()
    done = _run(program, folder, ("rev-parse", "--show-toplevel", *_FOLDERS))
    if done.returncode:
        done = _run(program, folder, ("rev-parse", "--absolute-git-dir", *_FOLDERS))
    return open_git(folder) if done.returncode else _located(program, folder, done)


def _located(program: str, folder: Path, done: subprocess.CompletedProcess[bytes]) -> Git:
    lines = os.fsdecode(done.stdout).split("\n")
    if len(lines) != 4:
        raise UsageError(f"{str(folder)!r} has a line break in its path", hint="rename it")
    worktree, git_dir, common_dir = (folder / line for line in lines[:3])
    return Git(program, worktree, git_dir, Path(os.path.abspath(common_dir)))


def has_worktree(folder: Path) -> bool:
    """Return whether `folder` is in the working tree of a repository."""
    try:
        return folder.is_dir() and bool(open_git(folder))
    except UsageError:
        return False


def bring_object(common_dir: Path, oid: str) -> bool:
    """Have Git fetch an object that a partial clone left out; return whether it is here then."""
    done = _run(_find_program(), common_dir, ("--git-dir", str(common_dir), "cat-file", "-t", oid))
    return done.returncode == 0


def open_bare(folder: Path, commit: str = "") -> Git:
    """Return the bare repository at `folder`, made anew if it is not there.

    `commit` is one that will be in it: its objects are named by SHA-1 or by SHA-256.
    """
    program = _find_program()
    git = Git(program, folder, folder, folder, ("--git-dir", str(folder)))
    if not (folder / "HEAD").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git.init(commit)
    return git


def find_top(folder: Path) -> Path:
    """Return the top of the working tree that `folder` is in, or its bare repository.

    Raises `UsageError` if it is in neither.
    """
    top = _ask(folder, "--show-toplevel")
    if top.returncode:
        top = _ask(folder, "--absolute-git-dir")
    if top.returncode == 0:
        return Path(os.fsdecode(top.stdout).removesuffix("\n"))
    if "dubious ownership" in _said(top):
        raise _of_another(folder)
    raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")


def find_common_dir(folder: Path) -> Path:
    """Return where the repository that `folder` is in keeps what its worktrees share.

    Raises `UsageError` if it is in none.
    """
    done = _run(_find_program(), folder, ("rev-parse", "--git-common-dir"))
    if done.returncode:
        raise UsageError(f"{str(folder)!r} is not in a Git repository", hint="git init")
    return Path(os.path.abspath(folder / os.fsdecode(done.stdout).removesuffix("\n")))


def _ask(folder: Path, question: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [_find_program(), "rev-parse", question],
        cwd=folder,
        # In a hook, the environment says which repository the hook is of.
        env={name: value for name, value in os.environ.items() if name not in _OWN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def default_folder(key: str, default: str) -> Path:
    """Return a path of the user's configuration of Git, or `default`; `~` is the home folder."""
    done = _run(
        _find_program(), Path(), ("config", "--type=path", "--default", default, "--get", key)
    )
    if done.returncode:
        raise UsageError(f"{key}: {_said(done)}", hint=f"git config --global {key} FOLDER")
    return Path(os.fsdecode(done.stdout).removesuffix("\n"))


def without_secret(url: str) -> str:
    """Return a URL, or a text with URLs, as it may be shown: passwords are left out."""
    return _SECRET.sub(r"\1@", url)


def _but(globs: Iterable[str]) -> list[str]:
    """Return what tells Git everything but files with names that match."""
    return [":(top)", *(f":(top,exclude,glob)**/{glob}" for glob in globs)]


def _find_program() -> str:
    """Look on PATH, but never in the current folder, as an empty or relative entry would."""
    for folder in os.get_exec_path():
        path = os.path.join(folder, "git")
        if os.path.isabs(folder) and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise GitmodelError("git is not on PATH", hint="install Git 2.30 or newer")


def _run(
    program: str,
    folder: Path,
    arguments: Sequence[str],
    feed: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [program, *arguments], cwd=folder, input=feed, env=env, capture_output=True, check=False
    )


def _of_another(folder: Path) -> IntegrityError:
    return IntegrityError(
        f"{str(folder)!r} belongs to a repository of another owner",
        hint=f"git config --global --add safe.directory {folder}",
    )


def _unreachable(url: str, done: subprocess.CompletedProcess[bytes]) -> RemoteError:
    shown = without_secret(url)
    return RemoteError(f"Git repository {shown!r}: {_said(done)}", hint=f"git ls-remote {shown}")


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode("utf-8", "replace")


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = without_secret(os.fsdecode(done.stderr).strip())
    return text.removeprefix("fatal: ").removeprefix("error: ") or f"exit code {done.returncode}"
