"""Drawings of what was made from what: as a tree, for Mermaid and for Graphviz."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from gitmodel.cli.printer import style
from gitmodel.porcelain.ancestry import Place
from gitmodel.porcelain.graph import Edge, Graph, Node
from gitmodel.printable import shown

FORMATS = ("tree", "json", "mermaid", "dot")
_SHOWN = 3
_SHORT = 12
_DEEP = 100
"""What is indented more cannot be read, and the lines of a chain would grow with its square."""
_BELOW = {"": "", "├": "│  ", "└": "   "}
_WORDS = {
    ("part", False): "of which that is a part",
    ("part", True): "a part of it",
    ("whole", True): "which holds it",
    ("whole", False): "held by it",
}
# The last two would begin a list of Markdown.
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._/@+-]|\A[-+]|\.(?= )")

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="tree",
    help="How to draw it.",
    show_default=True,
)


def tree(graph: Graph) -> Iterator[str]:
    """Yield the lines of a tree; what comes again is drawn once, and named where it recurs."""
    children = graph.children()
    drawn: set[str] = set()
    # Deep chains are no trouble for a list, as they were for recursion.
    pending = [(oid, "", "", "") for oid in reversed(graph.roots)]
    while pending:
        oid, before, sign, words = pending.pop()
        again = oid in drawn and oid in children
        yield f"{before}{sign}{_line(graph.nodes[oid])}{words}{' …' if again else ''}"
        if again:
            continue
        drawn.add(oid)
        deeper = before + _BELOW[sign[:1]]
        below = children.get(oid, [])
        if below and len(deeper) > _DEEP * len(_BELOW["├"]):
            yield f"{deeper}└─ … and deeper (--format json shows all)"
            continue
        for number, (edge, far) in reversed([*enumerate(below, start=1)]):
            corner = "└" if number == len(below) else "├"
            line = "┄ " if edge.relation == "co-committed" else "─ "
            pending.append((far, deeper, corner + line, _words(edge, down=graph.down)))


def mermaid(graph: Graph) -> Iterator[str]:
    """Yield the lines of a flowchart of Mermaid, as GitHub and GitLab draw it."""
    ids = {oid: f"n{number}" for number, oid in enumerate(graph.nodes)}
    yield "flowchart TD"
    for oid, node in graph.nodes.items():
        yield f'    {ids[oid]}["{"<br/>".join(map(_mermaid_text, _label(node)))}"]'
    for edge in graph.edges:
        words = _edge_label(edge)
        arrow = "-.->" if edge.relation == "co-committed" else "-->"
        label = f'|"{_mermaid_text(words)}"|' if words else ""
        yield f"    {ids[edge.source]} {arrow}{label} {ids[edge.target]}"


def dot(graph: Graph) -> Iterator[str]:
    """Yield the lines of a graph for Graphviz."""
    ids = {oid: f"n{number}" for number, oid in enumerate(graph.nodes)}
    yield "digraph lineage {"
    yield "  node [shape=box];"
    for oid, node in graph.nodes.items():
        # Two characters, which Graphviz reads as the end of a line.
        label = r"\n".join(map(_dot_text, _label(node)))
        yield f'  {ids[oid]} [label="{label}"];'
    for edge in graph.edges:
        style = ", style=dashed" if edge.relation == "co-committed" else ""
        label = f'label="{_dot_text(_edge_label(edge))}"'
        yield f"  {ids[edge.source]} -> {ids[edge.target]} [{label}{style}];"
    yield "}"


def value(graph: Graph) -> dict[str, Any]:
    """Return a graph for JSON."""
    return {
        "roots": graph.roots,
        "nodes": [asdict(node) for node in graph.nodes.values()],
        "edges": [asdict(edge) for edge in graph.edges],
    }


def name_of_place(place: Place) -> str:
    """Return a tag or branch, or else the commit."""
    return place.label or place.commit[:_SHORT]


def _line(node: Node) -> str:
    path, *more = _label(node)
    return f"{style(shown(path), bold=True)}  {'  '.join(map(shown, more))}"


def _words(edge: Edge, *, down: bool) -> str:
    if edge.relation == "input":
        return f"  ({shown(edge.role)})" if edge.role else ""
    return f"  ({_WORDS.get((edge.relation, down), edge.relation)})"


def _edge_label(edge: Edge) -> str:
    return edge.role if edge.relation == "input" else edge.relation


def _label(node: Node) -> list[str]:
    """Return path, versions and oid of a node."""
    # Its own versions say more than those of others that it came along with, and than branches.
    own = dict.fromkeys(place.tag for place in node.places if place.own)
    tags = dict.fromkeys(place.tag for place in node.places if place.tag)
    names = [*(own or tags or dict.fromkeys(map(name_of_place, node.places)))]
    more = [f"+{len(names) - _SHOWN}"] if len(names) > _SHOWN else []
    kind, _, digits = node.oid.partition(":")
    where = " ".join((*names[:_SHOWN], *more))
    return [node.path, *([where] if where else []), f"{kind}:{digits[:_SHORT]}"]


def _mermaid_text(text: str) -> str:
    """Return a text of which Mermaid takes nothing for its own, nor the page for HTML."""
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", text)


def _dot_text(text: str) -> str:
    """Return a text inside double quotes of Graphviz."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in escaped)
