"""What of a command line may be written down: no secrets, and no paths of one machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

MASK = "***"
_MOST = 1 << 15
"""Characters that are kept of a command line, which may list thousands of files."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    (
        *("token", "secret", "password", "passwd", "passphrase", "pwd", "pass", "apikey"),
        *("credential", "credentials", "auth", "authorization", "cookie", "signature", "sig"),
    )
)
_BEFORE_KEY = frozenset(("api", "access", "secret", "private", "account", "auth", "signing"))
# The forms that well-known services give to what they hand out.
_KNOWN = re.compile(
    r"(?:hf_|sk-|sk_live_|rk_live_|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|AKIA|ASIA|npm_|pypi-|AIza|eyJ)"
    r"[A-Za-z0-9_.=-]{12,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*",
    re.DOTALL,
)
_LOGIN = re.compile(r"(://)[^/@\s]+@")
_PAIR = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)(?P<is>=|:(?!//)\s*)(?P<value>[^&\s;,\"']+)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")
_ABSOLUTE = re.compile(r"(?<![\w./~+%-])(?!(?<=:)//)(?:file://)?(/[^\s:,;=\"'()\[\]{}]*)")
_HOME = re.compile(r"(?<![\w./])~[\w.-]*/")


def masked(arguments: Sequence[str], root: str) -> tuple[str, ...]:
    """Return a command line as it may be published.

    What looks like a secret becomes `***`.  A path below `root`, the top of the repository, becomes
    relative to that; of another absolute path only the last name stays.  What is very long is cut.
    """
    texts = [_without_paths(each, root) for each in _without_secrets(arguments)]
    lengths = accumulate(len(text) + 1 for text in texts)
    shown = [text for text, end in zip(texts, lengths, strict=True) if end <= _MOST]
    return tuple(shown if len(shown) == len(texts) else [*shown, "…"])


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case: those of `--hf-token`, `apiKey`, `DB_PASS`."""
    return [word.lower() for word in _WORDS.findall(name)]


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
    hide = False
    for raw in arguments:
        # Bytes that are not UTF-8 cannot be written down.
        text = os.fsencode(raw).decode("utf-8", "replace")
        option = text.startswith("-")
        if hide and not option:
            yield MASK
        else:
            yield _hide(text)
        hide = option and "=" not in text and _is_secret(text.lstrip("-"))


def _hide(text: str) -> str:
    text = _LOGIN.sub(rf"\1{MASK}@", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    return _KNOWN.sub(MASK, _PAIR.sub(_hide_pair, text))


def _hide_pair(match: re.Match[str]) -> str:
    secret = _is_secret(match["name"])
    return f"{match['name']}{match['is']}{MASK if secret else match['value']}"


def _is_secret(name: str) -> bool:
    """Return whether a name says that its value is a secret: `--hf-token`, `apiKey`, `DB_PASS`."""
    words = words_of(name)
    if not words:
        return False
    key = words[-1] == "key" and len(words) > 1 and words[-2] in _BEFORE_KEY
    return key or words[-1] in _SECRET_WORDS or words[0] in ("authorization", "password")


def _without_paths(text: str, root: str) -> str:
    text = _ABSOLUTE.sub(lambda match: _short(match[1], root), text)
    return _HOME.sub("", text)


def _short(path: str, root: str) -> str:
    plain = os.path.normpath(path)
    if plain.startswith("/dev/"):
        return path
    if plain == root:
        return "."
    if plain.startswith(f"{root}/"):
        return plain[len(root) + 1 :]
    return os.path.basename(plain) or "/"
