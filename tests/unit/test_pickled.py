import collections
import datetime
import pickle

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.pickled import Global, Made, read_pickle
from tests.helpers.tensors import evil_pickle

PLAIN = [
    *(None, True, False, 0, -1, 255, 65536, 1 << 40, -(1 << 100), 1.5, "text", "ü" * 300),
    *((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2, (3,)]]),
]


def plain(value):
    """Undo what `read_pickle` makes of dicts."""
    if isinstance(value, Made):
        assert value.maker is None
        return {plain(key): plain(inner) for key, inner in value.pairs}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("value", [*PLAIN, {"a": {1: PLAIN}}, {}], ids=str)
def test_plain_scalars_are_read_in_every_protocol(value, protocol):
    assert plain(read_pickle(pickle.dumps(value, protocol=protocol))) == value


@pytest.mark.parametrize("protocol", range(2, 6))
def test_bytes(protocol):
    value = b"raw" * 100
    found = read_pickle(pickle.dumps(value, protocol=protocol))
    # Where the protocol has no bytes, they are a call.
    assert found == value if protocol > 2 else found.maker == Global("_codecs", "encode")


@pytest.mark.parametrize("protocol", range(2, 6))
def test_calls_are_noted(protocol):
    found = read_pickle(pickle.dumps(datetime.timedelta(3, 4, 5), protocol=protocol))
    assert isinstance(found, Made)
    assert found.maker == Global("datetime", "timedelta")
    assert found.arguments == (3, 4, 5)


def test_what_is_put_into_a_made_thing_is_noted():
    found = read_pickle(pickle.dumps(collections.OrderedDict(a=1), protocol=4))
    assert found.maker == Global("collections", "OrderedDict")
    assert found.pairs == [("a", 1)]
    found = read_pickle(pickle.dumps(collections.deque([1, 2]), protocol=4))
    assert found.items == [1, 2]


def test_nothing_of_it_is_called(tmp_path):
    trap = tmp_path / "made"
    data = evil_pickle(trap)
    found = read_pickle(data)
    assert found.pairs[0][1].maker.name == "mkdir"
    assert not trap.exists()
    pickle.loads(data)
    assert trap.exists()


def test_a_list_may_hold_itself():
    value = []
    value.append(value)
    found = read_pickle(pickle.dumps(value))
    assert found[0] is found


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b".",
            b"\x80",
            b"0.",
            b"2.",
            b"}u.",
            b"(u.",
            b"(NR.",
            b"K\x01K\x02s.",
            b"R.",
            b"N\x81.",
        ),
        *(b"h\x00.", b"K\x01a.", b"t.", b"N\x93.", b"cos\nsystem", b"L" + b"9" * 9000 + b"\n."),
        *(b"(cos\nsystem\nio.", b"\x82\x01.", b"Pid\n.", b"N\x97.", b"Np-1\n.", b"Np9999999999\n."),
        *(b"}(Nu.", b"X\xff\xff\xff\xff.", b"\x8d" + b"\xff" * 8 + b".", b"S'a\n."),
        b"N" * 1_000_001 + b".",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_malformed_or_not_known_is_refused(data):
    with pytest.raises(IntegrityError, match="its pickle"):
        read_pickle(data)


def test_a_long_one_is_refused():
    with pytest.raises(IntegrityError, match="its pickle"):
        read_pickle(b"N" * (33 << 20))


def test_deep_nesting_is_read_and_dropped():
    for step in (b"\x85", b"Q", b"2R", b"2\x85R"):
        found = read_pickle(b"N" + step * 100_000 + b".")
        assert found is not None
        del found


def test_an_escape_that_is_none_is_read_in_silence():
    assert read_pickle(b"S'a\\eb'\n.") == "a\\eb"
