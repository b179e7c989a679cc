"""What Git holds of a repository of DVC's, at two versions.

Written by DVC 3.67.1 itself: `dvc init`, `dvc add data/train.csv`, `dvc stage add -n train …
-M metrics.json python3 train.py`, `dvc repro`; then another learning rate, and `dvc repro`.
"""

from __future__ import annotations

_TRAIN = """\
import json, pathlib
lr = float([l.split(":")[1] for l in pathlib.Path("params.yaml").read_text().splitlines() if "lr:" in l][0])
pathlib.Path("model.pkl").write_text(f"weights {lr}\\n")
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": round(1 - lr, 4), "eval": {"loss": round(lr * 2, 4)}}))
"""  # noqa: E501 - its digest is in dvc.lock
_LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: python3 train.py
    deps:
    - path: data/train.csv
      hash: md5
      md5: 00f7d50ab4278a7899d7499481c9603a
      size: 8
    - path: train.py
      hash: md5
      md5: 0d3bffab3fa8765a093f617401c9434a
      size: 306
    params:
      params.yaml:
        train.epochs: 5
        train.lr: {lr}
    outs:
    - path: metrics.json
      hash: md5
      md5: {metrics}
      size: {metrics_size}
    - path: model.pkl
      hash: md5
      md5: {model}
      size: {model_size}
"""
_ALWAYS = {
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".dvc/config": "",
    ".dvcignore": (
        "# Add patterns of files dvc should ignore, which could improve\n"
        "# the performance. Learn more at\n"
        "# https://dvc.org/doc/user-guide/dvcignore\n"
    ),
    ".gitignore": "/model.pkl\n",
    "data/.gitignore": "/train.csv\n",
    "data/train.csv.dvc": (
        "outs:\n- md5: 00f7d50ab4278a7899d7499481c9603a\n  size: 8\n  hash: md5\n"
        "  path: train.csv\n"
    ),
    "dvc.yaml": """\
stages:
  train:
    cmd: python3 train.py
    deps:
    - data/train.csv
    - train.py
    params:
    - train.epochs
    - train.lr
    outs:
    - model.pkl
    metrics:
    - metrics.json:
        cache: false
""",
    "train.py": _TRAIN,
}

FIRST = {
    **_ALWAYS,
    "params.yaml": "train:\n  lr: 0.1\n  epochs: 5\nseed: 42\n",
    "metrics.json": '{"accuracy": 0.9, "eval": {"loss": 0.2}}',
    "dvc.lock": _LOCK.format(
        lr="0.1",
        metrics="f428767220f334aa09d326e8b78f6eb1",
        metrics_size=40,
        model="ca716ae7bac16762ba6a0ee393a03481",
        model_size=12,
    ),
}
SECOND = {
    **_ALWAYS,
    "params.yaml": "train:\n  lr: 0.05\n  epochs: 5\nseed: 42\n",
    "metrics.json": '{"accuracy": 0.95, "eval": {"loss": 0.1}}',
    "dvc.lock": _LOCK.format(
        lr="0.05",
        metrics="72d3b6cc143c72d4e3969857dd0a1034",
        metrics_size=41,
        model="6da92abd8d70c800514cbc54e688a7e5",
        model_size=13,
    ),
}
