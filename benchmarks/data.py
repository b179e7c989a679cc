"""Inputs: random files, folders of small files, safetensors files, weights.

Everything is written in blocks of a few MiB. The functions are called through
``Bench.generate``, in a process of their own.
"""

import json
import os
import random
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

BLOCK = 8 << 20
SMALL_FILE_BYTES = (2_000, 20_000)


def random_file(path: Path, size: int) -> None:
    """Write ``size`` incompressible bytes."""
    with path.open("wb") as file:
        for start in range(0, size, BLOCK):
            file.write(os.urandom(min(BLOCK, size - start)))


def small_files(folder: Path, count: int, folders: int = 100) -> None:
    """Write ``count`` random files of 2-20 KB, spread evenly over ``folders`` folders."""
    sizes = random.Random(1)
    for number in range(folders):
        (folder / f"{number:03d}").mkdir(parents=True)
    for number in range(count):
        path = folder / f"{number % folders:03d}" / f"sample-{number:06d}.bin"
        path.write_bytes(os.urandom(sizes.randint(*SMALL_FILE_BYTES)))


def change_small_files(folder: Path, share: float) -> None:
    """Rewrite a share of the files and add as many new ones, in place."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = random.Random(2)
    for path in sizes.sample(paths, max(1, round(len(paths) * share))):
        path.write_bytes(os.urandom(sizes.randint(*SMALL_FILE_BYTES)))
        new = path.with_name(f"new-{path.name}")
        new.write_bytes(os.urandom(sizes.randint(*SMALL_FILE_BYTES)))


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a generated model; ``seed`` decides its bytes, so versions can share them."""

    name: str
    size: int
    seed: int


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a generated model and how many of its bytes no earlier version had."""

    label: str
    tensors: tuple[Tensor, ...]
    metadata: str
    new_bytes: int


def model_versions(size: int) -> list[Model]:
    """Plan five versions of a model of about ``size`` bytes with 200 tensors.

    The changed tensors lie scattered over the file, as they do after fine-tuning.
    """
    pick = random.Random(3)
    first = tuple(_layers(size, range(40)))
    second = _changed(first, pick.sample(range(len(first)), len(first) // 20), 1000)
    grown = tuple(_layers(sum(t.size for t in first) // 10, range(40, 44)))
    fourth = second + grown
    fifth = _changed(fourth, pick.sample(range(len(fourth)), len(fourth) // 3), 2000)
    return [
        Model("v1, original", first, "", sum(t.size for t in first)),
        Model("v2, 5 % of the tensors changed", second, "", _difference(first, second)),
        Model("v3, header grown by 1 KB", second, "x" * 1024, 1024),
        Model("v4, 10 % appended", fourth, "x" * 1024, _difference(second, fourth)),
        Model("v5, a third of the tensors changed", fifth, "x" * 1024, _difference(fourth, fifth)),
    ]


def write_model(path: Path, model: Model) -> None:
    """Write a model as a safetensors file (little-endian length, JSON header, tensor bytes)."""
    header: dict[str, object] = {"__metadata__": {"format": "pt", "note": model.metadata}}
    offset = 0
    for tensor in model.tensors:
        end = offset + tensor.size
        header[tensor.name] = {
            "dtype": "BF16",
            "shape": [tensor.size // 2],
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in model.tensors:
            file.write(random.Random(tensor.seed).randbytes(tensor.size))


def bf16_weights(path: Path, size: int) -> None:
    """Write normally distributed weights (sigma 0.02) as bfloat16, rounded to nearest."""
    import numpy as np  # the one optional dependency, and only in this process

    values = np.random.default_rng(4)
    with path.open("wb") as file:
        for start in range(0, size, BLOCK):
            count = min(BLOCK, size - start) // 2
            bits = values.normal(0, 0.02, count).astype(np.float32).view(np.uint32)
            file.write(((bits + 0x8000) >> 16).astype(np.uint16).tobytes())


def fp32_weights(path: Path, size: int) -> None:
    """Write normally distributed weights (sigma 0.02) as float32."""
    import numpy as np  # the one optional dependency, and only in this process

    values = np.random.default_rng(5)
    with path.open("wb") as file:
        for start in range(0, size, BLOCK):
            count = min(BLOCK, size - start) // 4
            file.write(values.normal(0, 0.02, count).astype(np.float32).tobytes())


def _layers(size: int, numbers: range) -> Iterable[Tensor]:
    """Split ``size`` over layers of four matrices and a small norm each."""
    parts = {"attn.qkv": 3, "attn.out": 1, "mlp.up": 4, "mlp.down": 4}
    unit = max(2, size // (len(numbers) * sum(parts.values())) // 2 * 2)
    for number in numbers:
        for place, (name, share) in enumerate(parts.items()):
            yield Tensor(f"model.layers.{number}.{name}", unit * share, number * 5 + place)
        yield Tensor(f"model.layers.{number}.norm", 8192, number * 5 + len(parts))


def _changed(tensors: tuple[Tensor, ...], places: Iterable[int], seed: int) -> tuple[Tensor, ...]:
    chosen = set(places)
    return tuple(
        replace(tensor, seed=seed + place) if place in chosen else tensor
        for place, tensor in enumerate(tensors)
    )


def _difference(old: tuple[Tensor, ...], new: tuple[Tensor, ...]) -> int:
    return sum(tensor.size for tensor in set(new) - set(old))


def tagged_versions(repository: Path, count: int) -> None:
    """Make a repository with so many tagged commits, each with metrics and params as DVC keeps.

    Tags are v0.0, v0.1 and on, annotated; packed as a clone's are.
    """
    subprocess.run(["git", "init", "-q", "-b", "main", repository], check=True)
    stream = b"".join(_tagged(number) for number in range(count))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream, check=True)
    for command in (["pack-refs", "--all"], ["reset", "-q", "--hard"]):
        subprocess.run(["git", *command], cwd=repository, check=True)


def _tagged(number: int) -> bytes:
    """Return a commit and its tag, for `git fast-import`."""
    metrics = {"accuracy": number / 10_000, "loss": 1 / (number + 1), "eval": {"f1": 0.5}}
    params = f"train:\n  lr: 0.{number + 1}\n  epochs: {number}\noptimizer: adam\n"
    files = {"metrics.json": json.dumps(metrics), "params.yaml": params}
    if number == 0:
        files |= {".dvc/config": "", "dvc.yaml": "metrics:\n- metrics.json\n"}
        files |= {f"src/{name}.py": f"print({name})\n" for name in range(50)}
    who = f"A <a@example.com> {1_700_000_000 + number * 3600} +0000"
    commit = [f"commit refs/heads/main\ncommitter {who}\n{_data(f'commit {number}')}"]
    commit += [f"M 100644 inline {path}\n{_data(text)}" for path, text in files.items()]
    tag = f"\ntag v0.{number}\nfrom refs/heads/main\ntagger {who}\n{_data(f'version {number}')}"
    return "".join([*commit, tag]).encode()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
