"""Five versions of one model on a folder remote: time and bytes, beside hf-xet's."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import data
from harness import MIB, Bench, Command, Samples, remove, tree_bytes
from report import Report, Table, Target
from run import main
from tools import Gitmodel, commit, find_tools, new_repository

SIZE = 512 * MIB
NAME = "model.safetensors"
XET = "hf-xet"
XET_SCRIPT = Path(__file__).with_name("xet_store.py")
# What hf-xet's server would keep; beside it lie the client's cache and a look-up database.
XET_STORED = ("xet/xorbs/xorbs", "xet/xorbs/shards")


@dataclass(frozen=True, slots=True)
class Store:
    """A way to store versions: a tool's name and the bytes it added to its remote, by version."""

    name: str
    grown: dict[str, list[int]]

    def bytes(self, label: str) -> float:
        """Median growth of the remote."""
        return median(self.grown[label])

    def total(self) -> float:
        """Growth over all versions."""
        return sum(median(sizes) for sizes in self.grown.values())


def run(bench: Bench) -> Report:
    """Store all five versions one after the other, with each tool in turn."""
    field, samples = find_tools(bench), Samples()
    models = data.model_versions(bench.count(SIZE, least=MIB))
    source = bench.folder()
    for number, model in enumerate(models):
        bench.generate(data.write_model, source / str(number), model)
    has_xet = XET not in bench.options.skip and importlib.util.find_spec("hf_xet") is not None
    names = [*(["gitmodel"] if field.gitmodel else []), *([XET] if has_xet else [])]
    stores = {name: Store(name, {model.label: [] for model in models}) for name in names}
    for turn in bench.turns(names):
        for name in turn:
            if field.gitmodel is not None and name == field.gitmodel.name:
                _gitmodel(bench, samples, field.gitmodel, stores[name], source)
            else:
                _xet(bench, samples, stores[name], source)
    notes = [note for note in field.notes if note.startswith("gitmodel")]
    notes += [] if has_xet else ["hf-xet: left out, not installed or not asked for"]
    return Report(
        f"Five versions of a model of {models[0].new_bytes / MIB:,.0f} MiB",
        (_table(models, samples, stores),),
        _targets(models, stores),
        tuple(notes),
    )


def _gitmodel(bench: Bench, samples: Samples, tool: Gitmodel, store: Store, source: Path) -> None:
    trial = bench.folder()
    repository, remote = trial / "repo", trial / "remote"
    new_repository(bench, tool, repository)
    bench.call(repository, *tool.remote_add("../remote"))
    for number, label in enumerate(store.grown):
        before = tree_bytes(remote)
        bench.call(trial, ["cp", source / str(number), repository / NAME])
        samples.add(tool.name, f"add {label}", bench.timed(repository, *tool.add(NAME)))
        commit(bench, repository, label)
        samples.add(tool.name, label, bench.timed(repository, *tool.push()))
        store.grown[label].append(tree_bytes(remote) - before)
    remove(trial)


def _xet(bench: Bench, samples: Samples, store: Store, source: Path) -> None:
    folder = bench.folder()
    for number, label in enumerate(store.grown):
        before = sum(tree_bytes(folder / part) for part in XET_STORED)
        command: Command = [sys.executable, XET_SCRIPT, folder, source / str(number)]
        samples.add(store.name, label, bench.timed(folder, command))
        after = sum(tree_bytes(folder / part) for part in XET_STORED)
        store.grown[label].append(after - before)
    remove(folder)


def _table(models: list[data.Model], samples: Samples, stores: dict[str, Store]) -> Table:
    headers = ["", "new bytes"]
    headers += ["add"] if "gitmodel" in stores else []
    for name in stores:
        headers += [f"{name}: {'push' if name == 'gitmodel' else 'store'}", "remote grew"]
    rows = [_row(model, samples, stores) for model in models]
    rows.append(_total_row(models, samples, stores))
    return Table(tuple(headers), tuple(rows))


def _row(model: data.Model, samples: Samples, stores: dict[str, Store]) -> tuple[str, ...]:
    cells = [model.label, _megabytes(model.new_bytes)]
    cells += [samples.cell("gitmodel", f"add {model.label}")] if "gitmodel" in stores else []
    for store in stores.values():
        cells += [samples.cell(store.name, model.label), _megabytes(store.bytes(model.label))]
    return tuple(cells)


def _total_row(
    models: list[data.Model], samples: Samples, stores: dict[str, Store]
) -> tuple[str, ...]:
    labels = [model.label for model in models]
    cells = ["all five", _megabytes(sum(model.new_bytes for model in models))]
    if "gitmodel" in stores:
        added = sum(samples.seconds("gitmodel", f"add {label}") for label in labels)
        cells.append(f"{added:.3f} s")
    for store in stores.values():
        seconds = sum(samples.seconds(store.name, label) for label in labels)
        cells += [f"{seconds:.3f} s", _megabytes(store.total())]
    return tuple(cells)


def _targets(models: list[data.Model], stores: dict[str, Store]) -> tuple[Target, ...]:
    store = stores.get("gitmodel")
    if store is None:
        return ()
    new = sum(model.new_bytes for model in models)
    targets = [
        Target(
            "all five on the remote, 1.05 x new bytes", store.total() / 1e6, 1.05 * new / 1e6, "MB"
        ),
        Target("header insertion", store.bytes(models[2].label) / MIB, 8, "MiB"),
    ]
    if XET in stores:
        limit = stores[XET].total() / 1e6
        targets.append(Target("all five on the remote, hf-xet", store.total() / 1e6, limit, "MB"))
    return tuple(targets)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.2f} MB"


if __name__ == "__main__":
    main("model_versions")
