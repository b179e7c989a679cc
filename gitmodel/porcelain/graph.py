"""Drawings of what was made from what: nodes are bytes, edges lead from an input to an output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from gitmodel.lineage import Lineage
from gitmodel.porcelain.ancestry import Ancestry, Place, as_shown

Relation = Literal["input", "part", "whole", "co-committed"]
_ORDER: tuple[Relation, ...] = ("input", "part", "whole", "co-committed")
_LOOSE = _ORDER.index("co-committed")


@dataclass(frozen=True, slots=True)
class Edge:
    """How the bytes `target` depend on the bytes `source`.

    `input`: a run declared it.  `part`: the target is a part of the source.  `whole`: the source
    is a part of the target.  `co-committed`: nobody said so, they were only tracked together.
    """

    source: str
    target: str
    relation: Relation
    role: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """Bytes, by their oid: a path that they had, the places where they are, how they were made."""

    oid: str
    path: str
    places: tuple[Place, ...] = ()
    made: tuple[Lineage, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Part of what was made from what, as seen from the nodes `roots`.

    `down` says whether edges are followed from input to output.  Edges are in the order in which
    they are to be shown: what was declared comes first.
    """

    roots: tuple[str, ...]
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    down: bool

    def children(self) -> dict[str, list[tuple[Edge, str]]]:
        """Return what hangs below each node: the edge, and the node at its other end."""
        found: dict[str, list[tuple[Edge, str]]] = {}
        for edge in self.edges:
            near, far = (edge.source, edge.target) if self.down else (edge.target, edge.source)
            found.setdefault(near, []).append((edge, far))
        return found


class Links:
    """All edges that lineages tell of, by either end."""

    def __init__(self, ancestry: Ancestry) -> None:
        self.ancestry = ancestry
        self._up: dict[str, dict[str, Edge]] = {}
        self._down: dict[str, dict[str, Edge]] = {}
        self._paths: dict[str, str] = {}
        for oid, lineages in ancestry.made.items():
            for lineage in lineages:
                self._add_all(oid, lineage)

    def into(self, oid: str) -> list[Edge]:
        """Return the edges that end at a node."""
        return _sorted(self._up.get(oid, {}).values())

    def out_of(self, oid: str) -> list[Edge]:
        """Return the edges that begin at a node."""
        return _sorted(self._down.get(oid, {}).values())

    def path(self, oid: str) -> str:
        """Return a path that the bytes had; empty if nothing tells of them."""
        places = self.ancestry.places.get(oid)
        return places[0].path if places else self._paths.get(oid, "")

    def node(self, oid: str, path: str = "") -> Node:
        """Return what is known of the bytes."""
        places = tuple(self.ancestry.places.get(oid, ()))
        made = tuple(as_shown(each) for each in self.ancestry.made.get(oid, ()))
        return Node(oid, path or self.path(oid), places, made)

    def reached(self, oids: Iterable[str], *, down: bool) -> set[str]:
        """Return the nodes that can be reached from some, these too."""
        follow = self.out_of if down else self.into
        return {*oids, *(end for edge in walk(oids, follow) for end in (edge.source, edge.target))}

    def _add_all(self, oid: str, lineage: Lineage) -> None:
        for output in lineage.outputs:
            self._paths.setdefault(output.oid, output.path)
        for each in lineage.inputs:
            self._paths.setdefault(each.oid, each.path)
            relation: Relation = "input" if each.declared else "co-committed"
            self._add(Edge(each.oid, oid, relation, each.role))
            if each.within:
                self._add(Edge(each.within, each.oid, "part"))

    def _add(self, edge: Edge) -> None:
        known = self._up.get(edge.target, {}).get(edge.source)
        # What is made from itself would only be drawn as a loop.
        if edge.source == edge.target or (known and _rank(known) <= _rank(edge)):
            return
        self._up.setdefault(edge.target, {})[edge.source] = edge
        self._down.setdefault(edge.source, {})[edge.target] = edge


def walk(roots: Iterable[str], follow: Callable[[str], list[Edge]]) -> Iterator[Edge]:
    """Yield each edge that can be reached once; cycles and long chains are no trouble."""
    pending = [*dict.fromkeys(roots)]
    seen = set(pending)
    for oid in pending:
        for edge in follow(oid):
            yield edge
            far = edge.target if edge.source == oid else edge.source
            # What is only tracked together leads nowhere: all would hang together.
            if far not in seen and edge.relation != "co-committed":
                seen.add(far)
                pending.append(far)


def graph_of(links: Links, roots: Mapping[str, str], edges: Iterable[Edge], *, down: bool) -> Graph:
    """Return the nodes of some edges, and the roots, which have the paths that are given."""
    kept = tuple(dict.fromkeys(edges))
    # A root that hangs below another need not be drawn twice; in a cycle, all of them do.
    below = {edge.target if down else edge.source for edge in kept if _rank(edge) < _LOOSE}
    tops = tuple(oid for oid in roots if oid not in below) or tuple(roots)
    oids = dict.fromkeys((*roots, *(end for edge in kept for end in (edge.source, edge.target))))
    nodes = {oid: links.node(oid, roots.get(oid, "")) for oid in oids}
    return Graph(tops, nodes, tuple(_sorted(kept)), down)


def _rank(edge: Edge) -> int:
    return _ORDER.index(edge.relation)


def _sorted(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=_rank)
