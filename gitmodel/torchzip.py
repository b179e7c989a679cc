"""What is in a file of `torch.save`, in the format of PyTorch 1.6 and later, without PyTorch.

A zip file whose members are not compressed: `NAME/data.pkl`, a pickle in which tensors are calls
of `torch._utils._rebuild_tensor_v2`; `NAME/data/KEY`, the bytes that they lie in; and
`NAME/byteorder`.  See `torch/serialization.py` and `torch/_utils.py` of PyTorch.
"""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from gitmodel.digest import fingerprint_of
from gitmodel.errors import IntegrityError
from gitmodel.pickled import MAX_BYTES, Global, Made, Outside, Value, read_pickle
from gitmodel.tensors import MAX_DIMENSIONS, WIDTHS, Tensor, Tensors, extent, read_at
from gitmodel.zipped import MAGIC, Member, find_bytes, read_members

FORMAT = "torch"

_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
    "QInt8Storage": "int8",
    "QUInt8Storage": "uint8",
    "QInt32Storage": "int32",
    "QUInt4x2Storage": "uint8",
    "QUInt2x4Storage": "uint8",
}
_TENSORS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
_PARAMETERS = ("_rebuild_parameter", "_rebuild_parameter_with_state")
_ORDERED = Global("collections", "OrderedDict")
_FROM_TYPE = Global("torch._tensor", "_rebuild_from_type_v2")
_UNSEEN = frozenset(("_parameters", "_buffers", "_modules"))
"""Where a module keeps its parts: `state_dict()` has their names without these."""

_MAX_DEPTH = 60
_MAX_VISITS = 1_000_000
_MAX_NAMES = 32 << 20
_LONGEST_NAME = 1000
_LONGEST_TEXT = 80
_LARGE = 1 << 200


class _Storage(NamedTuple):
    dtype: str
    start: int
    size: int


def is_zip(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of a zip file."""
    return start.startswith(MAGIC)


def read_torch(file: BinaryIO, size: int) -> Tensors:
    """Return what is in a file of `size` bytes.

    Raises `IntegrityError` if it was not written by `torch.save`, or is amiss.
    """
    archive = _Archive(file, size)
    walk = _Walk(archive)
    walk.visit(read_pickle(archive.read("data.pkl", MAX_BYTES)), "", 0)
    return Tensors(FORMAT, walk.tensors, walk.values)


class _Archive:
    """The members of the zip file that belong to the pickle."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._members = read_members(file, size)
        found = [name for name in self._members if name.endswith("/data.pkl")]
        found = [name for name in found if name.count("/") == 1]
        if len(found) != 1:
            raise IntegrityError("it is a zip file, but not one of torch.save")
        self._folder = found[0].removesuffix("data.pkl")
        self._starts: dict[str, int] = {}
        self.swapped = self._is_swapped()

    def read(self, name: str, limit: int) -> bytes:
        """Return a whole member."""
        member = self._member(name)
        if member.size > limit:
            raise IntegrityError(f"its {name} is longer than {limit} bytes")
        return read_at(self._file, find_bytes(self._file, member, self._size), member.size)

    def storage(self, dtype: str, key: str) -> _Storage:
        """Return where the bytes of a storage lie."""
        name = f"data/{key}"
        member = self._member(name)
        if key not in self._starts:
            self._starts[key] = find_bytes(self._file, member, self._size)
        return _Storage(dtype, self._starts[key], member.size)

    def _is_swapped(self) -> bool:
        # What PyTorch wrote before there was this member, it wrote on little-endian machines.
        if f"{self._folder}byteorder" not in self._members:
            return False
        return self.read("byteorder", 16) == b"big"

    def _member(self, name: str) -> Member:
        try:
            return self._members[self._folder + name]
        except KeyError as error:
            raise IntegrityError(f"it lacks {name[:60]!r}") from error


class _Walk:
    """Collects the tensors, and the plain values, that are in what a pickle says."""

    def __init__(self, archive: _Archive) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.values: dict[str, str] = {}
        self._archive = archive
        self._visits = 0
        self._letters = 0

    def visit(self, value: Value, name: str, depth: int) -> None:
        """Collect what is in a value."""
        self._count(name, depth)
        if isinstance(value, Made):
            self._visit_made(value, name, depth)
        elif isinstance(value, (list, tuple)):
            for number, inner in enumerate(value):
                self.visit(inner, _joined(name, str(number)), depth + 1)
            if not value:
                self.values[name] = repr(value)
        elif isinstance(value, Outside):
            self._visit_outside(value, name)
        else:
            self.values[name] = _text(value)

    def _visit_outside(self, outside: Outside, name: str) -> None:
        """Take the bytes for numbers of which nobody says how they make a tensor."""
        storage = self._storage(outside)
        length = storage.size - storage.size % WIDTHS[storage.dtype]
        shape = (length // WIDTHS[storage.dtype],)
        swapped = self._archive.swapped
        self.tensors[name] = Tensor(storage.dtype, shape, (1,), storage.start, length, swapped)

    def _visit_made(self, made: Made, name: str, depth: int) -> None:
        maker, arguments = made.maker, made.arguments
        if maker == _FROM_TYPE and isinstance(arguments, tuple) and len(arguments) > 2:
            # A subclass of Tensor: the call that makes the tensor itself comes first.
            self.visit(Made(arguments[0], arguments[2]), name, depth + 1)
        elif _is_util(maker, _PARAMETERS) and isinstance(arguments, tuple) and arguments:
            self.visit(arguments[0], name, depth + 1)
        elif _is_util(maker, _TENSORS):
            self.tensors[name] = self._tensor(arguments)
        else:
            self._visit_parts(made, name, depth)

    def _visit_parts(self, made: Made, name: str, depth: int) -> None:
        is_dict = made.maker is None or made.maker == _ORDERED
        if is_dict and not made.pairs:
            self.values[name] = "{}"
        elif isinstance(made.maker, Global) and not is_dict:
            self.values[_joined(name, "()")] = _text(made.maker)
        for key, inner in made.pairs:
            self.visit(inner, _joined(name, _key(key)), depth + 1)
        for number, inner in enumerate(made.items):
            self.visit(inner, _joined(name, str(number)), depth + 1)
        # An OrderedDict of `state_dict()` carries the versions of its modules.
        if made.maker != _ORDERED:
            self._visit_state(made.state, name, depth)
            if made.arguments != ():
                self.visit(made.arguments, _joined(name, "()"), depth + 1)

    def _visit_state(self, state: Value, name: str, depth: int) -> None:
        if not isinstance(state, Made) or state.maker is not None:
            if state is not None:
                self.visit(state, name, depth + 1)
            return
        for key, inner in state.pairs:
            seen = () if isinstance(key, str) and key in _UNSEEN else (_key(key),)
            self.visit(inner, _joined(name, *seen), depth + 1)

    def _tensor(self, arguments: Value) -> Tensor:
        if not isinstance(arguments, tuple) or len(arguments) < 4:
            raise IntegrityError("its pickle makes a tensor of what cannot be one")
        outside, offset, shape, strides = arguments[:4]
        storage = self._storage(outside)
        dtype = _dtype(arguments, storage.dtype)
        if not _is_natural(offset) or not _are_naturals(shape) or not _are_naturals(strides):
            raise IntegrityError("its pickle makes a tensor of what cannot be one")
        if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS:
            raise IntegrityError("its pickle makes a tensor of what cannot be one")
        width = WIDTHS[dtype]
        length = extent(shape, strides) * width
        if offset * width + length > storage.size:
            raise IntegrityError("a tensor goes past the end of its storage")
        start = storage.start + offset * width
        return Tensor(dtype, shape, strides, start, length, self._archive.swapped)

    def _storage(self, outside: Value) -> _Storage:
        said = outside.id if isinstance(outside, Outside) else ()
        if not isinstance(said, tuple) or len(said) < 5 or said[0] != "storage":
            raise IntegrityError("a tensor is not in a storage of the file")
        kind, key = said[1], said[2]
        dtype = _STORAGES.get(kind.name) if isinstance(kind, Global) else None
        if dtype is None or not isinstance(key, str):
            raise IntegrityError("a tensor is in a storage of an unknown kind")
        return self._archive.storage(dtype, key)

    def _count(self, name: str, depth: int) -> None:
        self._visits += 1
        self._letters += len(name)
        if (
            depth > _MAX_DEPTH
            or len(name) > _LONGEST_NAME
            or self._visits > _MAX_VISITS
            or self._letters > _MAX_NAMES
        ):
            raise IntegrityError("its pickle is too large, or too deeply nested")


def _dtype(arguments: tuple[Value, ...], stored: str) -> str:
    """Return the kind of the elements: newer ones have no storage of their own, but are named."""
    named = arguments[6] if len(arguments) > 6 else None
    if not isinstance(named, Global):
        return stored
    if named.module != "torch" or named.name not in WIDTHS:
        raise IntegrityError(f"a tensor has elements of the kind {named.name[:40]!r}")
    return named.name


def _is_util(maker: Value, names: tuple[str, ...]) -> bool:
    return isinstance(maker, Global) and maker.module == "torch._utils" and maker.name in names


def _is_natural(value: Value) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _are_naturals(value: Value) -> bool:
    return isinstance(value, tuple) and all(map(_is_natural, value))


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _key(key: Value) -> str:
    return key if isinstance(key, str) else _text(key)


def _text(value: Value) -> str:
    """Return a value in words; a long one with a fingerprint, so that no change goes unseen."""
    if isinstance(value, Global):
        return f"{value.module}.{value.name}"[:_LONGEST_NAME]
    if isinstance(value, bytes):
        return f"{len(value)} bytes, {fingerprint_of(value)}"
    if isinstance(value, int) and abs(value) >= _LARGE:
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return f"an integer of {value.bit_length()} bits, {fingerprint_of(data)}"
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        digest = fingerprint_of(value.encode("utf-8", "surrogatepass"))
        return f"{value[:_LONGEST_TEXT]!r}… ({len(value)} characters, {digest})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    return "…"
