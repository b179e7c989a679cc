"""Train a digit classifier on `data/train` as `params.yaml` says, or evaluate `model.joblib`.

Training writes `model.joblib` and `metrics.json`; `--evaluate` prints the accuracy of the model.
"""

import argparse
import json
from pathlib import Path

import joblib
import numpy as np
import yaml
from sklearn.ensemble import RandomForestClassifier

DATA = Path("data/train")
MODEL = Path("model.joblib")
METRICS = Path("metrics.json")
# Every fifth image of each file is held out.
HELD_OUT = 5


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Train or evaluate the digit classifier.")
    parser.add_argument("--evaluate", action="store_true", help="only measure model.joblib")
    if parser.parse_args().evaluate:
        print(f"accuracy {accuracy(joblib.load(MODEL))}")
    else:
        train(yaml.safe_load(Path("params.yaml").read_text()))


def train(params: dict[str, int]) -> None:
    """Fit a model; write it and its metrics."""
    images, labels = load(held_out=False)
    model = RandomForestClassifier(**params).fit(images, labels)
    joblib.dump(model, MODEL)
    metrics = {"accuracy": accuracy(model), "train_images": len(labels)}
    METRICS.write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"trained on {len(labels)} images, accuracy {metrics['accuracy']}")


def accuracy(model: RandomForestClassifier) -> float:
    """Return the share of held-out images that the model reads correctly."""
    images, labels = load(held_out=True)
    return round(float(model.score(images, labels)), 4)


def load(*, held_out: bool) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and labels of one side of the split; `<digit>.npy` holds many images."""
    images, labels = [], []
    for path in sorted(DATA.rglob("*.npy")):
        batch = np.load(path)
        chosen = (np.arange(len(batch)) % HELD_OUT == 0) == held_out
        images.append(batch[chosen].reshape(-1, 64))
        labels.append(np.full(chosen.sum(), int(path.stem)))
    return np.concatenate(images), np.concatenate(labels)


if __name__ == "__main__":
    main()
