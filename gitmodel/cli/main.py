"""The entry point: finds the command, and turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import signal
import sys
import tempfile
import traceback
from typing import NoReturn

import click

from gitmodel import __version__, hints
from gitmodel.cli.printer import guard, say, say_error
from gitmodel.errors import DiskError, GitmodelError
from gitmodel.secrets import without_logins, without_secret
from gitmodel.signals import signal_behind, terminate

_COMMANDS = {
    "add": "Track an artifact, or bring its pointer up to date.",
    "bisect": "Find the first version that is worse.",
    "card": "Print the model card of a version.",
    "checkout": "Move to a version and restore its artifacts.",
    "ci": "Tell a CI job what changed, and report on it.",
    "compare": "Compare metrics, params, artifacts, data and code of versions.",
    "diff": "Show what differs between versions, or from the working tree.",
    "doctor": "Look for what is wrong with the set-up.",
    "export": "Hand a version to MLflow, or on to Hugging Face.",
    "fetch": "Bring blobs from the remote to the cache.",
    "get": "Deliver an artifact of a repository, without a clone.",
    "impact": "Show what was made from something.",
    "import": "Take over what DVC, Git LFS or MLflow has.",
    "init": "Set up a Git repository for gitmodel.",
    "install": "Set up the Git hooks and merge drivers.",
    "lineage": "Show what a version was made from.",
    "mv": "Move or rename an artifact.",
    "pull": "Bring blobs from the remote into the working tree.",
    "push": "Send blobs, then version tags.",
    "remote": "Add, list, remove, check and repair remotes.",
    "resolve": "End conflicts of a merge.",
    "rm": "Stop tracking artifacts.",
    "run": "Run a command and record what it used and made.",
    "show": "Show one version in full.",
    "status": "Show what differs from the pointers.",
    "tag": "Make a version, after looking at what could be wrong with it.",
    "uninstall": "Remove the Git hooks and merge drivers.",
    "verify": "Prove that all bytes are what their names say.",
    "versions": "List the versions.",
}
_FOR_GIT = frozenset({"check-staged", "framework", "hook", "merge-driver", "textconv"})
"""Commands that Git runs; see `porcelain.drivers` and `porcelain.install`, or pre-commit does."""
SKIP_HOOKS = "GITMODEL_SKIP_HOOKS"
INHERITED = "inherited"
"""What `SKIP_HOOKS` becomes where it was set before."""

_SWITCH = 0.0005
_REMEDY_HINTS = {
    errno.ENOSPC: "df -h . .git  (make room, then try again)",
    errno.EDQUOT: "quota  (make room, then try again)",
    errno.EROFS: "mount  (make it writable, then try again)",
    errno.EFBIG: "ulimit -f unlimited, then try again",
    errno.EMFILE: "ulimit -n 1024, then try again",
}


class LazyGroup(click.Group):
    """Imports a command only when it is run, so that `--version` and `--help` stay fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in _COMMANDS.keys() | _FOR_GIT:
            return None
        # A module cannot have the name of a statement.
        name = "import_" if cmd_name == "import" else cmd_name.replace("-", "_")
        module = importlib.import_module(f"gitmodel.cli.{name}")
        command: click.Command = module.command
        importlib.import_module("gitmodel.cli.lock_timeout").add_to(command, cmd_name)
        if not command.hidden:
            importlib.import_module("gitmodel.cli.verbose").add_to(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which was probably meant."""
        name = args[0]
        if name not in _COMMANDS.keys() | _FOR_GIT and not name.startswith("-"):
            near = [known for known in _COMMANDS if known[:2] == name[:2]]
            guess = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{guess}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 failed or different, 2 usage, 3 refused by a gate, 4 lost a race or"
    " would overwrite unsaved work, 5 data missing, 6 remote, 7 integrity, 8 local disk,"
    " 130 interrupted.",
)
@click.version_option(__version__, message="gitmodel %(version)s")
def cli() -> None:
    """Version machine-learning models and datasets in Git.

    Large files are replaced in Git by small pointers; their bytes go to a cache and to a remote.
    A version is a Git tag, such as v1.0 or model-v1.1.
    """


def main() -> NoReturn:
    """Run the command line and exit."""
    # Nothing here makes many cycles, and manifests are large: collecting would only cost time.
    gc.disable()
    # Threads mostly wait for the disk; one that is ready again must not wait for the other.
    sys.setswitchinterval(_SWITCH)
    # The hooks must not call gitmodel for what gitmodel itself has Git do.
    os.environ[SKIP_HOOKS] = INHERITED if os.environ.get(SKIP_HOOKS) else "1"
    signal.signal(signal.SIGTERM, terminate)
    guard()
    code = run(sys.argv[1:])
    _end_at_once_if_told()
    # Before it ends, Python would look through all that was ever loaded.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command; return its exit code."""
    try:
        # Not `cli.main`, which keeps a broken pipe to itself.
        with cli.make_context("gitmodel", arguments) as context:
            result = cli.invoke(context)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except GitmodelError as error:
        return fail(error)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _say_usage(error)
    except (KeyboardInterrupt, click.Abort):
        return _stop(signal.SIGINT)
    except BrokenPipeError:
        # The reader of our output went away; so that Python does not complain at exit:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return fail(_as_said(error))
    except Exception as error:  # noqa: BLE001 - the last resort: a message and a log, no traceback
        number = signal_behind(error)
        return _report_bug(error) if number is None else _stop(number)


def _as_said(error: OSError) -> DiskError:
    """Return an error of the system with the file that it is about, and what helps."""
    said = error.strerror or str(error)
    hint = _REMEDY_HINTS.get(error.errno or 0, "gitmodel doctor")
    if not isinstance(error.filename, str | bytes):
        return DiskError(said, hint=hint)
    path = os.fsdecode(error.filename)
    if isinstance(error, PermissionError):
        hint = hints.command("ls -ld {}", path)
    return DiskError(f"{path!r}: {said}", hint=hint)


def _stop(number: signal.Signals) -> int:
    """Say that Ctrl-C was obeyed, which somebody waits for; return the exit code."""
    if number == signal.SIGINT:
        say("interrupted; nothing is half written", err=True)
    return 128 + number


def fail(error: GitmodelError) -> int:
    """Say what went wrong and what comes next; return the exit code."""
    say_error(error)
    return error.exit_code


def _say_usage(error: click.ClickException) -> int:
    """Say what click found, which quotes what was typed; return the exit code."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(*error.format_message().split("\n"), err=True)
    elif context:
        say(*context.get_usage().split("\n"), err=True)
        say(f"Try '{context.command_path} --help' for help.", "", err=True)
        say(f"Error: {without_logins(error.format_message())}", err=True)
    return error.exit_code


def _report_bug(error: Exception) -> int:
    fd, path = tempfile.mkstemp(prefix="gitmodel-", suffix=".log")
    with open(fd, "w", encoding="utf-8") as file:
        file.write(f"gitmodel {__version__}, Python {sys.version}\n\n")
        file.write(without_secret("".join(traceback.format_exception(error))))
    return fail(
        GitmodelError(
            f"this is a bug in gitmodel: {type(error).__name__}",
            hint=hints.note("report it with {}", path),
        )
    )


def _end_at_once_if_told() -> None:
    """All is done and cleaned up: a signal would only interrupt Python in ending, with a trace."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
