"""What was made from something, over all versions."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitmodel.errors import UsageError
from gitmodel.history import History
from gitmodel.lineage import Lineage
from gitmodel.manifest import MAX_BYTES, find_entries
from gitmodel.paths import POINTER_SUFFIX, parents
from gitmodel.porcelain.ancestry import Ancestry, Place, read_ancestry
from gitmodel.porcelain.graph import Edge, Graph, Links, graph_of, walk
from gitmodel.porcelain.lineage import artifacts_of, find_version, is_oid
from gitmodel.project import Project
from gitmodel.snapshot import name_of


@dataclass(frozen=True, slots=True)
class Impact:
    """What was made from something.

    `unread` are datasets that may hold the file that was asked for, but whose manifests are not
    in the cache.
    """

    label: str
    graph: Graph
    unread: tuple[Place, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A file in datasets: the oids that it has to its path, and the edges to the datasets."""

    roots: Mapping[str, str]
    edges: tuple[Edge, ...]
    unread: tuple[Place, ...]


def impact(project: Project, history: History, text: str, file: str = "") -> Impact:
    """Return what was made from an artifact, a file in one, a version, or an oid.

    A path, or the name of an artifact, stands for all that it ever was in a version or branch.
    `file` is the oid, or the path, of a file in the datasets that `text` names, or in all.
    Raises `UsageError` if nothing is meant.
    """
    ancestry = read_ancestry(history)
    links = Links(ancestry)
    if file:
        datasets = _roots(history, ancestry, text) if text else dict.fromkeys(ancestry.pointers, "")
        if not datasets:
            raise _unknown(text)
        return _of_file(project, links, file, datasets)
    if roots := _roots(history, ancestry, text):
        return Impact(text, _downwards(links, roots), (), ancestry.problems)
    if is_oid(text):
        if path := links.path(text):
            return Impact(text, _downwards(links, {text: path}), (), ancestry.problems)
        return _of_file(project, links, text, dict.fromkeys(ancestry.pointers, ""))
    return _of_path(project, links, _plain(text))


def _roots(history: History, ancestry: Ancestry, text: str) -> dict[str, str]:
    """Return the artifacts that are meant: oid to path; none for something inside one."""
    plain = _plain(text)
    names = history.config.artifacts
    if is_oid(text):
        return {text: ancestry.places[text][0].path} if text in ancestry.places else {}
    everything = {
        oid: place.path
        for oid, places in ancestry.places.items()
        for place in places
        if plain in (place.path, name_of(place.path, names))
    }
    if everything or _owners(ancestry, plain):
        return everything
    if plain_files := _inputs_at(ancestry, plain):
        return plain_files
    found = find_version(history, text)
    if found.commit not in ancestry.commits:
        ancestry = read_ancestry(history, found.commit)
    return artifacts_of(history, ancestry, found)


def _inputs_at(ancestry: Ancestry, path: str) -> dict[str, str]:
    """Return what runs used from a path that is no artifact's, such as a file of Git's own."""
    lineages = (lineage for made in ancestry.made.values() for lineage in made)
    return {each.oid: path for made in lineages for each in made.inputs if each.path == path}


def _plain(text: str) -> str:
    return posixpath.normpath(text).removesuffix(POINTER_SUFFIX)


def _owners(ancestry: Ancestry, path: str) -> dict[str, str]:
    """Return the artifacts, over all versions, that a path leads into: oid to their path."""
    above = set(parents(path))
    return {
        oid: place.path
        for oid, places in ancestry.places.items()
        for place in places
        if place.path in above
    }


def _downwards(links: Links, roots: Mapping[str, str]) -> Graph:
    edges = [*walk(roots, links.out_of)]
    known = links.reached(roots, down=True) | links.reached(roots, down=False)
    # Of these it is known what they were made from.
    known |= {oid for oid, made in links.ancestry.made.items() if any(map(_declares, made))}
    for root in roots:
        edges += _together(links.ancestry, root, known)
    return graph_of(links, roots, edges, down=True)


def _declares(made: Lineage) -> bool:
    return any(each.declared for each in made.inputs)


def _together(ancestry: Ancestry, root: str, known: set[str]) -> Iterator[Edge]:
    for commit in dict.fromkeys(place.commit for place in ancestry.places.get(root, ())):
        for oid in ancestry.commits[commit].values():
            if oid not in known:
                yield Edge(root, oid, "co-committed")


def _of_path(project: Project, links: Links, path: str) -> Impact:
    owners = _owners(links.ancestry, path)
    found = _search(project, links, owners, inside=path)
    return _traced(links, path, found)


def _of_file(project: Project, links: Links, file: str, datasets: Mapping[str, str]) -> Impact:
    if is_oid(file):
        found = _search(project, links, datasets, oid=file)
    else:
        found = _search(project, links, datasets, inside=_plain(file))
    return _traced(links, file, found)


def _search(
    project: Project, links: Links, datasets: Mapping[str, str], *, oid: str = "", inside: str = ""
) -> _Found:
    """Look for a file in the manifests of datasets, those that are in the cache."""
    roots: dict[str, str] = {}
    edges: list[Edge] = []
    unread: list[Place] = []
    here = project.cache.present(datasets)
    for dataset in datasets:
        pointer = links.ancestry.pointers.get(dataset)
        place = links.ancestry.places[dataset][0]
        if pointer is None or pointer.kind != "tree":
            continue
        if dataset not in here:
            unread.append(place)
            continue
        data = project.cache.read(dataset, limit=MAX_BYTES)
        path = inside.removeprefix(f"{place.path}/")
        for entry in find_entries(data, oid=oid, path=path):
            roots.setdefault(entry.oid, f"{place.path}/{entry.path}")
            edges.append(Edge(entry.oid, dataset, "whole"))
    if oid and links.path(oid):
        roots.setdefault(oid, links.path(oid))
    return _Found(roots, tuple(edges), tuple(unread))


def _traced(links: Links, label: str, found: _Found) -> Impact:
    if not found.roots and not found.unread:
        raise _unknown(label)
    datasets = [edge.target for edge in found.edges]
    paths = {*found.roots.values()}

    def follow(oid: str) -> list[Edge]:
        # Other parts of a dataset have nothing to do with this one.
        edges = links.out_of(oid)
        return [edge for edge in edges if edge.relation != "part" or _holds(links, edge, paths)]

    edges = [*found.edges, *walk([*found.roots, *datasets], follow)]
    graph = graph_of(links, found.roots, edges, down=True)
    return Impact(label, graph, found.unread, links.ancestry.problems)


def _holds(links: Links, edge: Edge, paths: set[str]) -> bool:
    """Return whether a part of a dataset is a folder with one of the files in it."""
    folder = links.path(edge.target)
    return any(path.startswith(f"{folder}/") for path in paths)


def _unknown(text: str) -> UsageError:
    return UsageError(f"no version or branch has {text!r}", hint="gitmodel versions")
