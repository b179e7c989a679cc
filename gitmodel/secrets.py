"""What is secret: one table for the configuration, staged files, command lines, URLs and messages.

Three kinds of things give a secret away: a name before it, a form that a service gives to what it
hands out, and its place in a URL.  `find_secrets` tells on which line something looks like one, and
never returns it, so that nobody can print it; `masking` writes the rest of a text without it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

ALLOWED = "pragma: allowlist secret"
"""What a line says that only looks as if it held a secret; other tools read it too."""

MAX_BYTES = 4 << 20
"""Bytes at the beginning of a file that are searched; only curves may have more."""


class Secret(NamedTuple):
    """A line, counted from 1, and what it seems to hold, in words."""

    line: int
    what: str


class Form(NamedTuple):
    """How a service writes what it hands out: how it begins, and how it goes on.

    `sure` is how it goes on beyond doubt, `likely` where too much rather than too little is hidden.
    """

    what: str
    begin: str
    sure: str
    likely: str


# Whatever is repeated has a bound, or begins where nothing before it could: what a clone brings may
# be made to take for ever.
_ANY = r"[A-Za-z0-9_.=-]{12,}"
_LONG_WITH_DIGIT = r"(?=[A-Za-z_-]{0,99}[0-9])[A-Za-z0-9_-]{20,}"
_WITH_DIGIT = r"(?=[A-Za-z_-]{0,99}[0-9])[A-Za-z0-9_.=-]{12,}"
FORMS = (
    Form("an AWS access key", "(?:AKIA|ASIA|ABIA|ACCA)", r"[A-Z0-9]{16}(?![A-Z0-9])", _ANY),
    Form("a token of Hugging Face", "(?:hf|api_org)_", r"[A-Za-z0-9]{20,}", r"[A-Za-z0-9]{12,}"),
    Form("a token of GitHub", "(?:gh[pousr]_|github_pat_)", r"[A-Za-z0-9_]{20,}", _ANY),
    Form("a token of GitLab", "gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-", r"[\w-]{20,}", _ANY),
    Form("a token of Slack", "(?:xox[abeoprs]-|xapp-)", r"[A-Za-z0-9-]{10,}", _ANY),
    Form("a key of Google", "AIza", r"[A-Za-z0-9_-]{35}", _ANY),
    Form("a token of Google", r"(?:ya29\.|GOCSPX-)", r"[\w-]{20,}", _ANY),
    Form("a token of npm", "npm_", r"[A-Za-z0-9]{30,}", r"[A-Za-z0-9]{12,}"),
    Form("a token of PyPI", "pypi-", r"[A-Za-z0-9_-]{32,}", _WITH_DIGIT),
    Form("a key of Stripe", "(?:[rs]k_(?:live|test)|whsec)_", r"[A-Za-z0-9]{16,}", _ANY),
    # Behind a hyphen it is a part of a name, such as that of a Slovak text: "cs-sk-…".
    Form("an API key", r"(?<!\w-)sk-", _LONG_WITH_DIGIT, _WITH_DIGIT),
    Form("a JSON web token", "eyJ", r"[\w-]{8,500}\.eyJ[\w-]{8,}", r"[A-Za-z0-9_-]{8}[\w.=+/-]*"),
    Form("a key of SendGrid", r"SG\.", r"[\w-]{16,64}\.[\w-]{16,}", _ANY),
    Form("a token of Databricks", "dapi", r"[0-9a-f]{32}", r"[0-9a-f]{16,}"),
    Form("a token of DigitalOcean", "do[oprt]_v1_", r"[0-9a-f]{32,}", _ANY),
    Form("a token of Vault", r"hv[sbr]\.", r"[\w-]{24,}", _ANY),
    Form("a key of Groq", "gsk_", r"[A-Za-z0-9]{32,}", _ANY),
    Form("a token of Replicate", "r8_", r"[A-Za-z0-9]{32,}", _ANY),
    Form("a token of Docker", "dckr_pat_", r"[\w-]{20,}", _ANY),
    Form("a key of Weights & Biases", "wandb_v1_", r"\w{20,}", _ANY),
    Form("a key of age", "AGE-SECRET-KEY-", r"[A-Z0-9]{40,}", _ANY),
)
PRIVATE_KEY = r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
"""The line that a private key begins with."""
PLACES = (
    (r"(hooks\.slack\.com/(?:services|workflows|triggers)/)", r"[^\s\"'<>]+"),
    (r"(anaconda\.(?:org|com|cloud)/t/)", r"[^\s\"'<>/]+"),
    (r"(discord(?:app)?\.com/api/webhooks/)", r"[^\s\"'<>]+"),
    (r"(\.webhook\.office\.com/)", r"[^\s\"'<>]+"),
    (r"(api\.telegram\.org/(?:file/)?bot)", r"[^\s\"'<>/]+"),
)
"""Where the path of a URL is the secret: what stands before it, and how far it goes."""

# Not a port, behind which an `@` of a path may stand.
_URL_LOGIN = r"://[^\s:/@\"'<>]{0,200}:(?![0-9]{1,5}[/?#])(?P<value>[^\s@\"'<>]{1,200})@"
_URL_USER = r"://(?P<value>[A-Za-z0-9_]{20,})(?::[a-z-]*)?@"
_VALUE = r"(?P<value>[^\s\"',;&}\]]+)"
_ITEM = r"(?:-[ \t]{1,9})?"
_LINES = rf"(?:#[^\n]{{0,200}})?(?:\r?\n[ \t]{{0,99}}){{1,9}}{_ITEM}"
# A line that says what its own value is called is not the value of the line before.
_NO_KEY = r"(?!(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'][^\n]*?)[ \t]{0,9}:(?:\s|$))"
_PAIR = (
    r"(?<![\w.-])-{0,2}(?P<name>[A-Za-z_][\w.-]{0,99})[\"']?\s{0,9}[:=](?!//)[ \t]{0,99}"
    # A block of YAML, or the next line.
    rf"(?:[|>][+-]?[ \t]{{0,9}}\r?\n[ \t]{{1,99}}|{_LINES}(?:(?<=[ \t])|(?=[\"'])){_NO_KEY})?"
    rf"[\"']?{_VALUE}"
)
# Both are words of one command, or items of a sequence.
_OPTION = (
    r"(?<![\w.-])--?(?P<name>[A-Za-z][\w.-]{0,99})"
    rf"(?:=|\\{{0,3}}[\"']?(?=[\s,])[ \t]{{0,9}},?[ \t]{{0,9}}\\?(?:\r?\n[ \t]{{0,99}}{_ITEM})?)"
    rf"\\{{0,3}}[\"']?(?!--[a-z]){_VALUE}"
)
_QUERY = r"[?&](?P<name>[\w.-]{1,100})=(?P<value>[^\s\"'&#<>]{1,500})"
_BEARER = r"(?i:bearer|basic)[ \t]{1,9}(?P<value>[A-Za-z0-9+/=._~-]{16,500})"

MASK = "***"
CHUNK = r"[^\s\"'<>`]+"
"""A text without blanks and quotes: a URL is no longer."""
_BEHIND = r"[?#]|;[\w.-]{1,100}="
_ROOT = r"(?i)(?:(?<=http)|(?<=https))(?::/{1,9}|//)|://|^//"
"""The part of a URL before its host, also where somebody typed too many slashes, or too few."""
_LOGIN = (
    # A drive of Windows is no user, and a digest no host.
    r"(?<![\w.+@:-])(?P<user>[A-Za-z_][\w.+-]{0,99}):(?!\\)(?P<value>[^\s/\"'<>]{1,200})@"
    r"(?!(?:sha|md|blake|xxh)\d)"
    r"(?=(?P<host>[A-Za-z][\w.-]{0,252}|\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?P<place>:[^\s:]|[/\\])?)"
)
"""A user, a password and a host without a scheme."""
_SERVER = r"\[.*|[\d.]+|localhost|.*\.[A-Za-z]{2,63}\.?"
_ADDRESSED = frozenset(
    (
        *("mailto", "mail", "email", "e-mail", "to", "cc", "bcc", "from", "reply-to", "sender"),
        *("by", "author", "authors", "owner", "owners", "maintainer", "contact", "assignee"),
        *("reviewer", "team", "sip", "sips", "xmpp", "acct"),
    )
)
"""Words before an address of mail."""
_WORD = r"v?[0-9.:-]+|[A-Za-z]+(?:[._+-][A-Za-z]+)*[0-9]?@?|[a-z]+[0-9]{1,2}[a-z]"
"""A name, a number or a time, rather than a password."""
_NAMED = frozenset(
    (
        *("ssh", "sftp", "scp", "git+ssh", "rsync", "svn+ssh", "ftp", "ftps", "smtp", "imap"),
        *("postgres", "postgresql", "redshift", "cockroachdb", "mysql", "mariadb", "mssql"),
        *("sqlserver", "oracle", "mongodb", "clickhouse", "snowflake", "trino", "presto", "hive"),
        *("amqp", "amqps", "ldap", "ldaps"),
        # Of Azure, where it is a container.
        *("abfs", "abfss", "wasb", "wasbs", "az"),
    )
)
"""Schemes of which a user without a password is a name, and no token."""

PASSWORD, TOKEN, RANDOM, USER = "password", "token", "random", "user"
"""What a name says of its value: that it is chosen by a person, that a service handed it out, that
it is secret only if it looks as if nobody had chosen it, or that it is a user and a password."""
_WORDS = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+"
_PASSWORDS = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "secret"),
    *("passwort", "kennwort", "motdepasse", "contrasena", "senha", "wachtwoord"),
)
_MANY_PASSWORDS = frozenset(f"{word}s" for word in _PASSWORDS)
# The letters of a name may hold one of these anywhere: PGPASSWORD, secretAccessKey, apitokens.
_ANYWHERE = (
    *("password", "passwd", "passphrase", "passcode", "credential", "connectionstring"),
    *("apikey", "accesskey", "privatekey", "secretkey", "signingkey", "authkey", "accountkey"),
    *("apitoken", "accesstoken", "authtoken", "refreshtoken", "bearer", "extraheader"),
    *("webhook", "sessionid", "secret", "jwt"),
)
_NOT_SECRET = ("secretar",)
# Behind these, a name is that of something about a secret: --token-file, --auth-type.
_ABOUT = frozenset(
    (
        *("file", "path", "dir", "folder", "env", "name", "names", "url", "uri", "ids", "type"),
        *("types", "method", "mode", "length", "len", "limit", "count", "dim", "size", "index"),
        *("idx", "embedding", "embeddings", "required", "enabled", "stdin", "prompt", "ttl"),
        *("expiry", "expires", "manager", "provider", "store", "backend", "class", "policy"),
    )
)
_TOKENS = frozenset(
    (
        *("auth", "oauth", "authorization", "authentication", "cookie", "cookies", "pat", "otp"),
        *("totp", "mfa", "pw", "dbpw", "rootpw", "userpw", "adminpw", "ghpat", "pats", "creds"),
    )
)
_SIGNATURES = frozenset(("signature", "sig", "sas", "hmac"))
_IF_RANDOM = _SIGNATURES | {"key", "keys", "session", "tokens"}
_USER_OPTIONS = frozenset(
    (
        *("user", "userpwd", "proxy-user", "auth", "login", "credentials", "basic-auth"),
        *("http-user", "userpass", "user-pass", "from-literal"),
    )
)
_FLAG = r"(?:no|without|disable|skip|ask|prompt|require|allow|show)[-_A-Z]"
"""How an option begins that has no value."""
_NO_PASS = frozenset(
    (
        *("com", "by", "low", "high", "band", "all", "over", "under", "tres", "sur", "encom"),
        *("multi", "single", "one", "two", "first", "second", "third", "last", "per", "each"),
        *("forward", "backward", "render", "num", "n", "max", "min"),
    )
)
# Words of language models, and of what sorts and joins: a token or a key that everybody may see.
_PLAIN_TOKEN = frozenset(
    (
        *("pad", "padding", "eos", "bos", "unk", "unknown", "sep", "separator", "cls", "mask"),
        *("special", "stop", "start", "end", "begin", "image", "audio", "video", "vision", "text"),
        *("max", "min", "num", "n", "per", "new", "next", "first", "last", "prev", "think", "bot"),
        *("eot", "sot", "eom", "boi", "eoi", "eod", "extra", "added", "add", "prompt", "decoder"),
        *("encoder", "class", "target", "source", "prefix", "suffix", "fim", "word", "speaker"),
        *("language", "lang", "query", "forced", "suppress", "by", "each", "patch", "no"),
        *("page", "input", "output", "initializer", "placeholder", "trigger", "instance"),
    )
)
_PLAIN_KEY = frozenset(
    (
        *("sort", "group", "primary", "foreign", "partition", "label", "image", "text", "public"),
        *("caption", "cache", "hash", "metric", "dict", "json", "index", "column", "row", "query"),
        *("monitor", "target", "feature", "id", "name", "data", "dataset", "input", "output"),
        *("object", "field", "map", "value", "unique", "lookup", "join", "merge", "order", "by"),
        *("search", "file", "s3", "item", "sample", "batch", "state", "model", "checkpoint"),
        *("param", "config", "env", "attention", "prompt", "answer", "question", "response"),
        *("context", "audio", "video", "mask", "source", "src", "tgt", "split", "hot", "major"),
        *("minor", "turn", "mon", "don", "tur", "jockey", "whis", "hoc", "joc", "on", "any"),
        *("press", "short", "shift", "ctrl", "alt", "up", "down", "kv", "num", "score", "loss"),
        *("pub", "ssh", "gpg", "no", "per", "reward", "class", "dedup", "subset", "bucket"),
        # Of random generators, and of what trackers call an experiment.
        *("rng", "prng", "seed", "noise", "dropout", "init", "experiment", "run", "project"),
    )
)
# Letters of other alphabets that look like ours.
_LOOKALIKES = str.maketrans("аеорсухіѕԁӏκοτνρ", "aeopcyxisdlkotvp")

_ESCAPED = re.compile(r"\\(?P<number>x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})")
# As no word and no name is; `pad_token: "<pad>"` is everyday in params.
_RANDOM = r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_.~%-]{16,}"
# A word with or without a number, or a number, a date and a time.
_CAMEL = r"(?:[A-Z]{2,4}(?=[A-Z][a-z]))?[A-Z]?[a-z]{2,20}(?:[A-Z][a-z]{1,20}){0,4}[A-Z]{0,3}"
_PIECE = (
    rf"[0-9]{{0,4}}(?:[a-z]{{0,20}}|[A-Z]{{1,12}}|{_CAMEL})[0-9]{{0,6}}[a-z]?"
    r"|[0-9]{1,8}[a-z]?|[0-9]{8}T[0-9]{6}[a-z]{0,3}"
)
# Nothing but letters, which neither are words nor say what is to stand there.
_LETTERS = (
    r"(?![a-z]*(?:[A-Z]{1,6}[a-z]{2,})+(?:[A-Z]{1,3}[a-z]?)?$)"
    r"(?!(?i:.*(?:key|token|secret|passw|credential|example|your)))[A-Za-z]{16,}"
)
_ODD = 8
"""Characters that are in no such word, from which a value looks as if nobody had chosen it."""
# What is filled in later, where it comes from instead, and what is nothing at all.
_PLACEHOLDER = (
    r"[$<{%(\[|>*].*|![A-Za-z_/]+|[.*?_-]+|x{2,}|X{2,}|~|\.{0,2}/(?![A-Za-z0-9+/]{39}$).*|~/.*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
    r"|(?:env|vault|ssm|file|op|arn|gs|s3|https?):.*|os\.environ.*"
    r"|(?i:null|none|true|false|yes|no|unset|redacted|empty|dummy)"
)
_SHORTEST = 4
_LONGEST_NEST = 300
"""Characters of a value that is searched for pairs inside, so that time stays in proportion."""
_A_PASSWORD = "a password"
_A_TOKEN = "a key or token"
_A_LOGIN = "a user and password"
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


def find_secrets_in(data: bytes, *, prose: bool = False) -> list[Secret]:
    """Return what `find_secrets` does of a file, of which it searches the first `MAX_BYTES`."""
    text = data[:MAX_BYTES].decode("utf-8", "replace")
    # JSON and YAML may write a letter as its number.
    return find_secrets(_ESCAPED.sub(_letter, text) if "\\" in text else text, prose=prose)


def _letter(match: re.Match[str]) -> str:
    number = int(match["number"][1:], 16)
    letter = chr(number) if number <= sys.maxunicode else ""
    return letter if letter.isprintable() and letter else match[0]


def secrecy_of(name: str) -> str:
    """Return what a name says of its value: `PASSWORD`, `TOKEN`, `RANDOM`, or nothing.

    `--hf-token`, `apiKey`, `DB_PASS`, `PGPASSWORD` say it, `--max-tokens` and `--key-dim` do not.
    """
    words = words_of(name)
    while len(words) > 1 and words[-1].isdecimal():
        words.pop()
    if not words:
        return ""
    whole, last = "".join(words), words[-1]
    before = words[-2] if len(words) > 1 else ""
    if any(each in whole for each in _NOT_SECRET):
        return ""
    if last in _ABOUT and "webhook" not in whole:
        return ""
    if last.endswith(_PASSWORDS) or whole.endswith(_PASSWORDS):
        return PASSWORD
    if any(each in whole for each in _ANYWHERE) or last in _TOKENS or words[0] == "authorization":
        return TOKEN
    for ending, plain, kind in (
        ("pass", _NO_PASS, PASSWORD),
        ("token", _PLAIN_TOKEN, TOKEN),
        ("key", _PLAIN_KEY, TOKEN),
    ):
        if last.endswith(ending):
            said = last.removesuffix(ending) or before
            if said or ending != "key":
                return "" if said in plain else kind
    return RANDOM if last in _IF_RANDOM else ""


def secrecy_of_option(name: str) -> str:
    """Return what the name of an option, without its dashes, says of its value; also `USER`."""
    if name.lower() in _USER_OPTIONS:
        return USER
    return "" if re.match(_FLAG, name) else secrecy_of(name)


def words_of(name: str) -> list[str]:
    """Return the words of a name, in lower case: those of `--hf-token`, `apiKey`, `DB_PASS`."""
    if not name.isascii():
        name = plain_letters(name)
    return [word.lower() for word in re.findall(_WORDS, name)]


def plain_letters(text: str) -> str:
    """Return a text in which letters that look like ours, or are not seen, are none."""
    text = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)
    return "".join(each for each in text if unicodedata.category(each) != "Cf")


def is_random(value: str) -> bool:
    """Return whether a value looks as if nobody had chosen it."""
    return bool(re.fullmatch(_RANDOM, value)) and not _is_of_words(value)


def _is_of_words(value: str) -> bool:
    """Return whether somebody put a value together: `model.layers.0.self_attn`, `2024-01-05`."""
    odd = [piece for piece in re.split("[^A-Za-z0-9]+", value) if not re.fullmatch(_PIECE, piece)]
    return sum(map(len, odd)) < _ODD


def without_secret(text: str) -> str:
    """Return a URL, or a text with URLs, as it may be shown.

    A URL loses its user, except a name without a password, and all from its `?`, `#` or `;name=`
    on.
    """
    text = re.sub(CHUNK, lambda match: _plain(match[0]), text) if "/" in text else text
    return without_forms(_without_bare_logins(text))


def _plain(chunk: str) -> str:
    before, root, rest = _split_url(chunk)
    if not root:
        return chunk
    user, rest = split_user(before, rest)
    return f"{before}{root}{user}{re.split(_BEHIND, rest, maxsplit=1)[0]}"


def without_logins(text: str) -> str:
    """Return a text in which `***` stands for users and passwords before a host.

    In a URL it does for a user without a password too, unless its scheme says that it is a name.
    """
    if "@" not in text:
        return text
    return _without_bare_logins(re.sub(CHUNK, lambda match: _masked(match[0]), text))


def _masked(chunk: str) -> str:
    before, root, rest = _split_url(chunk)
    if not root or "@" not in rest:
        return chunk
    user, plain = split_user(before, rest)
    return chunk if user or plain == rest else f"{before}{root}{MASK}@{plain}"


def _split_url(chunk: str) -> tuple[str, str, str]:
    """Return what stands before the slashes of a URL, them, and what stands behind them."""
    match = re.search(_ROOT, chunk)
    return (chunk[: match.start()], match[0], chunk[match.end() :]) if match else (chunk, "", "")


def _without_bare_logins(text: str) -> str:
    if "@" not in text:
        return text
    return re.sub(_LOGIN, lambda match: f"{MASK}@" if _is_login(match) else match[0], text)


def _is_login(match: re.Match[str]) -> bool:
    """Return whether it is no address of mail, no time, and no version of something."""
    if match["user"].lower() in _ADDRESSED:
        return False
    return bool(match["place"] or re.fullmatch(_SERVER, match["host"])) or _is_odd(match["value"])


def _is_odd(value: str) -> bool:
    return not re.fullmatch(_WORD, value)


def split_user(before: str, rest: str) -> tuple[str, str]:
    """Return the user that may be shown, with its `@`, and what stands behind any user."""
    scheme = re.split(r"[^A-Za-z0-9+.-]", before)[-1].lower()
    login, at, host = rest.rpartition("@")
    if not at or _is_place(login):
        return "", rest
    named = scheme in _NAMED or scheme.partition("+")[0] in _NAMED
    return (f"{login}@" if named and not re.search("[:/]", login) else ""), host


def _is_place(text: str) -> bool:
    """Return whether what stands before an `@` is a host and a path, and no user.

    A password may hold a slash, and a path an `@`; a number behind a host is its port.
    """
    host, slash, _ = text.partition("/")
    if "://" in text:
        return False
    name, colon, port = host.rpartition(":")
    if not colon:
        return bool(slash)
    known = "." in name or name == "localhost" or name.startswith("[")
    return bool(slash) and known and port.isdecimal() and len(port) <= 5


def without_forms(text: str) -> str:
    """Return a text in which `***` stands for what services hand out."""
    for form in FORMS:
        pattern = rf"(?<![A-Za-z0-9]){form.begin}(?P<rest>{form.likely})"
        text = re.sub(pattern, lambda match: match[0] if _is_name(match["rest"]) else MASK, text)
    for before, rest in PLACES:
        text = re.sub(before + rest, rf"\1{MASK}", text)
    return text


def _is_name(rest: str) -> bool:
    """Return whether words go on what begins like a token: `sk-learn-GridSearchCV-cv5`."""
    return "-" in rest and _is_of_words(rest)


def _matches(text: str, *, prose: bool) -> Iterator[tuple[int, str]]:
    """Yield where something is, what says most about it first."""
    for form in FORMS:
        found = re.finditer(rf"(?<![A-Za-z0-9]){form.begin}(?P<rest>{form.sure})", text)
        yield from ((match.start(), form.what) for match in found if not _is_name(match["rest"]))
    yield from ((match.start(), "a private key") for match in re.finditer(PRIVATE_KEY, text))
    for match in re.finditer(r"AccountKey=[A-Za-z0-9+/]{40,}", text):
        yield match.start(), "a key of Azure"
    for before, rest in PLACES:
        yield from ((match.start(), _URL) for match in re.finditer(f"{before}{rest}", text))
    for match in re.finditer(_URL_LOGIN, text):
        if not re.fullmatch(_PLACEHOLDER, match["value"]):
            yield match.start(), _URL
    for match in re.finditer(_URL_USER, text):
        if is_random(match["value"]):
            yield match.start(), _URL
    for match in re.finditer(_LOGIN, text) if "@" in text else ():
        if _is_login(match) and not re.fullmatch(_PLACEHOLDER, match["value"]):
            yield match.start(), _A_LOGIN
    for match in re.finditer(_BEARER, text):
        if is_random(match["value"]):
            yield match.start("value"), _A_TOKEN
    # A pair takes a URL for one value, whatever its query says.
    for pattern in (_PAIR, _QUERY):
        for match in _nested(pattern, text):
            if what := _judge(match["name"], match["value"], prose=prose):
                yield match.start("value"), what
    for match in re.finditer(_OPTION, text):
        if what := _judge_option(match["name"], match["value"], prose=prose):
            yield match.start("value"), what


def _nested(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Yield matches, also those inside the value of another: `note: password=x`."""
    find, at = re.compile(pattern).search, 0
    while match := find(text, at):
        yield match
        start, end = match.span("value")
        at = start if end - start <= _LONGEST_NEST else end


def _judge(name: str, value: str, *, prose: bool) -> str:
    """Return what a value is, by its name, or nothing."""
    kind = secrecy_of(name)
    if not kind or re.fullmatch(_PLACEHOLDER, value):
        return ""
    words = [word for word in words_of(name) if not word.isdecimal()] or words_of(name)
    if value.isdecimal() and words[-1] in ("secret", "pass"):
        return ""
    if kind == PASSWORD and not prose and words[-1].endswith((*_PASSWORDS, "pass")):
        return _A_PASSWORD if len(value) >= _SHORTEST else ""
    if kind != RANDOM and words[-1] in _MANY_PASSWORDS and not prose and _is_chosen(value):
        return _A_PASSWORD
    # A `key` is the name of many a digest.
    digest = kind == RANDOM and (
        words[-1] not in _SIGNATURES or re.fullmatch("[0-9a-f]{32,64}", value) is not None
    )
    # Words that run together are what many a `key` names.
    sure = not words[-1].endswith("key") or any(each in "".join(words) for each in _ANYWHERE)
    letters = kind != RANDOM and sure and not prose and re.fullmatch(_LETTERS, value)
    return _A_TOKEN if letters or (is_random(value) and not digest) else ""


def _is_chosen(value: str) -> bool:
    """Return whether a value is none of the words and files that `secrets` may name."""
    return len(value) >= _SHORTEST and _is_odd(value) and not re.search(r"/|\.[a-z]{1,5}$", value)


def _judge_option(name: str, value: str, *, prose: bool) -> str:
    """Return what a value is, by the option that it is typed behind, or nothing.

    Nobody types words behind an option for tokens but a token.
    """
    kind = secrecy_of_option(name)
    if kind == USER:
        user, colon, password = value.partition(":")
        return _A_LOGIN if user and colon and _is_odd(password) else ""
    if kind == RANDOM or prose:
        return _judge(name, value, prose=prose)
    if not kind or re.fullmatch(_PLACEHOLDER, value):
        return ""
    return _A_PASSWORD if kind == PASSWORD else _A_TOKEN
