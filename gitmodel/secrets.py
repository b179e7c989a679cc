"""Credentials in plain text: on which line something looks like one, and what kind it is.

What was found is never returned, so that nobody can print it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from gitmodel.masking import words_of

ALLOWED = "pragma: allowlist secret"
"""What a line says that only looks as if it held a secret; other tools read it too."""


class Secret(NamedTuple):
    """A line, counted from 1, and what it seems to hold, in words."""

    line: int
    what: str


# Whatever is repeated has a bound, or begins where nothing before it could: what a clone brings may
# be made to take for ever.
_FORMS = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        ("an AWS access key", r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
        ("a private key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"),
        ("a token of Hugging Face", r"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{20,}"),
        ("a token of GitHub", r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}"),
        ("a token of GitLab", r"(?<![A-Za-z0-9])gl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}"),
        ("a token of Slack", r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a key of Google", r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}"),
        ("a token of npm", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{30,}"),
        ("a token of PyPI", r"(?<![A-Za-z0-9])pypi-[A-Za-z0-9_-]{32,}"),
        ("a key of Stripe", r"(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{16,}"),
        # With a digit and a capital: "task-specific-…" goes on with neither.
        (
            "an API key",
            r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,99}[0-9])(?=[a-z0-9_-]{0,99}[A-Z])"
            r"[A-Za-z0-9_-]{20,}",
        ),
        ("a JSON web token", r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,500}\.eyJ[A-Za-z0-9_-]{8,}"),
        ("a key of Azure", r"AccountKey=[A-Za-z0-9+/]{40,}"),
    )
)
# Not a port, behind which an `@` of a path may stand.
_LOGIN = re.compile(r"://[^\s:/@\"'<>]{0,200}:(?![0-9]{1,5}[/?#])(?P<value>[^\s@\"'<>]{1,200})@")
_USER = re.compile(r"://(?=[A-Za-z_]*[0-9])(?=[0-9_]*[A-Za-z])[A-Za-z0-9_]{20,}(?::[a-z-]*)?@")
_PAIR = re.compile(
    r"(?<![\w.-])-{0,2}(?P<name>[A-Za-z_][\w.-]{0,99})[\"']?[ \t]{0,9}[:=](?!//)[ \t]{0,99}"
    # A block of YAML, or a quote.
    r"(?:[|>][+-]?[ \t]{0,9}\r?\n[ \t]{1,99}|[\"'])?(?P<value>[^\s\"',;&}\]]+)"
)
_PASSWORDS = frozenset(("password", "passwd", "passphrase", "pwd", "secret"))
_TOKENS = frozenset(
    (
        *("token", "apikey", "credential", "credentials", "auth", "authorization", "bearer"),
        *("signature", "sig", "cookie", "pass", "pat"),
    )
)
_BEFORE_KEY = frozenset(
    (
        *("api", "access", "secret", "private", "account", "auth", "signing", "encryption"),
        *("master", "storage", "shared", "ssh", "license"),
    )
)
# As no word and no name is; `pad_token: "<pad>"` is everyday in params.
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_.~%-]{16,}")
# What is filled in later, where it comes from instead, and what is nothing at all.
_PLACEHOLDER = re.compile(
    r"[$<{%(\[!|>*].*|[.*?_-]+|x+|X+|~|\.{0,2}/.*|~/.*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
    r"|(?:env|vault|ssm|file|op|arn|gs|s3|https?):.*|os\.environ.*"
    r"|(?i:null|none|true|false|yes|no|unset|redacted)"
)
_SHORTEST = 4
_PASSWORD = "a password"
_TOKEN = "a key or token"
_URL = "a URL with a password or token"


def find_secrets(text: str, *, prose: bool = False) -> list[Secret]:
    """Return what looks like a credential, at most one for a line, in the order of the lines.

    In `prose`, a word behind "password:" is more likely a sentence.
    """
    lines = text.split("\n")
    ends = list(accumulate(len(line) + 1 for line in lines))
    found: dict[int, str] = {}
    for at, what in _matches(text, prose=prose):
        found.setdefault(bisect_right(ends, at), what)
    return [Secret(n + 1, found[n]) for n in sorted(found) if ALLOWED not in lines[n]]


def _matches(text: str, *, prose: bool) -> Iterator[tuple[int, str]]:
    """Yield where something is, what says most about it first."""
    for what, pattern in _FORMS:
        yield from ((match.start(), what) for match in pattern.finditer(text))
    for match in _LOGIN.finditer(text):
        if not _PLACEHOLDER.fullmatch(match["value"]):
            yield match.start(), _URL
    yield from ((match.start(), _URL) for match in _USER.finditer(text))
    for match in _PAIR.finditer(text):
        if what := _judge(match["name"], match["value"], prose=prose):
            yield match.start("value"), what


def _judge(name: str, value: str, *, prose: bool) -> str:
    """Return what a value is, by its name, or nothing."""
    words = words_of(name)
    if not words or _PLACEHOLDER.fullmatch(value):
        return ""
    if words[-1] in _PASSWORDS and not prose:
        return _PASSWORD if len(value) >= _SHORTEST else ""
    key = words[-1] == "key" and len(words) > 1 and words[-2] in _BEFORE_KEY
    if key or words[-1] in _TOKENS | _PASSWORDS:
        return _TOKEN if _RANDOM.fullmatch(value) else ""
    return ""
