"""The root that a tag states, against one that is computed as docs/format.md describes it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from blake3 import blake3

from tests.helpers.repo import Repo, noise


def described(repo: Repo, commit: str, given: set[bytes]) -> str:
    """Compute the root of a commit with nothing but Git, a YAML of two lines and BLAKE3."""
    rows = []
    for row in _git(repo, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        head, path = row.split(b"\t", 1)
        mode, _, oid = head.split(b" ")
        if mode == b"120000":
            continue
        name = path.rsplit(b"/", 1)[-1]
        data = _git(repo, "cat-file", "blob", oid.decode())
        if name.endswith(b".gitmodel") and name != b".gitmodel":
            rows.append(_pointer(path.removesuffix(b".gitmodel"), data.decode()))
        elif path == b".gitmodel.yaml" or path in given or _describes(name):
            rows.append((path, "s", len(data), f"blake3:{blake3(data).hexdigest()}"))
    lines = ["gitmodel-contents 1"]
    for path, kind, size, oid in sorted(rows):
        quoted = json.dumps(path.decode("utf-8", "surrogateescape")).replace("\x7f", "\\u007f")
        lines.append(f"{kind} {size} {oid} {quoted}")
    return f"blake3:{blake3(chr(10).join((*lines, '')).encode()).hexdigest()}"


def _describes(name: bytes) -> bool:
    ends = (b".lineage.yaml", b".card.md")
    return name.endswith(ends) or bool(
        re.search(rb"(^|\.)(metrics|params)\.(json|yaml|yml)$", name)
    )


def _pointer(path: bytes, text: str) -> tuple[bytes, str, int, str]:
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    kind = "t" if fields["kind"] == "tree" else "x" if "mode" in fields else "f"
    return path, kind, int(fields["size"]), fields["oid"].strip('"')


def _git(repo: Repo, *arguments: str) -> bytes:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=repo.path, env=repo.env, check=True, capture_output=True
    ).stdout


def test_root_is_as_it_is_described(repo: Repo) -> None:
    repo.write("models/größe.pt", noise(1, 300))
    repo.write("run", "#!/bin/sh\n").chmod(0o755)
    repo.write("data/a b/x", noise(2, 30))
    repo.write("data.txt", noise(3, 10))
    repo.gitmodel("add", "models/größe.pt", "run", "data/a b", "data.txt")
    repo.write("models/größe.metrics.json", '{"accuracy": 0.9}')
    repo.write("metrics.yml", "loss: 1\n")
    repo.write("deep/er/params.yaml", "lr: 1\n")
    repo.write("models/größe.card.md", "# Größe\n")
    repo.write("größe.lineage.yaml", "x: 1\n")
    repo.write("odd\x7f name.params.json", "{}")
    repo.write("deep/.gitmodel.yaml", "not ours\n")
    repo.write("exported/run.yaml", "f1: 1\n")
    repo.write("mymetrics.json", "not ours\n")
    (repo.path / "link.metrics.json").symlink_to("metrics.yml")
    Path(os.fsdecode(os.fsencode(repo.path) + b"/latin\xe4.metrics.json")).write_text("{}")
    text = repo.read(".gitmodel.yaml").decode()
    repo.write(".gitmodel.yaml", f'{text}sidecars: {{"*": {{metrics: exported/run.yaml}}}}\n')
    commit = repo.commit()
    plan = json.loads(repo.gitmodel("tag", "v1.0", "--json").out)
    assert plan["root"] == described(repo, commit, {b"exported/run.yaml"})
    found = json.loads(repo.gitmodel("verify", "--tag", "v1.0", "--json").out)
    assert found["found"] == found["stated"] == plan["root"]
    # Each of these counts.
    for path in ("exported/run.yaml", "größe.lineage.yaml", "deep/er/params.yaml"):
        repo.write(path, "a: 2\n")
        repo.git("commit", "--quiet", "-am", path)
        other = described(repo, "HEAD", {b"exported/run.yaml"})
        repo.git("tag", "--force", "scratch")
        found = json.loads(repo.gitmodel("verify", "--tag", "scratch", "--json").out)
        assert found["found"] == other != plan["root"]


def test_root_of_sha256_oids(repo: Repo) -> None:
    text = repo.read(".gitmodel.yaml").decode()
    repo.write(".gitmodel.yaml", f"{text}hash: sha256\n")
    repo.write("model.pt", noise(1, 300))
    repo.gitmodel("add", "model.pt")
    commit = repo.commit()
    plan = json.loads(repo.gitmodel("tag", "v1.0", "--json").out)
    assert plan["root"] == described(repo, commit, set())
    assert "Gitmodel-Oid: sha256:" in plan["message"]
