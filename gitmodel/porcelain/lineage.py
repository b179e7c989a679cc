"""What a version was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitmodel.digest import parse_oid
from gitmodel.errors import IntegrityError, UsageError
from gitmodel.history import History
from gitmodel.porcelain.ancestry import Ancestry, read_ancestry
from gitmodel.porcelain.graph import Edge, Graph, Links, graph_of, walk
from gitmodel.porcelain.resolve import Resolved, find_name, resolve
from gitmodel.reference import split_reference
from gitmodel.snapshot import name_of


@dataclass(frozen=True, slots=True)
class Traced:
    """A drawing, what it is of, and what could not be read for it."""

    label: str
    commit: str
    graph: Graph
    problems: tuple[str, ...]


def lineage(history: History, text: str) -> Traced:
    """Return what a version, or the bytes of an oid, were made from, and that from what.

    An artifact without a version is what HEAD has.  Raises `UsageError` if there is none.
    """
    if is_oid(text):
        ancestry = read_ancestry(history)
        links = Links(ancestry)
        if not links.path(text):
            raise UsageError(f"no version or branch has {text!r}", hint="gitmodel versions")
        return Traced(text, "", _upwards(links, {text: links.path(text)}, {}), ancestry.problems)
    found = find_version(history, text)
    ancestry = read_ancestry(history, found.commit)
    roots = artifacts_of(history, ancestry, found)
    graph = _upwards(Links(ancestry.as_of(found.commit)), roots, ancestry.commits[found.commit])
    return Traced(found.label, found.commit, graph, ancestry.problems)


def find_version(history: History, text: str) -> Resolved:
    """Return what a reference means; an artifact that has no version yet is that of HEAD."""
    try:
        return resolve(history, text)
    except UsageError:
        name = find_name(history, text)
        if not name or split_reference(text)[0]:
            raise
        return resolve(history, "HEAD", name)


def artifacts_of(history: History, ancestry: Ancestry, found: Resolved) -> dict[str, str]:
    """Return the artifacts of a version: oid to path.  Raises `UsageError` if there are none."""
    names = history.config.artifacts
    there = ancestry.commits[found.commit]
    wanted = {
        oid: path
        for path, oid in there.items()
        if not found.name or name_of(path, names) == found.name
    }
    if not wanted:
        what = f"an artifact named {found.name!r}" if found.name else "any artifact"
        raise UsageError(f"{found.label!r} does not have {what}", hint="gitmodel versions")
    return wanted


def is_oid(text: str) -> bool:
    """Return whether a text is an oid."""
    try:
        parse_oid(text)
    except IntegrityError:
        return False
    return True


def _upwards(links: Links, roots: Mapping[str, str], there: Mapping[str, str]) -> Graph:
    edges = [*walk(roots, links.into)]
    if len(roots) == 1:
        edges += _together(links, next(iter(roots)), there)
    return graph_of(links, roots, edges, down=False)


def _together(links: Links, root: str, there: Mapping[str, str]) -> Iterator[Edge]:
    """Yield edges from what was committed together with a root, unless more is known of it."""
    known = links.reached([root], down=False) | links.reached([root], down=True)
    for oid in there.values():
        if oid not in known:
            yield Edge(oid, root, "co-committed")
