"""What somebody means who names a run or a model of MLflow's, and where its artifact lies."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gitmodel.errors import GitmodelError, UsageError
from gitmodel.hints import also, command, note
from gitmodel.mlflow.database import Database
from gitmodel.mlflow.facts import MODEL_ID, MODELS, Head, Model, Run, Store, Version
from gitmodel.mlflow.files import FileStore
from gitmodel.mlflow.place import Place, Spot, locate
from gitmodel.paths import check_path
from gitmodel.worktree.opening import look, open_folder

_RUNS = "runs:/"
_LEAST = 4
"""Characters of a run's id that are enough to mean it."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be taken: an artifact, and the run or logged model that it is of.

    `label` names it to a reader, `name` is what the artifact is called there; `others` are what
    else the run has, as one would name it.
    """

    label: str
    name: str
    spot: Spot
    run: Run | None
    model: Model | None = None
    version: Version | None = None
    others: tuple[str, ...] = ()


def open_store(place: Place) -> Store:
    """Return the reader of a store; the caller closes it."""
    return Database(place) if place.database else FileStore(place)


def find_source(store: Store, place: Place, text: str) -> Source:
    """Return what a reference means.

    It is a run by id, the beginning of one, or name; `NAME`, `NAME/VERSION` or `NAME@ALIAS` of a
    registered model; or a URI of `runs:` or `models:`.  Raises `UsageError` if it means nothing,
    several, or what was deleted.
    """
    return _Finder(store, place).find(text)


class _Finder:
    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place

    def find(self, text: str) -> Source:
        if text.startswith(_RUNS):
            id, _, path = text.removeprefix(_RUNS).strip("/").partition("/")
            return self._of_run(self._run(id), path)
        if text.startswith(MODELS):
            return self._of_reference(text.removeprefix(MODELS).strip("/"))
        if run := self._store.run(text):
            return self._of_run(_alive(run), "")
        return self._of_name(text)

    def _of_name(self, text: str) -> Source:
        """Return what a name means that is no id."""
        heads = list(self._store.heads())
        runs = [head for head in heads if text and head.name == text]
        model = bool(MODEL_ID.fullmatch(text)) or self._split(text)[0] in self._store.names()
        if not runs and not model and len(text) >= _LEAST:
            runs = [head for head in heads if head.id.startswith(text)]
        alive = [head for head in runs if not head.deleted]
        if len(alive) + model > 1:
            raise _several(text, alive, model=model)
        if model:
            return self._of_reference(text)
        if not alive and not runs:
            raise self._unknown(text, heads)
        return self._of_run(self._run((alive or runs)[0].id), "")

    def _run(self, id: str) -> Run:
        if run := self._store.run(id):
            return _alive(run)
        raise self._unknown(id, list(self._store.heads()))

    def _of_reference(self, text: str) -> Source:
        """Return what stands behind `models:/`."""
        if MODEL_ID.fullmatch(text):
            return self._of_model(self._model(text))
        name, wanted = self._split(text)
        version = self._version(name, wanted)
        label = f"{name}/{version.number}"
        run = self._store.run(version.run) if version.run else None
        if id := version.model:
            model = self._model(id)
            run = run or self._store.run(model.run)
            return Source(label, name, self._spot_of(model), run, model, version)
        return Source(label, name, self._spot_at(version, run), run, None, version)

    def _split(self, text: str) -> tuple[str, str]:
        """Return the name of a registered model, and what it says of the version."""
        if text in self._store.names():
            return text, ""
        name, at, alias = text.rpartition("@")
        if at:
            return name, f"@{alias}"
        name, slash, version = text.rpartition("/")
        return (name, version) if slash else (text, "")

    def _version(self, name: str, wanted: str) -> Version:
        versions = self._store.versions(name)
        if not versions:
            raise self._unknown(name, list(self._store.heads()))
        if wanted.startswith("@"):
            number = self._store.aliases(name).get(wanted[1:], 0)
            found = [version for version in versions if version.number == number]
        elif wanted.isdecimal():
            found = [version for version in versions if str(version.number) == wanted]
        elif wanted in ("", "latest"):
            found = versions
        else:
            found = [version for version in versions if version.stage.lower() == wanted.lower()]
        if found:
            return found[-1]
        there = [str(version.number) for version in versions]
        raise UsageError(
            f"{name!r} has no version {wanted!r}",
            hint=note("its versions are {}: {}", there, f"{name}/NUMBER"),
        )

    def _model(self, id: str) -> Model:
        model = self._store.model(id)
        if model is None or model.deleted:
            why = "was deleted" if model else "is not there"
            raise UsageError(f"the logged model {id!r} {why}", hint="name another model or a run")
        return model

    def _of_model(self, model: Model) -> Source:
        run = self._store.run(model.run)
        return Source(f"{MODELS}{model.id}", model.name, self._spot_of(model), run, model)

    def _spot_of(self, model: Model) -> Spot:
        usual = f"{model.experiment}/models/{model.id}/artifacts"
        return locate(self._place, model.artifacts, usual)

    def _spot_at(self, version: Version, run: Run | None) -> Spot:
        """Return where a version lies that is no logged model: in a run, or somewhere else."""
        source = version.source
        if source.startswith(_RUNS):
            id, _, path = source.removeprefix(_RUNS).strip("/").partition("/")
            # A version stays when its run is deleted, and so do its artifacts.
            owner = self._store.run(id) or self._run(id)
            return _below(self._artifacts(owner), path)
        id = run.head.id if run else ""
        _, inside, path = source.rpartition(f"/{id}/")
        # What the end of an address means that says where the store once was.
        usual = f"{run.head.experiment}/{id}/{path}" if run and inside else ""
        return locate(self._place, source, usual)

    def _artifacts(self, run: Run) -> Spot:
        usual = f"{run.head.experiment}/{run.head.id}/artifacts"
        return locate(self._place, run.artifacts, usual)

    def _of_run(self, run: Run, path: str) -> Source:
        label = run.head.name or run.head.id
        models = [model for model in self._store.models_of(run.head) if not model.deleted]
        found = {model.name: (self._spot_of(model), model) for model in models}
        plain = self._plain(run, needed=not models)
        choices: dict[str, tuple[Spot, Model | None]] = {**plain, **found}
        if len(found) < len(models) and (not path or path in found):
            raise _many(run, [f"{MODELS}{model.id}" for model in models])
        name = path or _choose(run, choices)
        if name not in choices:
            choices[name] = (_below(self._artifacts(run), name), None)
        spot, model = choices.pop(name)
        others = tuple(f"{_RUNS}{run.head.id}/{other}" for other in choices)
        return Source(label, name.rpartition("/")[2], spot, run, model, None, others)

    def _plain(self, run: Run, *, needed: bool) -> dict[str, tuple[Spot, Model | None]]:
        """Return what lies in the folder of a run, each with no logged model."""
        try:
            top = self._artifacts(run)
        except GitmodelError:
            # A run that has logged models often has no folder, and then none that could be found.
            if needed:
                raise
            return {}
        with suppress(FileNotFoundError), open_folder(top.root, top.path) as fd:
            spots = [Spot(top.root, f"{top.path}/{name}") for name in sorted(os.listdir(fd))]
            return {spot.path[len(top.path) + 1 :]: (spot, None) for spot in spots}
        return {}

    def _unknown(self, text: str, heads: Sequence[Head]) -> UsageError:
        runs = [
            note("{} ({})", head.name or "-", head.id[:8]) for head in heads if not head.deleted
        ]
        models, more = self._store.names(), [note("…")] if len(runs) > _SHOWN else []
        models_hint = note("models {}", models[:_SHOWN]) if models else ""
        runs_hint = note("runs {}", [*runs[:_SHOWN], *more]) if runs else ""
        there = also(models_hint, runs_hint)
        return UsageError(
            f"{text!r} is neither a run nor a registered model in {str(self._place.path)!r}",
            hint=note("there are {}", there) if there else "--store names another store",
        )


def _alive(run: Run) -> Run:
    if run.head.deleted:
        raise UsageError(
            f"the run {run.head.id!r} was deleted",
            hint=command("mlflow runs restore --run-id {}", run.head.id),
        )
    return run


def _below(spot: Spot, path: str) -> Spot:
    check_path(path)
    below = Spot(spot.root, f"{spot.path}/{path}")
    if look(below.root, below.path) is None:
        raise UsageError(
            f"there is no artifact {path!r} in the run",
            hint=command("ls {}", str(below.root / spot.path)),
        )
    return below


def _choose(run: Run, choices: dict[str, tuple[Spot, Model | None]]) -> str:
    """Return the one artifact that is a model, or the only one."""
    models = [name for name, (spot, model) in choices.items() if model or _is_model(spot)]
    chosen = models or list(choices)
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise UsageError(
            f"the run {run.head.name or run.head.id!r} has no artifacts", hint="name another run"
        )
    raise _many(run, [f"{_RUNS}{run.head.id}/{name}" for name in chosen])


def _is_model(spot: Spot) -> bool:
    there = look(spot.root, spot.path)
    folder = there is not None and stat.S_ISDIR(there.st_mode)
    return folder and look(spot.root, f"{spot.path}/MLmodel") is not None


def _many(run: Run, names: Sequence[str]) -> UsageError:
    return UsageError(
        f"the run {run.head.name or run.head.id!r} has {len(names)} artifacts",
        hint=note("name one: {}", names[:_SHOWN]),
    )


def _several(text: str, runs: Sequence[Head], *, model: bool) -> UsageError:
    means = [f"{MODELS}{text}"] * model + [f"{_RUNS}{head.id}" for head in runs]
    return UsageError(
        f"{text!r} may be several things",
        hint=note("name one: {}", means[:_SHOWN]),
    )


def _shown(text: str) -> str:
    """Return a text of a stranger's as it may be printed."""
    return text if text.isprintable() else repr(text)
