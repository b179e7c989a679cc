"""An odd file of a repository is told of in words; see also tests/property/test_odd_files.py."""

from __future__ import annotations

import pytest

from tests.helpers.repo import Repo


@pytest.mark.parametrize("text", ["\n", "\nstep,loss\n1,0.5\n", "\r\n", "step,loss\n\n"])
def test_b17_curves_with_an_empty_line(story: Repo, text: str) -> None:
    story.write("model.curves.csv", text)
    story.commit()
    done = story.gitmodel("check-staged", "sidecars", "--", "model.curves.csv", code=3)
    assert "'model.curves.csv', line" in done.err


@pytest.mark.parametrize("text", ["- path: []\n", "- path: {a: 1}\n"])
def test_b17_a_lock_of_dvc_with_a_list_for_a_path(story: Repo, text: str) -> None:
    outs = "\n".join(f"      {line}" for line in text.splitlines())
    story.write("dvc.lock", f"schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n{outs}\n")
    story.commit()
    done = story.gitmodel("import", "dvc", code=7)
    assert "'dvc.lock' is not as DVC writes it" in done.err
