import io
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from gitmodel.porcelain.inside import Opened, compare_contents, may_have_content
from gitmodel.progress import Meter
from tests.helpers.tensors import fixture, opened, safetensors, torch_zip

MEMORY = 300 << 20


def compared(one, other, path="m.pt"):
    return compare_contents(Opened(*opened(one)), Opened(*opened(other)), path, Meter())


def changes(found):
    return {each.name: each.change for each in found.tensors.tensors}


def header(*names, kind="F32", width=4):
    return {
        name: {"dtype": kind, "shape": [1], "data_offsets": [at * width, (at + 1) * width]}
        for at, name in enumerate(names)
    }


def test_tensors_come_go_change_and_stay():
    one = safetensors(header("a", "b", "c"), struct.pack("<3f", 1, 2, 3))
    other = safetensors(header("b", "c", "d"), struct.pack("<3f", 2, 5, 6))
    found = compared(one, other, "anything")
    assert changes(found) == {"a": "removed", "b": "same", "c": "changed", "d": "added"}


def test_another_kind_or_shape_has_no_numbers():
    one = safetensors(header("a"), struct.pack("<f", 1))
    other = safetensors(header("a", kind="I32"), struct.pack("<i", 1))
    [found] = compared(one, other).tensors.tensors
    assert (found.change, found.before.dtype, found.after.dtype) == ("changed", "float32", "int32")
    assert found.largest is None


def test_kinds_that_are_not_known_are_compared_by_their_bytes():
    one = safetensors(header("a", "b", kind="F4", width=1), b"\1\2")
    other = safetensors(header("a", "b", kind="F4", width=1), b"\1\3")
    assert changes(compared(one, other)) == {"a": "same", "b": "changed"}


def test_tensors_of_more_parts_are_compared_part_by_part():
    found = changes(compared(fixture("others-1.pt"), fixture("others-2.pt")))
    assert found["quantized.().0"] == found["channels.().0"] == "changed"
    assert found["channels.().4.1"] == "same"
    assert found["sparse.().1.1"] == found["rows.().1.2"] == "changed"


def test_no_change_of_a_value_goes_unseen():
    values = [None, True, 1, 1.5, "x", "x" * 200, b"raw", 1 << 300, (), {}, {"a": ()}, {"a": {}}]
    values += ["x" * 199 + "y", b"rax", (1 << 300) + 1]
    for one in values:
        for other in values:
            files = [torch_zip(pickle.dumps({"v": each})) for each in (one, other)]
            differ = bool(compared(*files).tensors.values)
            assert differ == (pickle.dumps(one) != pickle.dumps(other)), (one, other)


@pytest.mark.parametrize("path", ["x.zip", "x.npz", "x.bin", "x"])
def test_only_what_is_called_a_model_is_said_to_be_unreadable(path):
    for data in (b"PK\x03\x04nothing", b"nothing at all", fixture("legacy.pt")):
        assert compared(data, data + b"!", path) is None
        assert compared(data, data + b"!", "x.pt").note.startswith("not readable by tensor: ")


def test_which_names_promise_something():
    assert may_have_content("a/B.PT")
    assert may_have_content("t.csv")
    assert not may_have_content("pt")


def test_shared_bytes_are_compared_once_and_many_times_their_size_never():
    found = compared(*_many(2000, 64 << 10))
    said = set(changes(found).values())
    # Each is laid out differently, so that nothing is known from another.
    assert said == {"changed", "unknown"}
    tied = compared(fixture("views-1.pt"), fixture("views-2.pt"))
    by_name = {each.name: each for each in tied.tensors.tensors}
    assert by_name["tied"].largest == by_name["whole"].largest


def _many(count, size):
    """Return two files, each with many tensors that share almost all of one storage."""
    ends = []
    for byte in (b"\0", b"\1"):
        data = bytes(size * 16 - 1) + byte
        entries = b"".join(
            b"X" + struct.pack("<I", len(str(n))) + str(n).encode() + _tensor(n, len(data) - n)
            for n in range(count)
        )
        ends.append(torch_zip(b"\x80\x02}(" + entries + b"u.", {"0": data}))
    return ends


def _tensor(start, length):
    storage = b"(X\x07\0\0\0storagectorch\nByteStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ"
    numbers = b"J" + struct.pack("<i", start) + b"J" + struct.pack("<i", length) + b"\x85K\x01\x85"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + numbers + b"\x89NtR"


def test_the_pickle_above_is_one():
    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid):
            return pid[2]

        def find_class(self, module, name):
            return (lambda *arguments: arguments) if name.startswith("_") else name

    pickled = b"\x80\x02}(X\x01\0\0\0a" + _tensor(5, 7) + b"u."
    assert Unpickler(io.BytesIO(pickled)).load() == {"a": ("0", 5, (7,), (1,), False, None)}


@pytest.mark.parametrize("kind", ["BF16", "F32"])
def test_memory_does_not_grow_with_the_file(tmp_path, kind):
    """Two files with a tensor of 320 MiB, which differ in their last element."""
    width, size = int(kind[-2:]) // 8, 320 << 20
    entry = {"dtype": kind, "shape": [size // width], "data_offsets": [0, size]}
    start = safetensors({"w": entry})
    for name in ("one", "two"):
        with open(tmp_path / name, "wb") as file:
            file.write(start)
            file.truncate(len(start) + size)
            if name == "two":
                file.seek(-1, os.SEEK_END)
                file.write(b"\x3f")
    script = f"""
import os, re
from pathlib import Path
from gitmodel.porcelain.inside import Opened, compare_contents
from gitmodel.progress import Meter
files = [open({str(tmp_path)!r} + "/" + name, "rb") for name in ("one", "two")]
sides = [Opened(file, os.fstat(file.fileno()).st_size) for file in files]
[found] = compare_contents(*sides, "m.safetensors", Meter()).tensors.tensors
assert found.change == "changed" and found.largest > 0, found
# Not `getrusage`, which also tells what the process that started this one took.
print(int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert int(done.stdout) < MEMORY
