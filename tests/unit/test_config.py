import pytest

from gitmodel.config import (
    Config,
    check_remote_name,
    format_config,
    parse_config,
    replace_section,
)
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.strict_yaml import quoted
from tests.helpers.formats import REPOSITORY
from tests.unit.test_url import ORDINARY, REFUSED_URLS, SECRETS

HEAD = f'gitmodel: 1\nid: "{REPOSITORY}"\n'
REFUSED = {
    "empty": "",
    "a list": "- gitmodel: 1\n",
    "a string": "gitmodel\n",
    "no number": f'id: "{REPOSITORY}"\n',
    "number as a string": HEAD.replace("1", '"1"', 1),
    "number as a boolean": HEAD.replace("1", "true", 1),
    "number as a float": HEAD.replace("1", "1.0", 1),
    "number zero": HEAD.replace("1", "0", 1),
    "empty id": 'gitmodel: 1\nid: ""\n',
    "id that is a number": "gitmodel: 1\nid: 00112233445566778899001122334455\n",
    "id that is a path": 'gitmodel: 1\nid: "../../x"\n',
    "id of another length": HEAD.replace(REPOSITORY, REPOSITORY[1:]),
    "id with a line end": HEAD.replace(REPOSITORY, REPOSITORY + "\\n"),
    "unknown key": HEAD + "remots: {}\n",
    "credentials as a key": HEAD + "password: hunter2\n",
    "merge key": HEAD + "<<: {hash: sha256}\n",
    "duplicate key": HEAD + HEAD,
    "duplicate remote": HEAD + "remotes:\n  a: /x\n  a: /y\n",
    "unknown hash": HEAD + "hash: md5\n",
    "hash as a list": HEAD + "hash: [blake3]\n",
    "remotes as a list": HEAD + "remotes: [a]\n",
    "URL as a number": HEAD + "remotes: {a: 1}\n",
    "URL that is none": HEAD + "remotes: {a: }\n",
    "empty URL": HEAD + 'remotes: {a: ""}\n',
    "URL with a line end": HEAD + 'remotes: {a: "/x\\ny"}\n',
    "URL with NUL": HEAD + 'remotes: {a: "/x\\0y"}\n',
    "URL that cannot be split": HEAD + 'remotes: {a: "s3://[x"}\n',
    "name of a remote that is an option": HEAD + 'remotes: {"--help": /x}\n',
    "empty name of a remote": HEAD + 'remotes: {"": /x}\n',
    "default remote as a list": HEAD + "remote: [a]\n",
    "artifacts as a string": HEAD + "artifacts: model\n",
    "anchor": HEAD + "remotes: &a {}\n",
    "two documents": HEAD + "---\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_config_that_is_amiss_is_refused(name):
    with pytest.raises(IntegrityError, match=r"\.gitmodel\.yaml") as caught:
        parse_config(REFUSED[name].encode())
    assert caught.value.exit_code == 7
    assert caught.value.hint


def test_unknown_number_says_newer():
    with pytest.raises(IntegrityError, match=r"newer gitmodel \(format 2\)") as caught:
        parse_config(HEAD.replace("1", "2", 1).encode() + b"new: key\n")
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("url", [*SECRETS, *REFUSED_URLS])
def test_urls_that_are_refused_are_not_repeated(url):
    with pytest.raises(IntegrityError) as caught:
        parse_config(f"{HEAD}remotes:\n  origin: {quoted(url)}\n".encode())
    assert caught.value.hint
    assert "hun" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("url", ORDINARY)
def test_ordinary_urls_are_kept(url):
    config = Config(REPOSITORY, remotes={"origin": url})
    assert parse_config(format_config(config)) == config


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "é", "a\n", "x" * 65])
def test_names_of_remotes_that_would_confuse_are_refused(name):
    with pytest.raises(UsageError):
        check_remote_name(name)


@pytest.mark.parametrize(
    ("remotes", "remote", "default"),
    [
        ({}, "", ""),
        ({"a": "/a"}, "", "a"),
        ({"a": "/a", "b": "/b"}, "", ""),
        ({"a": "/a", "origin": "/b"}, "", "origin"),
        ({"a": "/a", "origin": "/b"}, "a", "a"),
    ],
)
def test_default_remote(remotes, remote, default):
    assert Config(REPOSITORY, remote=remote, remotes=remotes).default_remote == default


def test_comments_and_unquoted_values_are_fine():
    data = f"# ours\n{HEAD}remotes: # where\n  origin: ../x # here\n"
    assert parse_config(data.encode()) == Config(REPOSITORY, remotes={"origin": "../x"})


EDITED = f"""\
# The team's settings.
{HEAD}
# Where the data is.
remotes:
  # The old place.
  origin: ../old

  backup: ../backup
# Names of our artifacts.
artifacts:
  model: models/model.pt  # the good one
"""


def test_replacing_a_section_keeps_comments_and_other_lines():
    data = replace_section(EDITED.encode(), "remotes", {"new": "s3://b/x"}).decode()
    assert parse_config(data.encode()).remotes == {"new": "s3://b/x"}
    assert "old" not in data
    assert "backup" not in data
    for line in EDITED.splitlines():
        if (line and not line.startswith("  ")) or "good one" in line:
            assert line in data


def test_replacing_a_section_by_nothing_removes_it():
    data = replace_section(EDITED.encode(), "remotes", {})
    assert parse_config(data) == Config(REPOSITORY, artifacts={"model": "models/model.pt"})


@pytest.mark.parametrize(
    "tail",
    [
        *("", "remotes:\n", "remotes: {}\n", "remotes: {a: /x}", "remotes:\n  a: /x"),
        *('"remotes":\n  a: /x\n', "'remotes' : {a: /x}\n", "remotes\t:\n  a: /x\n"),
        *("remotes:\n    a: /x\n\n\n", "artifacts: {m: x}\nremotes:\n  a: /x\n# end\n"),
    ],
)
def test_replacing_a_section_works_whatever_was_there(tail):
    data = replace_section((HEAD + tail).encode(), "remotes", {"b": "/y"})
    assert parse_config(data).remotes == {"b": "/y"}
    assert data.endswith(b"\n")


def test_replacing_twice_is_replacing_once():
    once = replace_section(EDITED.encode(), "remotes", {"b": "/y"})
    assert replace_section(once, "remotes", {"b": "/y"}) == once


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("goals:\n  loss: down\n", "goals.loss must be max or min"),
        ("tag_formats: [gto, other]\n", "tag_formats may hold gto"),
        ("tag_formats: [1]\n", "must be a text, or a sequence of texts"),
        ("sidecars:\n  m:\n    card: x.json\n", "sidecars.m has the unknown 'card'"),
        ("sidecars:\n  m:\n    metrics: x.csv\n", "'x.csv' is neither .json nor .yaml"),
    ],
)
def test_a_section_that_says_something_else_is_refused(section, says):
    with pytest.raises(IntegrityError, match=says):
        parse_config(f"{format_config(Config(REPOSITORY)).decode()}{section}".encode())
