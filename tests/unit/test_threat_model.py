import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = re.findall(r"^\| ((?:[BFW]\d+|strace)\b.*) \|$", TEXT, re.MULTILINE)


def test_each_promise_of_the_threat_model_is_listed_once_and_in_order():
    promises = [row.split(" | ")[:3] for row in ROWS]
    assert len(promises) == len({*map(tuple, promises)}) > 50
    keys = [re.match(r"([A-Za-z])(?:trace)?(\d*)", name) for name, *_ in promises]
    order = [("BFWs".index(key[1]), int(key[2] or 0)) for key in keys if key]
    assert order == sorted(order)


def test_each_test_that_the_threat_model_names_is_there():
    sources = "".join(path.read_text() for path in ROOT.glob("tests/*/test_*.py"))
    for row in ROWS:
        names = re.findall(r"`(test_\w+)`", row.split(" | ")[3])
        files = re.findall(r"`(tests/[\w/]+\.py)`", row.split(" | ")[3])
        assert names or files, row
        assert all(f"def {name}(" in sources for name in names), row
        assert all((ROOT / path).exists() for path in files), row
