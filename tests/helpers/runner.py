"""Runs the shell text of CI workflows as GitHub's and GitLab's runners do: what ours need."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from gitmodel.strict_yaml import parse_yaml
from tests.helpers.repo import Done, Repo

CI = Path(__file__).parents[2] / "docs" / "ci"
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
_TOKEN = re.compile(r"'[^']*'|&&|\|\||!=|!|\w+")
_WORDS = {"&&": " and ", "||": " or ", "!": " not ", "true": "True", "false": "False"}


def workflow(name: str) -> dict[str, Any]:
    """Return a workflow of docs/ci, parsed."""
    found = parse_yaml((CI / name).read_bytes(), name)
    assert isinstance(found, dict)
    return found


def shell(repo: Repo, text: str, env: Mapping[str, str], options: str = "-e") -> Done:
    """Run a text in a shell, in the working tree."""
    return repo.run("bash", options, "-c", text, env=env)


class Context(dict[str, Any]):
    """An object of GitHub's expressions: what it has not is empty, and all that is in that."""

    def __getattr__(self, name: str) -> Any:
        found = self.get(name, _Nothing())
        return Context(found) if isinstance(found, dict) else found


class _Nothing(str):
    def __getattr__(self, name: str) -> _Nothing:
        return self


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class GitHub:
    """One run of a workflow of GitHub's; `outputs` are those of its steps by their id."""

    def __init__(self, repo: Repo, github: Mapping[str, Any], env: Mapping[str, str]) -> None:
        self.repo = repo
        self.outputs: dict[str, dict[str, str]] = {}
        self._github = github
        self._output = repo.path.parent / "output"
        self.summary = repo.path.parent / "summary"
        event = repo.path.parent / "event.json"
        event.write_text(json.dumps(github["event"]))
        self._output.touch()
        self.summary.touch()
        files = {"EVENT_PATH": event, "OUTPUT": self._output, "STEP_SUMMARY": self.summary}
        self._env = {f"GITHUB_{name}": str(path) for name, path in files.items()}
        self._env |= {"CI": "true", "GITHUB_ACTIONS": "true", **env}
        self._set: dict[str, str] = {}
        self._failed = False

    def run(self, flow: Mapping[str, Any], job: str, *, without: set[str]) -> dict[str, Done]:
        """Run the steps of a job by name, but for some; those that use an action do nothing."""
        found = flow["jobs"][job]
        assert self.holds(found.get("if", ""))
        self._set = self._filled({**flow.get("env", {}), **found.get("env", {})})
        done: dict[str, Done] = {}
        for step in found["steps"]:
            name = step.get("name")
            if "run" in step and name not in without and self.holds(step.get("if", "")):
                env = {**self._env, **self._set, **self._filled(step.get("env", {}))}
                done[name] = shell(self.repo, step["run"], env)
                self._failed |= done[name].code != 0
                self.outputs[step.get("id", name)] = self._read_output()
        return done

    def holds(self, condition: str) -> bool:
        """Return whether an `if` holds; it does not after a failure, unless it says so."""
        said = re.search(r"\b(always|cancelled|failure)\(", condition)
        return bool((said or not self._failed) and (not condition or self._value(condition)))

    def _filled(self, texts: Mapping[str, str]) -> dict[str, str]:
        return {
            key: _EXPRESSION.sub(lambda match: _said(self._value(match.group())), text)
            for key, text in texts.items()
        }

    def _value(self, expression: str) -> Any:
        text = _EXPRESSION.sub(r"\1", expression)
        text = _TOKEN.sub(lambda match: _WORDS.get(match.group(), match.group()), text)
        steps = {name: {"outputs": found} for name, found in self.outputs.items()}
        names = {
            "github": Context(self._github),
            "steps": Context(steps),
            "env": Context(self._set),
            "startsWith": str.startswith,
            "cancelled": lambda: False,
            "hashFiles": lambda path: "x" if (self.repo.path / path).exists() else "",
        }
        return eval(" ".join(text.split()), {"__builtins__": {}}, names)

    def _read_output(self) -> dict[str, str]:
        """Read `GITHUB_OUTPUT` by the rules of the runner (FileCommandManager.cs)."""
        found, lines = {}, iter(self._output.read_text().split("\n"))
        for line in lines:
            equals, marks = line.find("="), line.find("<<")
            if equals >= 0 and (marks < 0 or equals < marks):
                found[line[:equals]] = line[equals + 1 :]
            elif marks >= 0:
                end = line[marks + 2 :]
                found[line[:marks]] = "\n".join(iter(lambda end=end: next(lines), end))
        self._output.write_text("")
        return found


class GitLab:
    """One pipeline of GitLab's; variables of a dotenv report go to the jobs behind."""

    def __init__(self, repo: Repo, env: Mapping[str, str]) -> None:
        self.repo = repo
        self.dotenv: dict[str, str] = {}
        self._env = {"CI": "true", "GITLAB_CI": "true", **env}

    def run(self, flow: Mapping[str, Any], name: str) -> dict[str, Done]:
        """Run the scripts of a job, but for what installs; what fails skips the rest of them."""
        job = flow[name]
        env = {**flow["variables"], **self.dotenv, **self._env}
        assert all(isinstance(value, str) for value in env.values())
        before = [line for line in flow["default"]["before_script"] if "pip install" not in line]
        done = {"script": self._shell([*before, *job["script"]], env)}
        if after := job.get("after_script"):
            done["after_script"] = self._shell(after, env)
        artifacts = job.get("artifacts", {})
        if report := artifacts.get("reports", {}).get("dotenv"):
            self._read(report)
        return done

    def wants(self, flow: Mapping[str, Any], name: str) -> bool:
        """Return whether the rules take a job, or, as `workflow`, the pipeline."""
        rules = flow[name].get("rules")
        return not rules or any(self._holds(rule["if"]) for rule in rules)

    def _shell(self, lines: list[str], env: Mapping[str, str]) -> Done:
        return shell(self.repo, "\n".join(["set -o pipefail", *lines]), env)

    def _read(self, path: str) -> None:
        """Read a dotenv report by the rules of GitLab (parse_dotenv_artifact_service.rb)."""
        data = (self.repo.path / path).read_text()
        assert len(data.encode()) <= 5 << 10
        for line in data.splitlines():
            match = re.fullmatch(r"([A-Za-z0-9_]+)=(.*)", line)
            assert match, line
            assert "$" not in match[2], "GitLab expands variables in values"
            self.dotenv[match[1]] = match[2].strip()

    def _holds(self, condition: str) -> bool:
        values = [
            word[1:-1] if word.startswith('"') else self._env.get(word[1:], "")
            for word in condition.split(" == ")
        ]
        return values[0] == values[1] if len(values) == 2 else bool(values[0])


@contextmanager
def notes_server(notes: list[str]) -> Iterator[str]:
    """Serve the notes of a merge request as GitLab's API does; their number is their id."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = [{"id": number, "body": body} for number, body in enumerate(notes, 1)]
            self._answer(json.dumps(found))

        def do_POST(self) -> None:
            notes.append(self._body())
            self._answer("{}")

        def do_PUT(self) -> None:
            notes[int(self.path.rpartition("/")[2]) - 1] = self._body()
            self._answer("{}")

        def _body(self) -> str:
            data = self.rfile.read(int(self.headers["Content-Length"])).decode()
            return parse_qs(data, strict_parsing=True)["body"][0]

        def _answer(self, text: str) -> None:
            self.send_response(200 if self.headers["PRIVATE-TOKEN"] == "secret" else 401)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def syntax(text: str) -> str:
    """Return what a shell says that is wrong with a text, before it runs anything."""
    done = subprocess.run(
        ["bash", "-n"], input=text, capture_output=True, text=True, timeout=10, check=False
    )
    return done.stderr
