"""Texts that somebody would put into a repository, to act on whoever looks at it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product

from gitmodel.strict_yaml import format_yaml
from tests.helpers.repo import GITMODEL, Repo

_ACTS = (
    "\x1b]0;PWN\x07",
    "\x1b[2J\x1b[H",
    "\x1b[35m",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP$q\x1b\\",
    "\x9b2J",
    "\x90x\x9c",
    "\x08\x08\x08",
    "\x7f\x07",
    "\x0c\x0b",
    "\x0e\x0f",
    "\x85",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "\u200b\u200d\ufeff",
    "\u2028next:  x",
    "\u2029",
    "\ue000\U000f0000",
    "\u3164\u115f",
    "\U000e0041\U000e007f",
    "\xad\u061c",
    "::set-output name=version::v9",
    "::stop-commands::x",
    " ::add-matcher::x.json",
    "##[set-output name=version]v9",
    "###[group]x",
    "##vso[task.setvariable variable=x]y",
    "##teamcity[buildStop comment='x']",
    "section_start:1:x",
    "section_end:1:x",
)
_AROUND = (
    "{}",
    "a{}b",
    "$(touch X){}",
    "`id`;{}|x",
    "'{}\"",
    "[red]{}[/blue]",
    "-{}",
    "=1+{}",
    "<!--{}",
    "{}" + "long" * 50,
)
TEXTS = [around.format(act) for act, around in product(_ACTS, _AROUND)]
"""Three hundred."""

_COLOUR = re.compile(r"\x1b\[(?:1;)?(?:0|3[1-79])m")
_COMMAND = re.compile(r"^\s*::|##\w*\[|section_(?:start|end):")
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0")
_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def raw(text: str, *, terminal: bool = False) -> list[str]:
    """Return the lines that something could act upon, besides gitmodel's own colours."""
    if terminal:
        text = _COLOUR.sub("", text.replace("\r\n", "\n"))
    return [line for line in text.split("\n") if _is_raw(line)]


def _is_raw(line: str) -> bool:
    unseen = any(
        unicodedata.category(each) in _KINDS or each in _UNSEEN for each in line if each != "\t"
    )
    return unseen or bool(_COMMAND.search(line))


def on_terminal(repo: Repo, *arguments: str) -> tuple[int, str]:
    """Run gitmodel on a terminal; return its exit code, and what is to be seen there."""
    ours, theirs = pty.openpty()
    command = [str(GITMODEL), *arguments]
    with subprocess.Popen(
        command,
        cwd=repo.path,
        env={**repo.env, "TERM": "xterm", "COLUMNS": "400", "NO_COLOR": ""},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b"".join(_read(ours)).decode()
    os.close(ours)
    return process.returncode, shown


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:
            # Linux says so when nobody holds the other end any more.
            return
        if not part:
            return
        yield part


def plain_name(text: str) -> str:
    """Return as much of a text as a file's name may hold."""
    return text.translate(dict.fromkeys(map(ord, "/\\\0\n\r"), "_"))[:120]


def ref_name(text: str) -> str:
    """Return as much of a text as Git lets a tag be called."""
    kept = re.sub(r"[\x00-\x20\x7f~^:?*\[\\]|@\{|\.\.|//", "_", text)
    return re.sub(r"^[-./]+|[./]+$|\.lock$", "_", kept.replace("/", "_"))[:100]


def fill(repo: Repo, texts: Sequence[str]) -> list[str]:
    """Put texts into every place of a repository that is sound; return the versions."""
    metrics: dict[str, float] = {}
    params: dict[str, str] = {}
    for number, text in enumerate(texts):
        name = plain_name(text)
        repo.write(f"data/{number}{name}", f"{number}")
        repo.write(f"{name or number}", f"model {number}")
        metrics[text] = number
        params[text] = text
    repo.write("m.pt", "model")
    repo.write("m.metrics.json", json.dumps(metrics))
    repo.write("m.params.yaml", format_yaml(params))
    repo.write("m.card.md", "# Card\n\n" + "\n\n".join(texts) + "\n")
    names = [plain_name(text) for text in texts]
    for name in ("m.pt", "data", *names):
        repo.gitmodel("add", "--", name)
    repo.git("add", "--all")
    author = " ".join(texts).replace("\n", " ").replace("\0", "").translate({60: "", 62: ""})
    env = {"GIT_AUTHOR_NAME": author[:300]}
    message = "\n".join(texts).replace("\0", "")
    done = repo.run("git", "commit", "-q", "--cleanup=verbatim", "-m", message, env=env)
    assert done.code == 0, done.err
    versions = [f"{ref_name(text)}{number}-v1.0" for number, text in enumerate(texts)]
    for version in versions:
        repo.git("tag", "-a", "--cleanup=verbatim", "-m", message, version)
    repo.git("tag", "-a", "-m", message, "m-v1.0")
    return versions


def commands(repo: Repo, versions: Sequence[str], paths: Sequence[str]) -> list[list[str]]:
    """Return every command, as one looks at such a repository."""
    version, path = versions[0], paths[0]
    some: list[list[str]] = [
        ["status"],
        ["versions"],
        ["versions", "--all", "--metric", version],
        ["versions", "--csv"],
        ["versions", "--md"],
        ["show", version],
        ["show", "--md", version],
        ["show", "m-v1.0"],
        ["card", "m-v1.0"],
        ["card", "--check", "m-v1.0"],
        ["compare", "HEAD^", "HEAD"],
        ["compare", "--md", "m-v1.0", "HEAD"],
        ["diff", "HEAD^", "HEAD"],
        ["diff", "--stat", "m-v1.0"],
        ["lineage", "m-v1.0"],
        ["lineage", "--format", "dot", version],
        ["lineage", "--format", "mermaid", version],
        ["impact", path],
        ["ci", "event", "--before", "HEAD^", "--after", "HEAD"],
        ["ci", "event", "--ref", f"refs/tags/{version}"],
        ["ci", "report", "--before", "HEAD^", "--after", "HEAD"],
        ["ci", "report", "--md", "--before", "HEAD^", "--after", "HEAD"],
        ["tag", "--dry-run", version],
        ["tag", version, "--bump", "auto"],
        ["bisect", "--metric", "x", "--good", version],
        ["bisect", "--bad", version, "--", "true"],
        ["verify"],
        ["verify", "--remote"],
        ["verify", "--tag", version],
        ["doctor"],
        ["install", "--check"],
        ["remote", "list"],
        ["remote", "check"],
        ["remote", "repair", "--read"],
        ["push"],
        ["fetch", version],
        ["pull", version],
        ["checkout", version],
        ["checkout", "--", path],
        ["get", ".", path],
        ["resolve", "--ours", path],
        ["add", path],
        ["add", f"{path}/x"],
        ["mv", path, "data"],
        ["rm", f"{path}x"],
        ["run", "--save", path, "--", "true"],
        ["import", "dvc"],
        ["import", "lfs"],
        ["import", "mlflow", version],
        ["export", "mlflow", version],
        ["export", "hf-folder", version, "-o", path],
        ["uninstall"],
        ["init"],
        [path],
        ["status", f"--{path}"],
        ["textconv", f"{path}.gitmodel"],
        ["merge-driver", "m.pt.gitmodel", "m.pt.gitmodel", f"{path}.gitmodel", f"{path}.gitmodel"],
        ["check-staged", "pointers", "--", f"{path}.gitmodel"],
        ["-v", "status"],
    ]
    with_json = [
        [*each, "--json"]
        for each in some
        if each[0] in ("status", "versions", "show", "card", "compare", "diff", "verify", "doctor")
        and not {"--md", "--csv"} & {*each}
    ]
    return [*some, ["status", "-v"], *with_json]
