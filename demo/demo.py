"""Version a real model and its data, then prove that a fresh clone gets them back.

Every line that starts with `$` is a command as a user types it, and what follows is its output.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
BATCHES = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a version must be when it comes back: SHA-256 of model and data, accuracy."""

    model: str
    data: str
    accuracy: float


class MismatchError(Exception):
    """What came back is not what was pushed."""


class Shell:
    """Runs commands as a terminal shows them; the first that fails ends the demo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            # The user's own Git configuration must neither help nor hinder.
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }

    def cd(self, folder: str) -> None:
        """Change the folder that commands run in."""
        print(f"$ cd {folder}")
        self.folder = (self.folder / folder).resolve()

    def run(self, command: str) -> None:
        """Run a command; raise `CalledProcessError` if it fails."""
        self._start(command, None)

    def read(self, command: str) -> str:
        """Run a command and also return what it printed to stdout."""
        output: str = self._start(command, subprocess.PIPE).stdout
        print(output, end="")
        return output

    def _start(self, command: str, stdout: int | None) -> subprocess.CompletedProcess[str]:
        print(f"$ {command}", flush=True)
        return subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT if stdout is None else None,
            text=True,
            check=True,
        )


def main() -> int:
    """Run the demo; return the exit code."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gitmodel-demo-") as scratch:
        try:
            summary = play(Path(scratch).resolve())
        except subprocess.CalledProcessError as failure:
            print(f"\nThe demo failed: `{shlex.join(failure.cmd)}` exited {failure.returncode}.")
            return 1
        except MismatchError as failure:
            print(f"\nThe demo failed: {failure}.")
            return 1
    print(f"{summary} ({time.monotonic() - started:.0f} s)")
    return 0


def play(scratch: Path) -> str:
    """Play every part; return the summary."""
    shell = Shell(scratch)

    heading("1. A Git repository with a training script, as any other")
    shell.run("git init -q --bare -b main origin.git")
    shell.run("git init -q -b main digits")
    shell.cd("digits")
    shell.run("git config user.name 'Ada Example'")
    shell.run("git config user.email ada@example.org")
    shell.run("git remote add origin ../origin.git")
    prepare_project(shell.folder)
    shell.run("ls -F . data/train")
    shell.run("git add train.py params.yaml")
    shell.run("git commit -qm 'train a digit classifier'")

    heading("2. Set up gitmodel: the remote is a folder")
    shell.run("gitmodel init")
    shell.run("gitmodel remote add origin ../remote")

    heading("3. Version v1.0: one commit pins code, parameters, metrics, model and data")
    first = release(shell, "v1.0", "first model")

    heading("4. Version model-v1.1: a bigger forest, two more batches of data")
    set_params(shell.folder, n_estimators=200, max_depth=16)
    export_batches(shell.folder / "data/train", range(4, BATCHES + 1))
    second = release(shell, "model-v1.1", "bigger forest, more data")

    heading("5. Another machine: a fresh clone, with pointers only")
    shell.cd("..")
    shell.run("git clone -q origin.git fresh")
    shell.cd("fresh")
    shell.run("ls -F")

    heading("6. Back to v1.0")
    restore(shell, "v1.0", first)

    heading("7. And on to model-v1.1")
    restore(shell, "model-v1.1", second)

    heading("8. What there is")
    shell.run("gitmodel versions")
    shell.run("gitmodel status")

    heading("Both versions came back byte for byte, and the models score what they scored.")
    return f"Accuracy {first.accuracy} at v1.0, {second.accuracy} at model-v1.1; no server needed."


def release(shell: Shell, tag: str, message: str) -> Evidence:
    """Train, track, commit, tag and push a version."""
    shell.run("cat params.yaml")
    shell.run("python train.py")
    shell.run("gitmodel add model.joblib data/train")
    shell.run("git add params.yaml metrics.json")
    shell.run(f"git commit -qm {shlex.quote(message)}")
    shell.run(f"git tag {tag}")
    shell.run("gitmodel push")
    shell.run("git push -q origin main")
    accuracy = json.loads((shell.folder / "metrics.json").read_text())["accuracy"]
    return evidence(shell.folder, accuracy)


def restore(shell: Shell, tag: str, expected: Evidence) -> None:
    """Check a version out, evaluate it and compare it with what was pushed."""
    shell.run(f"gitmodel checkout {tag}")
    accuracy = float(shell.read("python train.py --evaluate").split()[-1])
    recorded = json.loads((shell.folder / "metrics.json").read_text())["accuracy"]
    found = evidence(shell.folder, accuracy)
    compare("accuracy as in metrics.json", accuracy, recorded)
    compare("sha256 of model.joblib", found.model, expected.model)
    compare("sha256 of data/train", found.data, expected.data)


def compare(subject: str, found: object, expected: object) -> None:
    """Print that two values are equal; raise `MismatchError` if not."""
    if found != expected:
        raise MismatchError(f"{subject}: {found} is not {expected}")
    print(f"  same {subject}: {found}")


def evidence(folder: Path, accuracy: float) -> Evidence:
    """Take the digests of model and data; a folder's covers its paths and their content."""
    data = folder / "data/train"
    lines = [
        f"{sha256(path.read_bytes())}  {path.relative_to(data).as_posix()}\n"
        for path in sorted(data.rglob("*"))
        if path.is_file()
    ]
    model = sha256((folder / "model.joblib").read_bytes())
    return Evidence(model, sha256("".join(lines).encode()), accuracy)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def prepare_project(folder: Path) -> None:
    """Lay out a small training project, with the first batches of data."""
    shutil.copy(HERE / "train.py", folder)
    set_params(folder, n_estimators=120, max_depth=5)
    export_batches(folder / "data/train", range(1, 4))


def set_params(folder: Path, **params: int) -> None:
    """Write `params.yaml`."""
    lines = [f"{name}: {value}\n" for name, value in {**params, "random_state": 7}.items()]
    (folder / "params.yaml").write_text("".join(lines))


def export_batches(data: Path, numbers: range) -> None:
    """Write batches of scikit-learn's digits as `batch-<number>/<digit>.npy`."""
    digits = load_digits()
    for number in numbers:
        batch = data / f"batch-{number}"
        batch.mkdir(parents=True)
        chosen = np.arange(len(digits.target)) % BATCHES == number - 1
        for digit in range(10):
            images = digits.images[chosen & (digits.target == digit)]
            np.save(batch / f"{digit}.npy", images.astype(np.uint8))


def heading(text: str) -> None:
    """Print the line before a part, bold on a terminal."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
