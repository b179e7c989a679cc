"""Values that go into files and scripts of CI systems, where names of others could do harm.

GitHub and GitLab read `KEY=VALUE` line by line, GitLab expands `$`, and careless workflows paste
values into shell scripts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_SAFE = "A-Za-z0-9._/@+="
# PowerShell takes curly quotes for quotes, and dashes at the start of a word for a hyphen.
_INERT = re.compile(rf"(?![-=\u2010-\u2015])[{_SAFE},\x80-\u2017\u2020-\U0010ffff-]*")
_ACTIVE = re.compile(rf"[^{_SAFE}-]")


def is_inert(text: str) -> bool:
    """Return whether nothing takes a text for anything else, nor for several words."""
    return bool(_INERT.fullmatch(text)) and text.isprintable()


def inert_list(texts: Iterable[str]) -> str:
    """Return a JSON list in one line of ASCII; all but letters, digits, `._/@+=-` is escaped."""
    quoted = (f'"{_ACTIVE.sub(_escaped, text)}"' for text in texts)
    return f"[{','.join(quoted)}]"


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    # `json` knows how to write what is beyond ASCII, but leaves the rest as it is.
    return f"\\u{ord(char):04x}" if char.isascii() else json.dumps(char)[1:-1]
