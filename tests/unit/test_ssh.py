"""What `~/.ssh` says is followed, or refused in words before anybody is contacted."""

import pytest

from gitmodel.errors import UsageError
from gitmodel.remote.ssh import connect
from gitmodel.url import parse_url


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("config", "Host far\n  Port soon\n", "'soon' of ~/.ssh/config is no port"),
        ("config", "Host far\n  ProxyJump near\n", "does not follow ProxyJump"),
        ("config", "Host far\nnonsense\n", r"\.ssh/config': "),
        ("config", "# S\xe3o Paulo\nHost far\n", r"\.ssh/config': 'utf-8' codec"),
        ("known_hosts", "far ssh-ed25519 A\n", r"known_hosts' cannot be read"),
    ],
)
def test_a_configuration_that_is_not_understood(tmp_path, monkeypatch, name, text, says):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / name).write_text(text, "latin-1")
    with pytest.raises(UsageError, match=says):
        connect(parse_url("sftp://far/store"), 1.0)
