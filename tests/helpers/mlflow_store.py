"""Makes a store by MLflow itself: `python -m tests.helpers.mlflow_store URI FOLDER`.

In a process of its own, because MLflow keeps state and warns.  Prints the ids of what it made.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

QUIET = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def make_store(uri: str, folder: Path) -> dict[str, str]:
    """Make a store; `folder` is where MLflow runs.  Return the ids, by what they are of."""
    done = ask_mlflow(["-m", "tests.helpers.mlflow_store", uri, str(folder)], folder)
    ids: dict[str, str] = json.loads(done)
    return ids


def ask_mlflow(arguments: list[str], folder: Path) -> str:
    """Run Python where it can import MLflow; return what it prints in its last line."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=folder,
        env={**os.environ, **QUIET, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def _main(uri: str, folder: Path) -> dict[str, str]:
    import mlflow  # noqa: PLC0415 - only this process has it

    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("ranking")
    ids = {"experiment": experiment}
    ids["first"] = _first(client, experiment, folder)
    ids["file"] = _plain(client, experiment, folder, "single", {"weights.bin": b"one file\n"})
    two = {"a.bin": b"a\n", "b.bin": b"b\n"}
    ids["two"] = _plain(client, experiment, folder, "two files", two)
    ids["empty"] = _plain(client, experiment, folder, "no files", {})
    ids["twin"] = _plain(client, experiment, folder, "two files", {})
    ids["deleted"] = _plain(client, experiment, folder, "gone", {"x.bin": b"x\n"})
    client.delete_run(ids["deleted"])
    ids["model"], ids["logged"] = _logged(client, experiment, folder)
    client.create_registered_model("ranker")
    client.create_model_version("ranker", f"runs:/{ids['first']}/model", ids["first"])
    client.create_model_version(
        "ranker", f"models:/{ids['model']}", ids["logged"], model_id=ids["model"]
    )
    client.set_registered_model_alias("ranker", "champion", "1")
    return ids


def _first(client: Any, experiment: str, folder: Path) -> str:
    """A run as one logs it: params of all kinds, metrics with and without steps, a model."""
    tags = {
        "mlflow.source.name": str(folder / "train.py"),
        "mlflow.source.git.commit": COMMIT,
        "team": "fraud",
    }
    id: str = client.create_run(experiment, 1767225600000, tags, "first-try").info.run_id
    params = {"lr": 0.01, "decay": 1e-05, "epochs": 10, "warm": True, "optimizer": "adam"}
    for name, value in {
        **params,
        "layers": [64, 32],
        "cuda": "12.10",
        "note": "two\nlines",
    }.items():
        client.log_param(id, name, value)
    for step, loss in enumerate((0.9, 0.5, 0.3)):
        client.log_metric(id, "loss", loss, 1767225600000 + step, step)
    for step, loss in enumerate((0.8, math.inf, math.nan)):
        client.log_metric(id, "val/loss", loss, 1767225600000 + step, step)
    for step in (-1, 0, 1):
        client.log_metric(id, "warm-up", step, 1767225600000 + step, step)
    client.log_metric(id, "accuracy", 0.93, 1767225600000)
    client.log_metric(id, "accuracy", 0.94, 1767225600001)
    _log_dataset(client, id)
    model = _write(folder, "upload/model", _MODEL)
    client.log_artifacts(id, str(model), "model")
    client.log_artifact(id, str(_write(folder, "upload/plots", {"roc.svg": b"<svg/>"}) / "roc.svg"))
    client.set_terminated(id, "FINISHED", 1767229205000)
    return id


_MODEL = {
    "MLmodel": b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n",
    "model.pkl": b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.",
    "python_env.yaml": b"python: 3.11.2\ndependencies:\n- -r requirements.txt\n",
    "requirements.txt": b"scikit-learn==1.9.1\n",
    "data/vocabulary.txt": b"one\ntwo\n",
}
"""As `log_model` of scikit-learn leaves it; whoever loads the pickle will know."""


def _log_dataset(client: Any, run: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

    source = json.dumps({"uri": "https://user:secret@example.org/queries.csv"})
    dataset = Dataset("queries", "a1b2c3d4", "http", source, "{}", "{}")
    context = [InputTag("mlflow.data.context", "training")]
    client.log_inputs(run, [DatasetInput(dataset, context)])


def _plain(client: Any, experiment: str, folder: Path, name: str, files: dict[str, bytes]) -> str:
    id: str = client.create_run(experiment, run_name=name).info.run_id
    if files:
        client.log_artifacts(id, str(_write(folder, f"upload/{name}", files)))
    client.set_terminated(id)
    return id


def _logged(client: Any, experiment: str, folder: Path) -> tuple[str, str]:
    """A run of MLflow 3, whose model is no artifact of its own; return the ids of both."""
    run = client.create_run(experiment, run_name="with-model").info.run_id
    client.log_param(run, "lr", 0.02)
    client.log_metric(run, "accuracy", 0.95)
    model = client.create_logged_model(
        experiment, "ranker-model", run, params={"depth": "3"}
    ).model_id
    client.log_model_artifacts(model, str(_write(folder, "upload/logged", _MODEL)))
    client.finalize_logged_model(model, "READY")
    client.set_terminated(run)
    return model, run


def _write(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        target = folder / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder / name


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - for `make_store`
