from __future__ import annotations

from dataclasses import replace

import pytest

from gitmodel.pointer import Pointer
from gitmodel.record import Record
from gitmodel.weigh import weigh

FILE = Pointer("file", "blake3:" + "1" * 64, "xxh3-128:" + "2" * 32, 5)
OTHER = replace(FILE, oid="blake3:" + "3" * 64)
TREE = replace(FILE, kind="tree", files=1)


def record(artifacts: dict[str, Pointer], sidecar: str = "", **params: object) -> Record:
    named = {name.replace("_", "."): value for name, value in params.items()}
    return Record("", artifacts, {}, named, {"m.metrics.json": sidecar})


@pytest.mark.parametrize(
    ("before", "after", "weight", "why"),
    [
        (record({"m.pt": FILE}), record({}), "major", "'m.pt' is no longer there"),
        (record({"m.pt": FILE}), record({"m.onnx": FILE}), "major", "another kind"),
        (record({"m.pt": FILE}), record({"a/m.pt": FILE}), "major", "'m.pt' became 'a/m.pt'"),
        (record({"m": FILE}), record({"m": TREE}), "major", "'m' was a file and is a tree"),
        (
            record({"m": FILE}, signature_inputs=["a"]),
            record({"m": OTHER}, signature_inputs=["a", "b"]),
            "major",
            "signature",
        ),
        (record({"m": FILE}, lr=1), record({"m": OTHER}, lr=2, depth=3), "minor", "new bytes"),
        (record({"m": FILE}), record({"m": replace(FILE, executable=True)}), "minor", "new bytes"),
        (record({"m": FILE}), record({"m": FILE, "n": FILE}), "minor", "'n' is new"),
        (record({}), record({"m": FILE}), "minor", "'m' is new"),
        (record({"m": FILE}, "a"), record({"m": FILE}, "b"), "patch", "other metrics"),
        (record({"m": FILE}), record({"m": FILE}), "patch", "the same artifacts"),
    ],
)
def test_weigh(before: Record, after: Record, weight: str, why: str) -> None:
    found, said = weigh(before, after)
    assert found == weight
    assert why in said
