from __future__ import annotations

import click

from gitmodel.cli.drawing import dot, mermaid, tree
from gitmodel.porcelain.ancestry import Place
from gitmodel.porcelain.graph import Edge, Graph, Node


def oid(letter: str) -> str:
    return "blake3:" + letter * 64


def place(path: str, tag: str = "", branch: str = "", *, own: bool = True) -> Place:
    return Place(path, "c" * 40, tag, branch, own)


MODEL = Node(
    oid("a"),
    "models/ranker.pt",
    (place("models/ranker.pt", "ranker-v1.1"), place("models/ranker.pt", "v1.0", own=False)),
)
MANY = tuple(place("data/train", f"train-v{n}.0") for n in (5, 4, 3, 2, 1))
TRAIN = Node(oid("b"), "data/train", MANY)
RAW = Node(oid("d"), "data/raw", (place("data/raw", branch="main", own=False),))
VOCABULARY = Node(oid("e"), "vocabulary.txt")
EDGES = (
    Edge(oid("b"), oid("a"), "input", "train"),
    Edge(oid("d"), oid("b"), "input"),
    Edge(oid("d"), oid("a"), "input", "raw"),
    Edge(oid("e"), oid("a"), "co-committed"),
)
NODES = {node.oid: node for node in (MODEL, TRAIN, RAW, VOCABULARY)}
UP = Graph((oid("a"),), NODES, EDGES, down=False)
DOWN = Graph((oid("d"), oid("e")), NODES, EDGES, down=True)


def test_the_tree_upwards():
    assert click.unstyle("\n".join(tree(UP))) == (
        "models/ranker.pt  ranker-v1.1  blake3:aaaaaaaaaaaa\n"
        "├─ data/train  train-v5.0 train-v4.0 train-v3.0 +2  blake3:bbbbbbbbbbbb  (train)\n"
        "│  └─ data/raw  main  blake3:dddddddddddd\n"
        "├─ data/raw  main  blake3:dddddddddddd  (raw)\n"
        "└┄ vocabulary.txt  blake3:eeeeeeeeeeee  (co-committed)"
    )


def test_the_tree_downwards_draws_once_what_comes_again():
    nodes = {**NODES, oid("f"): Node(oid("f"), "student.pt")}
    edges = (*EDGES, Edge(oid("a"), oid("f"), "input", "teacher"))
    lines = tree(Graph(DOWN.roots, nodes, edges, down=True))
    assert click.unstyle("\n".join(lines)) == (
        "data/raw  main  blake3:dddddddddddd\n"
        "├─ data/train  train-v5.0 train-v4.0 train-v3.0 +2  blake3:bbbbbbbbbbbb\n"
        "│  └─ models/ranker.pt  ranker-v1.1  blake3:aaaaaaaaaaaa  (train)\n"
        "│     └─ student.pt  blake3:ffffffffffff  (teacher)\n"
        "└─ models/ranker.pt  ranker-v1.1  blake3:aaaaaaaaaaaa  (raw) …\n"
        "vocabulary.txt  blake3:eeeeeeeeeeee\n"
        "└┄ models/ranker.pt  ranker-v1.1  blake3:aaaaaaaaaaaa  (co-committed) …"
    )


def test_mermaid():
    assert "\n".join(mermaid(UP)) == (
        "flowchart TD\n"
        '    n0["models/ranker.pt<br/>ranker-v1.1<br/>blake3#58;aaaaaaaaaaaa"]\n'
        '    n1["data/train<br/>train-v5.0 train-v4.0 train-v3.0 +2<br/>'
        'blake3#58;bbbbbbbbbbbb"]\n'
        '    n2["data/raw<br/>main<br/>blake3#58;dddddddddddd"]\n'
        '    n3["vocabulary.txt<br/>blake3#58;eeeeeeeeeeee"]\n'
        '    n1 -->|"train"| n0\n'
        "    n2 --> n1\n"
        '    n2 -->|"raw"| n0\n'
        '    n3 -.->|"co-committed"| n0'
    )


def test_dot():
    assert "\n".join(dot(DOWN)) == (
        "digraph lineage {\n"
        "  node [shape=box];\n"
        r'  n0 [label="models/ranker.pt\nranker-v1.1\nblake3:aaaaaaaaaaaa"];'
        "\n"
        r'  n1 [label="data/train\ntrain-v5.0 train-v4.0 train-v3.0 +2\nblake3:bbbbbbbbbbbb"];'
        "\n"
        r'  n2 [label="data/raw\nmain\nblake3:dddddddddddd"];'
        "\n"
        r'  n3 [label="vocabulary.txt\nblake3:eeeeeeeeeeee"];'
        "\n"
        '  n1 -> n0 [label="train"];\n'
        '  n2 -> n1 [label=""];\n'
        '  n2 -> n0 [label="raw"];\n'
        '  n3 -> n0 [label="co-committed", style=dashed];\n'
        "}"
    )


def test_labels_are_only_labels():
    nasty = '1. "a\\" <b>|`\n#end\x1b'
    graph = Graph((oid("a"),), {oid("a"): Node(oid("a"), nasty)}, (), down=True)
    [_, line] = mermaid(graph)
    assert line == (
        '    n0["1#46; #34;a#92;#34; #60;b#62;#124;#96;#10;#35;end#27;<br/>blake3#58;aaaaaaaaaaaa"]'
    )
    assert [*dot(graph)][2] == (
        r'  n0 [label="1. \"a\\\" <b>|`' + "\ufffd#end\ufffd" + r'\nblake3:aaaaaaaaaaaa"];'
    )
    assert click.unstyle(*tree(graph)) == repr(nasty) + "  blake3:aaaaaaaaaaaa"
