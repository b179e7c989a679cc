"""URLs of remotes: which there are, taken apart once.

A URL comes with a clone, so its grammar is narrow: a scheme of the list, a server that is nothing
but a name, and no chain of URLs, which fsspec would follow to any of its drivers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

from gitmodel.errors import UsageError
from gitmodel.hints import note
from gitmodel.secrets import find_secrets, secrecy_of

FOLDER = "file"
AZURE = ("abfs", "abfss", "az")
REMOTES = (FOLDER, "s3", "gs", *AZURE, "sftp")
"""The schemes that a remote may have."""
WEB = ("http", "https")
"""The schemes of what can only be read: DVC's remotes may have them."""

_LONGEST = 2048
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{0,30}"
_HOST = r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])"
_PORT = r"(?::(?P<port>[0-9]{1,5}))?"
_ACCOUNT = r"(?:@(?P<host>[A-Za-z0-9]{1,24}\.(?:blob|dfs)(?:\.[A-Za-z0-9-]{1,63}){1,6}))"
_PLACES = {
    FOLDER: r"",
    "s3": r"(?P<container>[A-Za-z0-9._-]{1,255})",
    "gs": r"(?P<container>[A-Za-z0-9][A-Za-z0-9._-]{1,221})",
    **dict.fromkeys(AZURE, rf"(?P<container>[A-Za-z0-9$][A-Za-z0-9-]{{0,62}}){_ACCOUNT}?"),
    "sftp": rf"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]{{0,63}})@)?{_HOST}{_PORT}",
    **dict.fromkeys(WEB, rf"{_HOST}{_PORT}"),
}
"""What stands between `//` and the path."""
_FORMS = {
    FOLDER: "file:///FOLDER",
    "s3": "s3://BUCKET/PREFIX",
    "gs": "gs://BUCKET/PREFIX",
    **{name: f"{name}://CONTAINER/PREFIX" for name in AZURE},
    "sftp": "sftp://[USER@]HOST[:PORT]/FOLDER",
    **{name: f"{name}://HOST[:PORT]/FOLDER" for name in WEB},
}
_WITH_NAME = (*AZURE, "sftp")
"""The schemes of which a name without a password may stand before an `@`."""
_MEANT = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "ssh": "sftp", "azure": "abfs"}
_OPTIONS = {
    "endpoint": r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._/-]*)?",
    "region": r"[A-Za-z0-9-]{1,63}",
}
_SUSPICIOUS = r"=|[\w-]{16}|@"
_OPTION_NAME = r"[?&;#]([\w.-]{1,100})="
_ADDRESS = r"(?:(?<=://)|(?<=@))\[[0-9A-Fa-f:.]{2,45}\]"
_LOGIN = r"[^/@]:[^/@]*@|^//[^/]*@"
_NO_CREDENTIALS = "put them in the environment or in the profile of the service, not in a URL"


@dataclass(frozen=True, slots=True)
class Url:
    """The URL of a remote, taken apart.

    `host` is the server that it names itself; it is empty where the scheme says which service is
    meant.  `container` is the bucket, or what Azure calls a container.  A folder has the scheme
    `file`, and its path may be relative.
    """

    scheme: str
    path: str
    container: str = ""
    user: str = ""
    host: str = ""
    port: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """The server that is contacted because the URL says so, not the user; or nothing."""
        return self.host or self.options.get("endpoint", "")


def parse_url(text: str, schemes: Sequence[str] = REMOTES) -> Url:
    """Return a URL of one of the schemes, taken apart; raise `UsageError` if it is none.

    What has no scheme is a folder.
    """
    if "://" not in text:
        return Url(FOLDER, text)
    scheme, _, rest = text.partition("://")
    # A secret may hold a slash, behind which no URL parser looks for it.
    before, at, _ = rest.rpartition("@")
    if at and (":" in before or ("/" not in before and scheme not in _WITH_NAME)):
        raise UsageError("the URL holds credentials", hint=_NO_CREDENTIALS)
    if scheme not in schemes:
        raise _unknown(scheme, schemes)
    if "::" in re.sub(_ADDRESS, "", _decoded(text)):
        raise UsageError(
            f"the {scheme} URL leads to another URL by '::'",
            hint=note("such as {}", _FORMS[scheme]),
        )
    try:
        parts = urlsplit(text)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise UsageError(
            f"the {scheme} URL is malformed", hint=note("such as {}", _FORMS[scheme])
        ) from error
    place = re.fullmatch(_PLACES[scheme], parts.netloc)
    lost = scheme == FOLDER and not parts.path
    if not place or lost or "#" in text or int(place.groupdict().get("port") or 0) > 65535:
        raise UsageError(
            f"the {scheme} URL {_amiss(scheme, text)}", hint=note("such as {}", _FORMS[scheme])
        )
    named = {name: value or "" for name, value in place.groupdict().items()}
    return Url(
        scheme,
        parts.path,
        named.get("container", ""),
        named.get("user", ""),
        named.get("host", ""),
        int(named.get("port") or 0),
        _options(scheme, options),
    )


def check_url(text: str) -> str:
    """Return the URL of a remote; raise `UsageError` if it is none, or not for everybody to read.

    It is tracked, so it may not hold a password or a token, and what is a folder must be one
    beyond doubt.
    """
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise UsageError(
            f"{text[:60]!r} is not the URL of a remote"
            if text.isprintable() and text
            else "that is not the URL of a remote",
            hint="gitmodel remote add NAME PATH_OR_URL",
        )
    parse_url(text)
    plain = _decoded(text)
    # The whole table is read only for what could be in it: most URLs are short and plain.
    secret = re.search(_SUSPICIOUS, plain) and (
        any(map(secrecy_of, re.findall(_OPTION_NAME, plain))) or find_secrets(plain)
    )
    if secret:
        raise UsageError("the URL holds credentials", hint=_NO_CREDENTIALS)
    if "://" not in text:
        _check_folder(plain)
    return text


def with_options(url: str, options: Mapping[str, str]) -> str:
    """Return a URL with those options added that have a value; only buckets of S3 have any."""
    if any(options.values()) and not url.startswith("s3://"):
        raise UsageError(
            f"only a bucket of S3 has an {' or a '.join(options)}", hint="s3://BUCKET/PREFIX"
        )
    query = "&".join(f"{key}={quote(value, safe=':/')}" for key, value in options.items() if value)
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _decoded(text: str) -> str:
    """Return a text without percent-encoding, however often it was encoded."""
    while (plain := unquote(text)) != text:
        text = plain
    return text


def _unknown(scheme: str, schemes: Sequence[str]) -> UsageError:
    meant = _MEANT.get(scheme.lower(), scheme.lower())
    if meant in schemes:
        return UsageError(
            f"the URL of a remote does not begin with '{scheme}:'",
            hint=note("such as {}", _FORMS[meant]),
        )
    what = f"URLs of the kind {scheme!r}" if re.fullmatch(_SCHEME, scheme) else "such URLs"
    return UsageError(
        f"gitmodel has no remotes with {what}",
        hint=note("use a folder, or one of: {}", schemes[1:]),
    )


def _amiss(scheme: str, text: str) -> str:
    """Return what is wrong with a URL that does not fit its scheme's form."""
    if "#" in text:
        return "may not hold '#'"
    return "names no bucket that there can be" if scheme in ("s3", "gs") else "is malformed"


def _options(scheme: str, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    # Values are not repeated: they may be secrets that came to the wrong place.
    if unknown := sorted(given.keys() - set(_OPTIONS if scheme == "s3" else ())):
        known = f"; known for s3 are {' and '.join(_OPTIONS)}" if scheme == "s3" else ""
        name = f"the unknown option {unknown[0]!r}" if unknown[0].isidentifier() else "options"
        raise UsageError(
            f"the {scheme} URL has {name}{known}", hint=note("such as {}", _FORMS[scheme])
        )
    for name, values in given.items():
        if len(values) > 1:
            raise UsageError(
                f"the {scheme} URL has the option {name!r} twice",
                hint=note("such as {}", _FORMS[scheme]),
            )
        if not re.fullmatch(_OPTIONS[name], values[0]):
            raise UsageError(
                f"the {scheme} URL has an impossible {name}",
                hint="endpoint=https://HOST[:PORT]&region=NAME",
            )
    return {name: values[0] for name, values in given.items()}


def _check_folder(plain: str) -> None:
    """Raise `UsageError` for what could be meant as something else than a folder."""
    if "://" in plain or "::" in plain:
        raise UsageError("the folder has '://' or '::' in its name", hint="rename it")
    if re.search(_LOGIN, plain):
        raise UsageError("that looks like a URL with credentials", hint=_NO_CREDENTIALS)
    name, colon, _ = plain.partition("/")[0].partition(":")
    if meant := _FORMS.get(_MEANT.get(name.lower(), name.lower())) if colon else None:
        # Else it would be a folder of that name.
        raise UsageError(
            f"'{name}:' is not how the URL of a remote begins", hint=note("such as {}", meant)
        )
    # A drive of Windows has one letter, a server hardly ever.
    if colon and len(name) > 1:
        raise UsageError(
            "that may be a server, or a folder with a colon in its name",
            hint="sftp://[USER@]HOST[:PORT]/FOLDER, or ./FOLDER",
        )
