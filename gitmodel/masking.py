"""Texts as they may be shown or published: no secrets, and no paths of one machine.

What is secret is in `secrets`; here is where a secret begins and ends.  Rather too much is hidden
than too little: a value goes on to the end of its argument unless something says otherwise.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import accumulate
from urllib.parse import unquote

from gitmodel.secrets import (
    MASK,
    PASSWORD,
    PRIVATE_KEY,
    RANDOM,
    TOKEN,
    USER,
    is_random,
    plain_letters,
    secrecy_of,
    secrecy_of_option,
    without_forms,
    without_logins,
)

_MOST = 1 << 15
"""Characters that are kept of a command line, which may list thousands of files."""
_DEEPEST = 4
"""A command in a command in a command."""

# `name: value`, `name=value`, `"name": "value"`, `os.environ['name'] = 'value'`.
_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>(?:(?:api|access|secret|private|auth)[ ])?[\w.-]{1,100})"
    r"(?P<close>\\{0,3}[\"'])?\]?\s{0,9}(?:=>|:=|[:=])(?!//)\s{0,99}",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"[-–—−‐/]{0,2}(?P<name>[\w.]{1,100}(?:-[\w.]{1,100}){0,9})[:=](?!//)")
_QUOTE = re.compile(r"\\{0,3}[\"']")
_ENDS = {
    "query": re.compile(r"&(?=[\w.%-]{1,100}=)|[#\s\"'<>]"),
    "json": re.compile(r"[,}\]\n]"),
    "word": re.compile(r"\s"),
    "line": re.compile(r"\n"),
}
"""Where a value ends that has no quotes."""
_CLOSED = re.compile(r"[\s,;}\])&|\\]|$")
_SHORT_VALUE = re.compile(r"[^\s\"',;&}\]]{0,300}")
_BLOCK = re.compile(r"[|>][+-]?|\\|")
"""What stands in the place of a value that follows on the next lines."""
_CALL = re.compile(
    r"(?<!\w)(?P<name>\w{1,100})\([ \t]{0,9}(?:\w{1,30}[ \t]{0,9}=[ \t]{0,9})?(?P<quote>[\"'])"
)
_TAG = re.compile(r"<(?P<name>[\w.:-]{1,100})(?:\s[^<>]{0,200})?>(?P<value>[^<]+)")
_SCHEME = re.compile(
    r"(?i)(?<![\w-])(bearer|basic|token|apikey|digest|negotiate|bot)([ \t]{1,9})([^\s\"',;]{4,})"
)
_ORACLE = re.compile(r"(jdbc:oracle:\w{1,20}:)[^@\s]{1,500}@")
_SQLPLUS = re.compile(r"(?<=[^/\s])/[^/\s@]+(?=@)")
_PEM = re.compile(rf"{PRIVATE_KEY}.*?(?:-----END [A-Z0-9 ]{{0,40}}-----|$)", re.DOTALL)
_HERE = re.compile(r"(<<<[ \t]{0,9}).*")
_LONG_OPTION = re.compile(r"--[a-z][a-z0-9_-]*")
_OPTION = re.compile(r"(?:[-–—−‐]{1,2}|/)(?P<name>[^\W\d][\w.-]{0,99})")
_BARE = re.compile(r"(?=.*[_.A-Z-])[\w.-]{3,100}|password|passwd|passphrase")
_FILE = re.compile(r".*\.[a-z]{1,5}")
_SERVER = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/.*)?|localhost(?::\d+)?")
_BUNDLE = re.compile(r"-[A-Za-z]{2,10}")
"""Short options in one argument; the last may take a value."""
_SHELL_CODE = re.compile(r"-[a-z]*c")
_LONG_NAMES = frozenset(("-password", "-passwd", "-passphrase"))
"""Options that are no short one with its value."""
_STDIN = frozenset(("--password-stdin", "--with-token", "--token-stdin", "--api-key-stdin"))

_ATTACHED, _NEXT, _WORD, _ACCOUNT = "attached", "next", "word", "account"
"""Kinds of values besides those of `secrets`: a password that only counts where it is written to
its option; what comes next unless it is a server, or unless it is an option; the account and
password that Oracle's programs take."""
_AFTER_LOGIN = frozenset(("--relogin", "--cloud", "--verify", "--no-print", "-no-print"))
_MYSQL = ("mysql", "mysqldump", "mysqladmin", "mysqlimport", "mariadb", "mariadb-dump")
_MONGO = ("mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "influx")
_LDAP = ("ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami", "ldappasswd")
_PUTTY = ("plink", "pscp", "psftp")
_PROGRAMS: Mapping[str, Mapping[str, str]] = {
    **{name: {"-p": _ATTACHED} for name in (*_MYSQL, "7z", "7za", "7zr", "7zz", "rar", "unrar")},
    **{name: {"-p": PASSWORD} for name in (*_MONGO, "sshpass", "kinit")},
    **{name: {"-P": PASSWORD} for name in ("sqlcmd", "bcp", "isql", "unzip", "zip")},
    **{name: {"-P": PASSWORD} for name in ("mosquitto_pub", "mosquitto_sub")},
    **{name: {"-w": PASSWORD} for name in _LDAP},
    **{name: {"-pw": PASSWORD} for name in _PUTTY},
    "redis-cli": {"-a": PASSWORD},
    "openssl": dict.fromkeys(("-k", "-K", "-pass", "-passin", "-passout"), PASSWORD),
    "login": {"-p": PASSWORD, "": _NEXT},
    "curl": {"-u": USER, "-U": USER, "-b": PASSWORD, "-E": USER},
    **{name: {"-u": USER} for name in ("lftp", "ftp", "ncftpget", "ncftpput")},
    "smbclient": {"-U": USER},
    **{name: {"-a": USER} for name in ("http", "https", "xh")},
    **{name: {"": _ACCOUNT} for name in ("sqlplus", "sqlldr", "expdp", "impdp", "rman")},
    **{name: {"/p:": _ATTACHED} for name in ("xfreerdp", "wfreerdp", "mstsc")},
    "twine": {"-p": PASSWORD},
    "ssh-keygen": {"-N": PASSWORD, "-P": PASSWORD},
    "openai": {"-k": PASSWORD},
    "vault": {"value=": PASSWORD},
    "ngrok": {"authtoken": PASSWORD},
    "poetry": {"pypi-token.pypi": PASSWORD},
    "secret": {"--body": PASSWORD, "-b": PASSWORD},
}
"""Options that only mean a secret to one program, or behind one word."""

# Behind a pattern or a variable, it is the rest of a path: `data/**/*.png`, `$(pwd)/x`.
_ABSOLUTE = re.compile(r"(?<![\w./~+%*?)\]}-])(?!(?<=:)//)(?:file://)?(/[^\s:,;=\"'()\[\]{}]*)")
_HOME = re.compile(r"(?<![\w./])~[\w.-]*/")


def masked(arguments: Sequence[str], root: str) -> tuple[str, ...]:
    """Return a command line as it may be published.

    What looks like a secret becomes `***`.  A path below `root`, the top of the repository, becomes
    relative to that; of another absolute path only the last name stays.  What is very long is cut.
    """
    # Cut first: what nobody will read takes no time.  Bytes that are not UTF-8 cannot be written.
    lengths = accumulate(len(each) + 1 for each in arguments)
    kept = [each for each, end in zip(arguments, lengths, strict=True) if end <= _MOST]
    texts = [os.fsencode(each).decode("utf-8", "replace") for each in kept]
    shown = [_without_paths(each, root) for each in _without_secrets(texts, 0)]
    return tuple(shown if len(kept) == len(arguments) else [*shown, "…"])


def _without_secrets(arguments: Sequence[str], depth: int) -> list[str]:
    """Return arguments, of which each may say something about the next one, without secrets."""
    shown: list[str] = []
    options: dict[str, str] = {}
    hides, before = "", ""
    piped = depth > 0 and (
        not _STDIN.isdisjoint(arguments) or ("sudo" in arguments and "-S" in arguments)
    )
    echoed = False
    for text in arguments:
        program = os.path.basename(text).lower().removesuffix(".exe")
        echoed = (echoed or program in ("echo", "printf")) and program not in ("|", ";", "&&")
        if depth and hides and text in ("=", ":", ":="):
            shown.append(text)
            continue
        if hides and (value := _value(text, hides)) is not None:
            shown.append(value)
            hides = ""
        elif piped and echoed and before and program not in ("echo", "printf"):
            shown.append(MASK)
            hides = ""
        else:
            if not text.startswith("-"):
                options.update(_PROGRAMS.get(program, {}))
            shell = bool(_SHELL_CODE.fullmatch(before)) and "python" not in shown[0]
            follows = hides if text in _AFTER_LOGIN else ""
            value, hides = _argument(text, options)
            hides = hides or follows
            if value is None:
                value = _within(_hidden(text, "word" if shell else "line"), depth)
            shown.append(value)
        before = text
    return shown


def _value(text: str, kind: str) -> str | None:
    """Return the argument behind one that says of which kind it is, or None if it is not that."""
    if kind == USER:
        return _without_password(text)
    if kind == _NEXT and (text.startswith("-") or _SERVER.fullmatch(text)):
        return None
    if kind == _WORD and text.startswith("-"):
        return None
    if kind == RANDOM and not is_random(text):
        return None
    if kind != PASSWORD and _LONG_OPTION.fullmatch(text):
        return None
    return MASK


def _argument(text: str, options: Mapping[str, str]) -> tuple[str | None, str]:
    """Return an argument that is an option as it may be shown, and what it says of the next one.

    None stands for one that has to be looked at more closely.
    """
    if (kind := options.get(text)) and kind != _ATTACHED:
        return text, kind
    whole = text in _LONG_NAMES
    for option, kind in options.items():
        long = option.startswith("--") and not text.startswith(f"{option}=")
        if option and text.startswith(option) and text != option and not (long or whole):
            value = text[len(option) :].lstrip("=")
            return option + (_without_password(value) if kind == USER else MASK), ""
    kind = options.get(f"-{text[-1]}", _ATTACHED) if _BUNDLE.fullmatch(text) else _ATTACHED
    if kind != _ATTACHED:
        return text, kind
    plain = text if text.isascii() else plain_letters(text)
    if match := _OPTION.fullmatch(plain):
        return text, secrecy_of_option(match["name"])
    if (match := _WHOLE.fullmatch(plain)) and (kind := secrecy_of(match["name"])):
        return text, kind
    if options.get("") == _NEXT and os.path.basename(text).lower() == "login":
        return text, _NEXT
    if options.get("") == _ACCOUNT:
        return _SQLPLUS.sub(f"/{MASK}", text), ""
    return (text, _WORD) if _is_name(plain) else (None, "")


def _is_name(text: str) -> bool:
    """Return whether a word is the name of a secret: `aws configure set aws_secret_access_key X`.

    npm has it behind a server: `//registry/:_authToken`.
    """
    name = re.split("[/:]", text)[-1] if text.startswith("//") else text
    known = _BARE.fullmatch(name) and not _FILE.fullmatch(name)
    return bool(known) and secrecy_of(name) in (PASSWORD, TOKEN)


def _without_password(text: str) -> str:
    """Return a user and a password without the latter; two numbers are ids."""
    match = re.match(r"([^:%,=]*)([:%,=])(.*)", text, re.DOTALL)
    if not match:
        return _hidden(text, "line")
    both = match[1].isdecimal() and match[3].isdecimal()
    return text if both else f"{match[1]}{match[2]}{MASK}"


def _hidden(text: str, end: str) -> str:
    """Return an argument without the secrets in it; `end` is where a value without quotes ends."""
    plain = _without_pairs(text, end)
    for other in (plain_letters(text) if not text.isascii() else text, _decoded(text)):
        if plain == text and other != text and (found := _without_pairs(other, end)) != other:
            return found
    return plain


def _decoded(text: str) -> str:
    for _ in range(_DEEPEST):
        text = unquote(text) if "%" in text else text
    return text


def _within(text: str, depth: int) -> str:
    """Return an argument that may be a whole command, masked as one."""
    if depth >= _DEEPEST or not re.search(r"\s", text):
        return text
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    shown = _without_secrets(words, depth + 1)
    return text if shown == words else " ".join(map(_word, shown))


def _word(text: str) -> str:
    """Return a word of a shell, in quotes only where it would be several, or none, without."""
    return shlex.quote(text) if not text or re.search(r"[\s\"'\\]", text) else text


def _without_pairs(text: str, end: str) -> str:
    text = _PEM.sub(MASK, text)
    if (match := _WHOLE.match(text)) and (end == "line" or not re.search(r"\s", text)):
        name, value = match["name"], text[match.end() :]
        if secrecy_of_option(name) == USER and text.startswith("-"):
            return match[0] + _without_password(value)
        if value and _kind(text, match) and not _QUOTE.match(value) and value.strip() != MASK:
            return match[0] + (" " if value.startswith(" ") else "") + MASK
    text = without_logins(text)
    text = _hide_pairs(text, end)
    text = _hide_calls(text)
    text = _TAG.sub(_hide_tag, text)
    text = _SCHEME.sub(_hide_scheme, text)
    text = _HERE.sub(rf"\1{MASK}", text)
    text = _ORACLE.sub(rf"\1{MASK}@", text)
    return without_forms(text)


def _kind(text: str, match: re.Match[str]) -> str:
    """Return what kind of value a name has, or nothing if it is not secret."""
    name, at = match["name"], match.start("name")
    value = text[match.end() : match.end() + 300].lstrip()
    kind = secrecy_of(name)
    # The folder that a shell is in.
    if name.upper().strip("-") in ("PWD", "OLDPWD") and value.startswith("/"):
        return ""
    if kind == RANDOM and not _in_query(text, at) and not is_random(_beginning(value)):
        return ""
    return kind


def _in_query(text: str, at: int) -> bool:
    return at > 0 and text[at - 1] in "?&"


def _beginning(value: str) -> str:
    match = _SHORT_VALUE.match(value)
    return match[0] if match else ""


def _is_masked(text: str, at: int) -> bool:
    """Return whether a value is nothing but a mask already."""
    end = at + len(MASK)
    return text.startswith(MASK, at) and text[end : end + 1] in ("", "\n", '"', "'", *"&,;)}]<@")


def _hide_pairs(text: str, end: str) -> str:
    shown: list[str] = []
    at = 0
    while match := _PAIR.search(text, at):
        start = stop = match.end()
        if _kind(text, match) and not _is_masked(text, start):
            stop = _end_of_value(text, match, end)
        quote = _QUOTE.match(text, start)
        if stop > start:
            mark = quote[0] if quote else ""
            closed = mark if mark and text.endswith(mark, start, stop) else ""
            shown.append(f"{text[at:start]}{mark}{MASK}{closed}")
        else:
            shown.append(text[at:start])
        at = stop
    return "".join([*shown, text[at:]])


def _end_of_value(text: str, match: re.Match[str], end: str) -> int:
    start = match.end()
    before = text[match.start() - 1] if match.start() else ""
    if quote := _QUOTE.match(text, start):
        closing = _closing(text, quote)
        # What is written to it goes on: 'a'b is one word of a shell.
        return closing if _CLOSED.match(text, closing) else _find("word", text, closing)
    if match["close"] and text[start : start + 1] not in ("{", "["):
        return _find("json", text, start)
    if _in_query(text, match.start()):
        return _find("query", text, start)
    inside = before and before in "\"'" and not match["close"]
    if inside and (closing := text.find(before, start)) >= 0:
        return closing
    stop = _find(end if "=" in match[0] else "line", text, start)
    empty = _BLOCK.fullmatch(text[start : min(stop, start + 9)].strip())
    return len(text) if empty or match["close"] else stop


def _closing(text: str, quote: re.Match[str]) -> int:
    """Return where a quoted value ends, behind its quote; what never ends goes to the end."""
    at = text.find(quote[0], quote.end())
    while at > 0 and not quote[0].startswith("\\") and text[at - 1] == "\\":
        at = text.find(quote[0], at + 1)
    return len(text) if at < 0 else at + len(quote[0])


def _find(end: str, text: str, start: int) -> int:
    found = _ENDS[end].search(text, start)
    return found.start() if found else len(text)


def _hide_calls(text: str) -> str:
    """Hide what is handed to a function of a telling name: `set_token("X")`, `login('X')`."""
    shown: list[str] = []
    at = 0
    while match := _CALL.search(text, at):
        shown.append(text[at : match.end()])
        at = match.end()
        if match["name"].lower() == "login" or secrecy_of(match["name"]) in (PASSWORD, TOKEN):
            closing = text.find(match["quote"], at)
            shown.append(MASK)
            at = len(text) if closing < 0 else closing
    return "".join([*shown, text[at:]])


def _hide_tag(match: re.Match[str]) -> str:
    secret = secrecy_of(match["name"]) in (PASSWORD, TOKEN)
    return match[0].removesuffix(match["value"]) + MASK if secret else match[0]


def _hide_scheme(match: re.Match[str]) -> str:
    kind, blank, value = match.groups()
    coded = re.search(r"\d|[a-z][A-Z]|=$|[A-Z]{2}", value) and not value.startswith(MASK)
    return f"{kind}{blank}{MASK}" if coded else match[0]


def _without_paths(text: str, root: str) -> str:
    text = _ABSOLUTE.sub(lambda match: _short(match[1], root), text)
    return _HOME.sub("", text)


def _short(path: str, root: str) -> str:
    plain = os.path.normpath(path)
    # What is in memory there is nobody's device.
    if plain.startswith("/dev/") and not plain.startswith("/dev/shm/"):
        return path
    if plain == root:
        return "."
    if plain.startswith(f"{root}/"):
        return plain[len(root) + 1 :]
    return os.path.basename(plain) or "/"
