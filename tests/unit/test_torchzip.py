import io
import pickle
import zipfile

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.tensors import Tensor, read_at
from gitmodel.torchzip import read_torch
from tests.helpers.tensors import DATA, EXPECTED, evil_pickle, fixture, opened, torch_zip

NAMES = [name for name in EXPECTED["tensors"] if name.endswith(".pt")]


@pytest.mark.parametrize("name", NAMES)
def test_names_kinds_and_shapes_are_those_that_pytorch_sees(name):
    found = read_torch(*opened(fixture(name))).tensors
    expected = EXPECTED["tensors"][name]
    assert {key: (each.dtype, list(each.shape)) for key, each in found.items()} == {
        key: (each["dtype"], each["shape"]) for key, each in expected.items()
    }


def test_a_scripted_module_is_read_too():
    found = read_torch(*opened(fixture("script.pt"))).tensors
    assert found.keys() == EXPECTED["tensors"]["module-1.pt"].keys()


def test_plain_scalars_beside_the_tensors():
    values = read_torch(*opened(fixture("checkpoint-2.pt"))).values
    assert values["epoch"] == "1"
    assert values["best"] == "None"
    assert values["history.1"] == "1.25"
    assert values["optimizer.param_groups.0.lr"] == "0.05"
    assert values["args.name"] == "'run'"


def pickled(tensor, *, protocol=2):
    """Return the pickle of `{"w": tensor}`, tensors as PyTorch writes them."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return value.id if isinstance(value, Stored) else None

    target = io.BytesIO()
    Pickler(target, protocol).dump({"w": tensor})
    # PyTorch's own names in place of those that stand in for them here.
    data = target.getvalue()
    return data.replace(b"tests.unit.test_torchzip\nRebuilt", b"torch._utils\n_rebuild_tensor_v2")


class Stored:
    def __init__(self, *said):
        self.id = said


def Rebuilt(*arguments):  # noqa: N802 - a name that can be replaced in the pickle
    raise AssertionError("nothing is called")


class Made:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return Rebuilt, self.arguments


def FloatStorage():  # noqa: N802 - stands for PyTorch's
    raise AssertionError("nothing is called")


def stored(key="0", size=4):
    return Stored("storage", FloatStorage, key, "cpu", size)


def saved(*arguments, storages=None, **more):
    data = pickled(Made(*arguments))
    data = data.replace(b"tests.unit.test_torchzip\nFloatStorage", b"torch\nFloatStorage")
    return torch_zip(data, {"0": bytes(16)} if storages is None else storages, **more)


def test_where_a_tensor_lies():
    data = saved(stored(), 1, (3,), (1,), False, None)
    found = read_torch(*opened(data)).tensors["w"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.getinfo("archive/data/0").file_size == 16
    assert (found.dtype, found.shape, found.strides, found.length) == ("float32", (3,), (1,), 12)
    assert read_at(io.BytesIO(data), found.start - 4, 16) == bytes(16)


def test_big_endian():
    data = saved(stored(), 0, (4,), (1,), False, None, byteorder=b"big")
    assert read_torch(*opened(data)).tensors["w"].swapped


def test_names_of_numbers_and_of_nothing():
    data = torch_zip(pickle.dumps({1: {None: 2, "": 3}}, protocol=2))
    assert read_torch(*opened(data)).values == {"1.None": "2", "1": "3"}


HOSTILE = {
    "past the end": saved(stored(), 2, (3,), (1,), False, None),
    "strides past the end": saved(stored(), 0, (2, 2), (4, 1), False, None),
    "negative offset": saved(stored(), -1, (1,), (1,), False, None),
    "negative stride": saved(stored(), 3, (2,), (-1,), False, None),
    "negative shape": saved(stored(), 0, (-1,), (1,), False, None),
    "huge": saved(stored(), 0, (1 << 62,) * 30, (1,) * 30, False, None),
    "no numbers": saved(stored(), 0.0, ("1",), (1,), False, None),
    "a boolean": saved(stored(), True, (1,), (1,), False, None),
    "strides of another tensor": saved(stored(), 0, (1, 1), (1,), False, None),
    "many dimensions": saved(stored(), 0, (1,) * 33, (1,) * 33, False, None),
    "few arguments": saved(stored(), 0),
    "no storage": saved(None, 0, (1,), (1,), False, None),
    "another key": saved(stored("1"), 0, (1,), (1,), False, None),
    "a key that leads out": saved(stored("../data.pkl"), 0, (1,), (1,), False, None),
    "a key that is no text": saved(stored(0), 0, (1,), (1,), False, None),
    "a short id": saved(Stored("storage", FloatStorage), 0, (1,), (1,), False, None),
    "an id of something": saved(Stored("module", FloatStorage, "0", "", 4), 0, (1,), (1,), 0, None),
    "no zip": b"PK\x03\x04" + bytes(100),
    "another zip": (DATA / "state-1.pt").read_bytes().replace(b"data.pkl", b"date.pkl"),
    "cut": fixture("state-1.pt")[:-1],
    "a long byteorder": torch_zip(b"N.", byteorder=b"little" * 100),
    "deep": torch_zip(b"N" + b"\x85" * 200 + b"."),
    "in itself": torch_zip(pickle.dumps((a := [], a.append(a)), protocol=2)),
    "ten to the thirty": torch_zip(
        b"]q\x00(NNNNNNNNNNe" + b"](" + b"h\x00" * 10 + b"eq\x00" * 30 + b"."
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_is_refused(name):
    with pytest.raises(IntegrityError):
        read_torch(*opened(HOSTILE[name]))


def test_compressed_members_are_not_read():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"N." + bytes(1 << 20))
    with pytest.raises(IntegrityError, match="compressed"):
        read_torch(*opened(target.getvalue()))


def test_a_member_twice():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("archive/data.pkl", b"N.")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("archive/data.pkl", b"N.")
    with pytest.raises(IntegrityError, match="two members"):
        read_torch(*opened(target.getvalue()))


def test_a_zip_of_the_long_kind():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        with archive.open("archive/data.pkl", "w", force_zip64=True) as file:
            file.write(b"K\x05.")
        for number in range(66_000):
            archive.writestr(f"archive/data/{number}", b"")
    assert read_torch(*opened(target.getvalue())).values == {"": "5"}


def test_nothing_of_the_pickle_is_called(tmp_path):
    trap = tmp_path / "made"
    found = read_torch(*opened(torch_zip(evil_pickle(trap))))
    assert found.values["weight.()"].endswith(".mkdir")
    assert not trap.exists()


def test_a_tensor_is_what_a_parameter_holds():
    found = read_torch(*opened(fixture("module-1.pt"))).tensors["head.weight"]
    assert isinstance(found, Tensor)
    assert found.strides == (8, 1)
