"""For every spelling and any secret: it is not shown, what is masked stays so, and the rest too."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.masking import masked
from gitmodel.secrets import find_secrets, without_logins, without_secret
from gitmodel.sidecar import without_secrets

ROOT = "/home/ada/ranker"
S = "SECRET"
LETTERS = string.ascii_letters + string.digits
# Begun so that each is beyond doubt, and no part of a spelling by chance.
TOKENS = st.text(LETTERS, min_size=20, max_size=60).map("7qX0".__add__)
PASSWORDS = st.text(LETTERS + "!$*+,-.;=^_~", max_size=40).map("7qX0".__add__)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map("7qX0".__add__)

ARGUMENTS = st.sampled_from(
    [
        ["--password", S],
        ["--hf-token", S],
        ["-api-key", S],
        [f"--password={S}"],
        [f"DB_PASSWORD={S}"],
        ["curl", "-u", f"me:{S}"],
        ["mysql", f"-p{S}"],
        ["curl", "-H", f"Authorization: token {S}"],
    ]
)
COMMANDS = st.sampled_from(
    [
        f"train --password {S} --lr 3",
        f"TOKEN={S} train --lr 3",
        f"train --api-key '{S}' --lr 3",
        f'{{"lr": 3, "password": "{S}"}}',
        f"db: x\npassword: {S}",
        f"login('{S}')",
        f"<password>{S}</password>",
        f"sh -c 'train --token {S}'",
        f"see https://h/x?access_token={S}",
    ]
)
URLS = st.sampled_from(
    [
        *(f"https://{S}@h/x", f"https://u:{S}@h/x", f"https://:{S}@h/x", f"see 'ssh://u:{S}@h/x'"),
        *(f"postgresql+psycopg2://u:{S}@h:5432/x", f"url=mongodb+srv://u:{S}@h.example.org"),
        *(f"http:/u:{S}@h/x", f"http:///u:{S}@h/x", f"https//u:{S}@h/x", f"//u:{S}@h/x"),
        *(f"http:/{S}@h/x", f"//{S}@h/x", f"ssh:/u:{S}@h/x", f"http:u:{S}@h/x"),
        *(f"u:{S}@h:/x", f"u:{S}@h/x", f"u:{S}@h:x.git", f"u:{S}@db.example.org", f"u:{S}@h"),
        *(f"u:{S}@10.0.0.1", f"u:{S}@[::1]:9", f"at 10:30@noon u:{S}@localhost, a@example.org"),
    ]
)
FILES = st.sampled_from(
    [
        *(f"api_key: {S}", f"a:\n  hf_token: '{S}'", f'{{"lr": 1, "apiKey": "{S}"}}'),
        *(f"password:\n  {S}", f'"token":\n "{S}"', f"password: |\n  {S}", f"secret:\n- {S}"),
        *(f'args: ["--password", "{S}"]', f"args:\n- --token\n- {S}", f"- --token={S}"),
        *(f"cmd: train --api-key {S} --lr 3", f'"train --password \\"{S}\\""', f"sk-{S}: 1"),
        *(f"db: u:{S}@h", f"db: http:/u:{S}@h/x", f"db: redis://:{S}@h", f"db: https://{S}@h/"),
        *(f"note: ghp_{S}", f"hf_{S}: 1", f"url: https://h/x?token={S}", f"Bearer {S}"),
    ]
)
PARAMS = st.sampled_from(
    [
        {"api_key": S},
        {"a": [{"password": S}]},
        {"args": ["--lr", "3", "--token", S]},
        {"args": [f"--token={S}"]},
        {"cmd": f"train --password {S}"},
        {"db": f"u:{S}@h"},
        {f"ghp_{S}": True},
        {"a": {f"sk-{S}": None}},
    ]
)

# No word of secrets, and no program that takes any, can be written with these.
WORDS = st.text("abcdefghiju", min_size=1, max_size=10)
NUMBERS = st.integers(0, 10**6).map(str) | st.floats(0, 1).map(str)
NAMES = st.sampled_from(
    ["lr", "epochs", "max-tokens", "pad-token", "sort-key", "tokenizer", "key-dim", "experiment"]
)
VALUES = (
    WORDS
    | NUMBERS
    | st.builds("{}/{}.pt".format, WORDS, WORDS)
    | st.builds("{}@{}".format, WORDS, WORDS)
    | st.builds("{}@{}.org".format, WORDS, WORDS)
    | st.builds("git@{}:{}".format, WORDS, WORDS)
    | st.builds("https://{}.org/{}@v1".format, WORDS, WORDS)
    | st.builds("postgresql://{}@db/{}".format, WORDS, WORDS)
    | st.builds("{}:v1@sha256:{:064x}".format, WORDS, st.integers(0, 2**256 - 1))
    | st.builds("sk-learn-{}-{}-v2".format, WORDS, WORDS)
)
PLAIN = st.lists(st.builds("--{} {}".format, NAMES, VALUES) | VALUES, max_size=8)


@given(ARGUMENTS, ANYTHING)
def test_no_argument_shows_its_secret(spelling: list[str], secret: str) -> None:
    _is_hidden(("run", *(each.replace(S, secret) for each in spelling), "--lr", "3"), secret)


@given(COMMANDS, TOKENS)
def test_no_command_in_an_argument_shows_its_secret(spelling: str, secret: str) -> None:
    _is_hidden(("run", spelling.replace(S, secret), "--lr", "3"), secret)


@given(URLS, PASSWORDS)
def test_no_url_shows_its_login(spelling: str, secret: str) -> None:
    text = spelling.replace(S, secret)
    _is_hidden(("run", text, "--lr", "3"), secret)
    for show in (without_secret, without_logins):
        shown = show(text)
        assert secret not in shown
        assert show(shown) == shown


@given(FILES, TOKENS)
def test_a_secret_in_a_file_is_found(spelling: str, secret: str) -> None:
    assert find_secrets(f"lr: 3\n{spelling.replace(S, secret)}\nrank: 2")


@given(PARAMS, TOKENS)
def test_a_secret_in_params_is_left_out(spelling: object, secret: str) -> None:
    plain, hidden = without_secrets({"lr": 3, "given": _put(spelling, secret)})
    assert plain["lr"] == 3
    assert secret not in f"{plain}{hidden}"
    assert hidden
    assert without_secrets(plain) == (plain, ())


@given(PLAIN)
def test_a_text_without_a_secret_stays_as_it_is(parts: list[str]) -> None:
    text = " ".join(parts)
    assert masked(text.split(), ROOT) == tuple(text.split())
    assert without_secret(text) == without_logins(text) == text
    assert find_secrets(text) == []
    assert without_secrets({"cmd": text, "args": text.split()})[1] == ()


def _is_hidden(arguments: tuple[str, ...], secret: str) -> None:
    shown = masked(arguments, ROOT)
    assert secret not in "\n".join(shown)
    assert shown[-2:] == ("--lr", "3")
    assert masked(shown, ROOT) == shown


def _put(value: object, secret: str) -> object:
    """Return a value in which the secret stands in its place."""
    if isinstance(value, dict):
        return {key.replace(S, secret): _put(each, secret) for key, each in value.items()}
    if isinstance(value, list):
        return [_put(each, secret) for each in value]
    return value.replace(S, secret) if isinstance(value, str) else value
