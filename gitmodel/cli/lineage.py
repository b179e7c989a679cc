"""`gitmodel lineage`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from gitmodel.cli.common import json_option, say_json
from gitmodel.cli.drawing import dot, format_option, mermaid, tree, value
from gitmodel.cli.printer import say, style
from gitmodel.history import open_history
from gitmodel.lineage import Code, Environment, Lineage
from gitmodel.porcelain.graph import Graph
from gitmodel.porcelain.lineage import Traced, lineage
from gitmodel.printable import shown


@click.command()
@click.argument("version", metavar="VERSION")
@format_option
@json_option
def command(version: str, form: str, as_json: bool) -> None:
    """Show what VERSION was made from, and that from what.

    VERSION is a version such as model-v1.1 or v1.0, an artifact (its newest version), a branch, a
    commit, or an oid. What a run declared comes first; what was only committed together with it
    is dashed.
    """
    with open_history(Path.cwd()) as history:
        found = lineage(history, version)
    warn(found.problems)
    if as_json or form == "json":
        said = {"label": found.label, "commit": found.commit, **value(found.graph)}
        say_json("lineage", {**said, "problems": found.problems})
        return
    draw(found.graph, form)
    if form == "tree":
        for line in _details(found):
            say(line)


def draw(graph: Graph, form: str) -> None:
    """Print a graph as a tree, for Mermaid or for Graphviz."""
    lines = {"tree": tree, "mermaid": mermaid, "dot": dot}[form](graph)
    say(*lines)


def warn(problems: Iterable[str]) -> None:
    """Say what could not be read."""
    for problem in problems:
        say(f"{style('warning:', colour='yellow')} {shown(problem)}", err=True)


def _details(found: Traced) -> Iterator[str]:
    """Yield what is known of how the roots were made, besides what from."""
    for root in found.graph.roots:
        node = found.graph.nodes[root]
        for made in node.made[:1]:
            facts = {**_code(made.code), **_environment(made.environment), **_run(made)}
            yield from ("", shown(node.path))
            yield from (f"  {key:<9} {shown(fact)}" for key, fact in facts.items() if fact)
        if not node.made:
            yield from ("", f"{shown(node.path)}: nothing is recorded of how it was made")


def _code(code: Code) -> dict[str, str]:
    dirty = " and changes that were not committed" if code.dirty else ""
    return {"code": (code.commit[:12] or "no commit") + dirty}


def _environment(environment: Environment) -> dict[str, str]:
    lock = environment.lock.path if environment.lock else ""
    return {"python": environment.python, "platform": environment.platform, "lock file": lock}


def _run(made: Lineage) -> dict[str, str]:
    return {
        "params": made.params.path if made.params else "",
        "prepared": "; ".join(made.steps),
        "command": shlex.join(made.command),
        "run": f"{made.started} to {made.ended}" if made.started else "",
    }
