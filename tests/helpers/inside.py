"""Runs commands inside the test's process: starting Python and an S3 client takes most of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gitmodel.cli.main import run
from tests.helpers.repo import Done, Repo

Run = Callable[..., Done]
"""Called with a repository and the arguments of gitmodel."""


def runner(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a command as the installed program would."""

    def act(repo: Repo, *arguments: str) -> Done:
        _enter(repo.path, {**repo.env, "GITMODEL_SKIP_HOOKS": "1"}, monkeypatch)
        capsys.readouterr()
        code = run(list(arguments))
        done = Done(code, *capsys.readouterr())
        assert "bug in gitmodel" not in done.err, done.err
        return done

    return act


def _enter(folder: Path, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in os.environ.keys() - env.keys():
        if name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
