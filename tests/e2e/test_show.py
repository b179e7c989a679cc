"""`gitmodel show` and `gitmodel card`: a version in full, from Git's objects alone."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path

import pytest

from gitmodel.card import parse_card
from gitmodel.lineage import Lineage, Named, format_lineage
from tests.helpers.keys import gpg_home, new_gpg_key, new_ssh_key, use_gpg, use_ssh
from tests.helpers.rendered import rendered
from tests.helpers.repo import Repo

HOSTILE = "a|b`<script>alert(1)</script>](https://example.org)**\\"


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (self.path,))


@pytest.fixture
def trapped(repo: Repo) -> Repo:
    """Two versions of a model that does something when it is loaded."""
    for number in (1, 2):
        repo.write("model.pkl", pickle.dumps([number, Trap(repo.path / "sprung")]))
        repo.gitmodel("add", "model.pkl")
        repo.commit(f"model {number}")
        repo.git("tag", f"model-v{number}.0")
    return repo


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "model"],
        ["show", "model", "--md"],
        ["card", "model"],
        ["card", "model", "--check"],
        ["compare", "model-v1.0", "model-v2.0"],
        ["compare", "model-v1.0", "model-v2.0", "--json"],
    ],
)
def test_a_model_is_never_loaded(trapped: Repo, arguments: list[str]) -> None:
    trapped.gitmodel(*arguments)
    assert not (trapped.path / "sprung").exists()
    # The trap works: this is no proof otherwise.
    pickle.loads(trapped.read("model.pkl"))
    assert (trapped.path / "sprung").exists()


def test_without_blobs_cache_and_remote(clone: Repo) -> None:
    clone.git("config", "gitmodel.unused", "1")
    found = json.loads(clone.gitmodel("show", "model", "--json").out)
    assert (found["tag"], found["kind"]) == ("model-v1.1", "annotated tag")
    assert [each["path"] for each in found["artifacts"]] == ["model.pt", "data/train"]
    assert not clone.home.exists()


def test_a_repository_that_is_not_set_up_has_versions_too(repo: Repo) -> None:
    repo.git("rm", "--quiet", "-f", ".gitmodel.yaml")
    repo.write("metrics.json", '{"auc": 0.75}')
    repo.commit()
    repo.git("tag", "v1.0")
    assert "auc     0.75   max (guess)" in repo.gitmodel("show", "v1.0").out


def test_any_revision(story: Repo) -> None:
    found = json.loads(story.gitmodel("show", "HEAD~1", "--json").out)
    assert (found["kind"], found["tag"], found["subject"]) == ("commit", "", "first")


def test_a_broken_sidecar_is_told_and_the_rest_is_shown(story: Repo) -> None:
    story.write("model.metrics.json", '{\n"accuracy": NaN}')
    story.write("model.params.yaml", "lr: 0.1")
    story.commit()
    done = story.gitmodel("show", "HEAD")
    assert "'model.metrics.json', line 2" in done.out
    assert "lr     0.1" in done.out
    assert story.gitmodel("card", "HEAD", code=7).err.startswith(
        "error: 'model.metrics.json', line 2"
    )
    story.write("model.pt.gitmodel", "something else\n")
    story.commit()
    done = story.gitmodel("show", "HEAD")
    assert "'model.pt.gitmodel' is not a gitmodel pointer" in done.out
    assert "data/train" in done.out


def test_what_means_nothing(story: Repo) -> None:
    assert "'model-v9.9'" in story.gitmodel("show", "model-v9.9", code=2).err


@pytest.mark.parametrize("command", ["show", "compare"])
def test_one_format_at_most(story: Repo, command: str) -> None:
    assert "one format" in story.gitmodel(command, "v1.0", "--json", "--md", code=2).err


def test_params_that_json_does_not_have(story: Repo) -> None:
    story.write("params.yaml", "top: .inf\nlist: [.nan, 1]\n")
    story.commit()
    found = json.loads(
        story.gitmodel("show", "HEAD", "--json").out, parse_constant=lambda name: pytest.fail(name)
    )
    assert found["params"] == {"top": ".inf", "list": [".nan", 1]}


def test_a_signature_is_no_part_of_the_message(story: Repo) -> None:
    story.git("tag", "-a", "v2.0", "-m", "text\n\nmore\n-----BEGIN PGP SIGNATURE-----\nx")
    assert json.loads(story.gitmodel("show", "v2.0", "--json").out)["message"] == "text\n\nmore"


def signature(repo: Repo, reference: str) -> tuple[str, str]:
    """What `show` tells of a signature: the state, and the line."""
    found = json.loads(repo.gitmodel("show", reference, "--json").out)["signature"]
    lines = repo.gitmodel("show", reference).out.splitlines()
    line = next((line for line in lines if line.startswith("  signature")), "")
    return found["state"] if found else "", line.removeprefix("  signature").strip()


def test_nothing_is_run_for_a_tag_that_nobody_signed(story: Repo) -> None:
    for program in ("gpg.program", "gpg.ssh.program"):
        story.git("config", program, str(story.write("trap.sh", "#!/bin/sh\ntouch sprung\n")))
    (story.path / "trap.sh").chmod(0o755)
    assert signature(story, "v1.0") == ("unsigned", "unsigned")
    assert signature(story, "model-v1.1") == ("unsigned", "unsigned")
    assert signature(story, "HEAD") == ("", "")
    assert not (story.path / "sprung").exists()
    # The trap works: this is no proof otherwise.
    story.git("tag", "-a", "v2.0", "-m", "x\n-----BEGIN PGP SIGNATURE-----\nx")
    assert signature(story, "v2.0")[0] == "untrusted"
    assert (story.path / "sprung").exists()


def test_who_signed_with_ssh(story: Repo, tmp_path: Path) -> None:
    key = new_ssh_key(tmp_path)
    use_ssh(story, key)
    story.gitmodel("tag", "v2.0", "-s", "-m", "signed")
    state, line = signature(story, "v2.0")
    assert state == "trusted"
    assert line.startswith("good by ada@example.org (ED25519 key SHA256:")
    use_ssh(story, key, trusted=False)
    state, line = signature(story, "v2.0")
    assert state == "untrusted"
    assert line.startswith("not trusted: its key is not in gpg.ssh.allowedSignersFile (ED25519 key")


def test_who_signed_with_gpg(story: Repo) -> None:
    with gpg_home() as home, gpg_home() as other:
        new_gpg_key(home)
        use_gpg(story, home)
        story.gitmodel("tag", "v2.0", "-s", "-m", "signed")
        state, line = signature(story, "v2.0")
        assert (state, line[:32]) == ("trusted", "good by Ada Example <ada@example")
        page = rendered(story.gitmodel("show", "v2.0", "--md").out)
        assert f"signature: {line}" in page.items
        story.env["GNUPGHOME"] = str(other)
        state, line = signature(story, "v2.0")
        assert (state, line[:43]) == ("untrusted", "not trusted: its key is not in the keyring ")


def test_a_signature_of_another_tag_is_told(story: Repo, tmp_path: Path) -> None:
    use_ssh(story, new_ssh_key(tmp_path))
    story.gitmodel("tag", "v2.0", "-s", "-m", "not for production")
    story.git("update-ref", "refs/tags/v3.0", "refs/tags/v2.0")
    assert signature(story, "v3.0")[0] == "trusted"
    assert "the tag was made as 'v2.0', not as 'v3.0'" in story.gitmodel("show", "v3.0").out
    text = story.run("git", "cat-file", "tag", "v2.0").out.replace("not for", "fit for")
    story.write("../tag", text)
    changed = story.git("hash-object", "-t", "tag", "-w", "--literally", "../tag")
    story.git("update-ref", "refs/tags/v2.0", changed)
    assert signature(story, "v2.0") == ("bad", "BAD: it is not of this tag, or its key was revoked")


@pytest.mark.parametrize(
    ("date", "code", "said"),
    [("99999999999999999 +0000", 0, "second"), ("no date at all", 7, "malformed")],
)
def test_dates_that_no_calendar_knows(story: Repo, date: str, code: int, said: str) -> None:
    head = story.git("cat-file", "commit", "HEAD")
    text = re.sub(r"(?m)^((?:author|committer) .*>).*$", rf"\1 {date}", head)
    story.write("commit.txt", f"{text}\n")
    odd = story.git("hash-object", "-t", "commit", "-w", "--literally", "commit.txt")
    story.git("tag", "v5.0", odd)
    done = story.gitmodel("show", "v5.0", code=code)
    assert said in done.out + done.err
    assert "v5.0" in story.gitmodel("versions").out


def test_hostile_texts_break_out_of_nothing(repo: Repo) -> None:
    name = HOSTILE.replace("/", "").replace("\\", "")
    repo.write(name, "model")
    repo.gitmodel("add", name)
    repo.write("metrics.json", json.dumps({HOSTILE: 1, "two\nlines": {"value": 2, "split": "|"}}))
    repo.write("params.json", json.dumps({HOSTILE: HOSTILE, "list": [HOSTILE, "\u202e"]}))
    repo.commit(HOSTILE)
    repo.git("tag", "-a", "v1.0", "-m", f"x\n\n```\n</details>{HOSTILE}\n\x1b[31m")
    assert "\x1b" not in repo.gitmodel("show", "v1.0").out
    page = rendered(repo.gitmodel("show", "v1.0", "--md").out)
    artifacts, metrics, params, _ = page.tables
    assert artifacts[1][0] == name
    assert [row[0] for row in metrics[1:]] == [HOSTILE, "two\\nlines"]
    assert metrics[2][3] == "|"
    assert params[1][0] == HOSTILE
    assert page.blocks == [f"x\n\n```\n</details>{HOSTILE}\n\\x1b[31m\n"]
    _check_tags(page.tags)
    card = repo.gitmodel("card", "v1.0").out
    assert parse_card(card.encode(), "card").front["model-index"]
    _check_tags(rendered(card.split("\n---\n", 1)[1]).tags)


def _check_tags(tags: set[str]) -> None:
    tables = {"table", "thead", "tbody", "tr", "th", "td"}
    assert tags <= tables | {"h2", "h3", "ul", "li", "code", "pre", "p"}


def test_card_has_the_metrics_of_its_version(story: Repo) -> None:
    story.write("model.card.md", "---\nlicense: mit\ntags: [x]\n---\n# Mine\n")
    for number, accuracy in ((2, 0.8), (3, 0.9)):
        story.write("model.metrics.json", json.dumps({"accuracy": accuracy}))
        story.commit()
        story.git("tag", f"model-v1.{number}")
    for reference, accuracy in (("model@v1.2", 0.8), ("model", 0.9)):
        card = parse_card(story.gitmodel("card", reference).out.encode(), "card")
        [model] = card.front["model-index"]
        assert model["results"][0]["metrics"][0]["value"] == accuracy
        assert card.front["tags"] == ["x"]
        assert card.body.startswith("# Mine\n")


def test_card_to_a_file(story: Repo) -> None:
    done = story.gitmodel("card", "model", "-o", "README.md")
    assert done.out == ""
    assert story.read("README.md").decode() == story.gitmodel("card", "model").out
    assert story.gitmodel("card", "model", "-o", "data", code=2)
    story.gitmodel("card", "model", "-o", "none/README.md", code=8)
    assert story.leftovers() == []


def test_card_writes_over_nothing_that_git_has_not(story: Repo) -> None:
    story.gitmodel("card", "model", "-o", "README.md")
    story.commit()
    story.gitmodel("card", "v1.0", "-o", "README.md")
    for path in (".git/HEAD", "nest/.git"):
        done = story.gitmodel("card", "model", "-o", path, "--force", code=2)
        assert "belongs to Git itself" in done.err
    story.git("init", "-q", "nest")
    for path in ("README.md", "model.pt", "../notes.md", "nest/notes.md"):
        story.write(path, "mine")
        done = story.gitmodel("card", "model", "-o", path, code=4)
        assert repr(path) in done.err
        assert story.read(path) == b"mine"
        story.gitmodel("card", "model", "-o", path, "--force")
        assert story.read(path) != b"mine"


@pytest.mark.parametrize(
    ("front", "code", "said"),
    [
        ("license: mit", 0, ""),
        ("license: my-own", 0, "model.card.md:2: warning: 'my-own'"),
        ("license: mit\ntags: x", 7, "model.card.md:3: error: 'tags'"),
        ("license: [mit", 7, "'model.card.md'"),
        ("license: mit\nlicense: mit", 7, "'model.card.md', line 3"),
    ],
)
def test_check(story: Repo, front: str, code: int, said: str) -> None:
    story.write("model.card.md", f"---\n{front}\n---\n# Mine\n")
    story.commit()
    done = story.gitmodel("card", "--check", "HEAD", code=code)
    assert said in (done.out or done.err)
    assert story.gitmodel("card", "HEAD", code=code).code == code


def test_a_card_with_warnings_is_printed_and_they_are_told_beside_it(story: Repo) -> None:
    story.write("model.card.md", "---\nlicense: my-own\n---\n# Mine\n")
    story.write("model.lineage.yaml", "gitmodel-lineage: 1\nother: 1\n")
    story.commit()
    done = story.gitmodel("card", "HEAD")
    assert "# Mine" in done.out
    assert "'my-own'" in done.err
    assert "'model.lineage.yaml', line 2" in done.err


def test_a_lineage_of_other_bytes_is_not_told_as_if_it_were_of_these(story: Repo) -> None:
    for data in ("trained again", "and again"):
        oid = json.loads(story.gitmodel("show", "HEAD", "--json").out)["artifacts"][1]["oid"]
        lineage = Lineage((Named("model.pt", oid),), command=("python", "train.py"))
        story.write("model.lineage.yaml", format_lineage(lineage))
        story.commit()
        assert "python train.py" in story.gitmodel("card", "HEAD").out
        story.write("model.pt", data)
        story.gitmodel("add", "model.pt")
        story.commit()
        done = story.gitmodel("card", "HEAD")
        assert "python train.py" not in done.out
        assert "'model.lineage.yaml' is about other bytes of 'model.pt'" in done.err


def test_several_cards(story: Repo) -> None:
    story.write("other.pt", "other")
    story.gitmodel("add", "other.pt")
    for stem in ("model", "other"):
        story.write(f"{stem}.card.md", f"---\nlicense: mit\n---\n# {stem}\n")
    story.commit()
    assert "model.pt@" in story.gitmodel("card", "HEAD", code=2).err
    assert "# other" in story.gitmodel("card", "other@HEAD").out
