"""What commands print, byte for byte: people and scripts rely on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.helpers.outputs import COMMANDS, OUTPUTS, build
from tests.helpers.rendered import rendered
from tests.helpers.repo import Repo

CODES = {
    "card-check.txt": 7,
    "card.json": 7,
    "compare-gates.txt": 3,
    "compare-gates.md": 3,
    "ci-report.txt": 3,
    "ci-report.md": 3,
}
SCHEMAS = (Path(__file__).parents[2] / "docs" / "json.md").read_text()


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return build(tmp_path_factory.mktemp("outputs"))


@pytest.mark.parametrize("name", COMMANDS)
def test_output(repo: Repo, name: str) -> None:
    done = repo.gitmodel(*COMMANDS[name], code=CODES.get(name, 0))
    assert done.out == (OUTPUTS / name).read_text()


def test_each_output_has_its_command() -> None:
    assert {path.name for path in OUTPUTS.iterdir()} == set(COMMANDS)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.endswith(".json")])
def test_the_fields_are_those_that_are_documented(name: str) -> None:
    found = json.loads((OUTPUTS / name).read_text())
    section = SCHEMAS.split(f"## `{found['schema']}`\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([a-z_.\[\]{}]+)` \|", section, re.M))
    assert set(_fields(found)) == documented


def _fields(value: object, path: str = "") -> list[str]:
    """The fields of a JSON value: `[]` stands for an item, `{}` for a key that is a name."""
    if isinstance(value, list):
        return [field for item in value for field in _fields(item, f"{path}[]")]
    if not isinstance(value, dict):
        return []
    fields = []
    for key, inner in value.items():
        named = path in ("metrics", "params", "sidecars", "code[].files", "gates[].values")
        field = f"{path}{{}}" if named else f"{path}.{key}".lstrip(".")
        fields += [field, *_fields(inner, field)]
    return fields


TABLES = {
    "show.md": ["artifact", "metric", "param", "sidecar", "also in this commit"],
    "compare.md": ["metric", "param", "artifact"],
    "compare-gates.md": ["metric", "param", "artifact", "gate"],
    "ci-report.md": ["gate", "metric", "param", "artifact"],
    "ci-first.md": ["artifact", "metric", "param", "sidecar", "also in this commit"],
    "card.md": ["artifact", "metric", "param", "sidecar", "also in this commit", "input"],
}


@pytest.mark.parametrize("name", TABLES)
def test_markdown_renders_as_tables(name: str) -> None:
    page = rendered((OUTPUTS / name).read_text().split("\n---\n")[-1])
    assert [table[0][0] for table in page.tables] == TABLES[name]
    for table in page.tables:
        assert {len(row) for row in table} == {len(table[0])}


def test_markdown_of_a_comparison_says_what_the_text_says() -> None:
    page = rendered((OUTPUTS / "compare.md").read_text())
    assert page.tables[0][1:3] == [
        ["accuracy", "max", "0.91", "0.94", "▲ +0.03 better"],
        ["loss", "min (guess)", "0.31", "0.33", "▲ +0.02 worse"],
    ]
    assert "- deep/c.png" in page.items
