"""A repository whose every setting would run a program, and the trap that tells of it."""

from __future__ import annotations

from pathlib import Path

_HOOKS = (
    *("applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout"),
    *("post-commit", "post-index-change", "post-merge", "post-rewrite", "post-update"),
    *("pre-applypatch", "pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-push", "pre-rebase"),
    *("pre-receive", "prepare-commit-msg", "proc-receive", "push-to-checkout", "query-watchman"),
    *("reference-transaction", "sendemail-validate", "update"),
)


class Trap:
    """A program that notes each time it runs, and by which name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._log = folder / "sprung"
        self.program = self.at(folder / "evil")

    def at(self, path: Path) -> Path:
        """Put the program at a path, and the folders above it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$0 $*" >> "{self._log}"\nexit 1\n')
        path.chmod(0o755)
        return path

    @property
    def sprung(self) -> list[str]:
        """The calls of it so far."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def set(self, git_dir: Path, url: str = "https://git.example.org/") -> None:
        """Have a repository run it whenever Git can be made to: configuration and hooks."""
        hooks = git_dir / "evil-hooks"
        for name in _HOOKS:
            self.at(hooks / name)
            self.at(git_dir / "hooks" / name)
        included = git_dir / "evil-config"
        included.write_text(_config(self.program, hooks, url))
        with (git_dir / "config").open("a") as file:
            file.write(f'[include]\n\tpath = "{included}"\n' + _config(self.program, hooks, url))
        (git_dir / "info").mkdir(exist_ok=True)
        (git_dir / "info/attributes").write_text("* filter=evil diff=evil merge=evil\n")


def _config(program: Path, hooks: Path, url: str) -> str:
    sections = {
        "core": {
            **dict.fromkeys(("fsmonitor", "sshCommand", "gitProxy", "askPass", "pager"), program),
            **dict.fromkeys(("editor", "alternateRefsCommand"), program),
            "hooksPath": hooks,
        },
        "credential": {"helper": f"!{program}"},
        'filter "evil"': {"clean": program, "smudge": program, "process": program},
        'diff "evil"': {"command": program, "textconv": program},
        "diff": {"external": program},
        'merge "evil"': {"driver": program},
        "gpg": {"program": program},
        'gpg "ssh"': {"program": program, "defaultKeyCommand": program},
        "uploadpack": {"packObjectsHook": program},
        "protocol": {"allow": "always"},
        'protocol "ext"': {"allow": "always"},
        f'url "ext::{program} "': {"insteadOf": url},
        'remote "evil"': {
            "url": ".",
            "promisor": "true",
            **dict.fromkeys(("uploadpack", "receivepack"), program),
        },
        "log": {"showSignature": "true"},
        "sequence": {"editor": program},
        "interactive": {"diffFilter": program},
        "alias": dict.fromkeys(("ls-files", "show", "cat-file"), f"!{program}"),
    }
    return "".join(
        f"[{name}]\n" + "".join(f'\t{key} = "{value}"\n' for key, value in values.items())
        for name, values in sections.items()
    )
