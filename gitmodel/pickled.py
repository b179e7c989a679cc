"""Reads what a pickle says, and does nothing of it.

A pickle is a program that may call anything.  Here its calls become notes of what would be
called with what; nothing is imported, called or built.  The opcodes are those of the standard
library's `pickletools`, which only names them.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gitmodel.errors import IntegrityError

MAX_BYTES = 32 << 20
_MAX_OPCODES = 1_000_000


@dataclass(frozen=True, slots=True)
class Global:
    """What has a name in a module."""

    module: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """What is not in the pickle itself: `id` says where it is."""

    id: Value


@dataclass(slots=True, eq=False)
class Made:
    """What a call would return: dicts are also of this kind, and made by nobody.

    `pairs` and `items` were put into it afterwards, `state` was set.
    """

    maker: Value
    arguments: Value
    pairs: list[tuple[Value, Value]] = field(default_factory=list)
    items: list[Value] = field(default_factory=list)
    state: Value = None


# Not a dict: whoever chooses its keys could make looking them up take for ever.
Value: TypeAlias = (
    bool | int | float | str | bytes | Global | Outside | Made | list[Any] | tuple[Any, ...] | None
)

_PLAIN = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
        *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    )
)
_IGNORED = frozenset(("PROTO", "FRAME"))


def read_pickle(data: bytes) -> Value:
    """Return what a pickle says.

    Raises `IntegrityError` if it is malformed, too long, or uses what is not known here.
    """
    if len(data) > MAX_BYTES:
        raise IntegrityError(f"its pickle is longer than {MAX_BYTES} bytes")
    machine = _Machine()
    try:
        return _run(machine, data)
    # The opcodes take from a stack what may not be there.
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise IntegrityError("its pickle is malformed") from error


def _run(machine: _Machine, data: bytes) -> Value:
    with warnings.catch_warnings():
        # Python warns of an escape in a text that is none; whoever wrote the pickle cannot hear it.
        warnings.simplefilter("ignore", DeprecationWarning)
        for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if number >= _MAX_OPCODES:
                raise IntegrityError(f"its pickle has more than {_MAX_OPCODES} opcodes")
            machine.step(opcode.name, argument)
    return machine.pop()


class _Machine:
    """The stack of a pickle, what stands below its marks, and its memo."""

    def __init__(self) -> None:
        self._stack: list[Value] = []
        self._below: list[list[Value]] = []
        self._memo: dict[int, Value] = {}
        self._steps: dict[str, Callable[[], None]] = {
            "NONE": lambda: self._push(None),
            "NEWTRUE": lambda: self._push(True),
            "NEWFALSE": lambda: self._push(False),
            "EMPTY_DICT": lambda: self._push(Made(None, ())),
            "EMPTY_LIST": lambda: self._push([]),
            "EMPTY_TUPLE": lambda: self._push(()),
            "EMPTY_SET": lambda: self._push([]),
            "MARK": self._mark,
            "POP": self._drop,
            "POP_MARK": lambda: self._discard(self._cut()),
            "DUP": lambda: self._push(self._stack[-1]),
            "TUPLE": lambda: self._push(tuple(self._cut())),
            "TUPLE1": lambda: self._push(tuple(self._take(1))),
            "TUPLE2": lambda: self._push(tuple(self._take(2))),
            "TUPLE3": lambda: self._push(tuple(self._take(3))),
            "LIST": lambda: self._push(self._cut()),
            "FROZENSET": lambda: self._push(self._cut()),
            "DICT": lambda: self._push(Made(None, (), _paired(self._cut()))),
            "APPEND": lambda: self._extend(self._take(1)),
            "APPENDS": lambda: self._extend(self._cut()),
            "ADDITEMS": lambda: self._extend(self._cut()),
            "SETITEM": lambda: self._set(self._take(2)),
            "SETITEMS": lambda: self._set(self._cut()),
            "MEMOIZE": lambda: self._keep(len(self._memo)),
            "STACK_GLOBAL": self._stack_global,
            "REDUCE": self._make,
            "NEWOBJ": self._make,
            "NEWOBJ_EX": self._make_by_name,
            "BUILD": self._build,
            "BINPERSID": lambda: self._push(Outside(self.pop())),
            "STOP": lambda: None,
        }

    def pop(self) -> Value:
        """Return what is on top."""
        return self._stack.pop()

    def step(self, name: str, argument: Any) -> None:
        """Do one opcode."""
        if name in self._steps:
            self._steps[name]()
        elif name in _PLAIN:
            self._push(argument)
        elif name == "BYTEARRAY8":
            self._push(bytes(argument))
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._keep(argument)
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self._push(self._memo[argument])
        elif name == "GLOBAL":
            self._push(Global(*argument.split(" ", 1)))
        elif name not in _IGNORED:
            raise IntegrityError(f"its pickle uses the opcode {name}")

    def _push(self, value: Value) -> None:
        self._stack.append(value)

    def _take(self, count: int) -> list[Value]:
        if len(self._stack) < count:
            raise IndexError
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _cut(self) -> list[Value]:
        """Return what is above the last mark."""
        above, self._stack = self._stack, self._below.pop()
        return above

    def _drop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._cut()

    def _discard(self, values: list[Value]) -> None:
        values.clear()

    def _keep(self, number: int) -> None:
        # Writers count from 0; with other numbers the memo could be made slow.
        if not 0 <= number < _MAX_OPCODES:
            raise IndexError
        self._memo[number] = self._stack[-1]

    def _extend(self, values: list[Value]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target += values
        elif isinstance(target, Made):
            target.items += values
        else:
            raise TypeError

    def _set(self, values: list[Value]) -> None:
        target = self._stack[-1]
        if not isinstance(target, Made):
            raise TypeError
        target.pairs += _paired(values)

    def _stack_global(self) -> None:
        module, name = self._take(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        self._push(Global(module, name))

    def _make(self) -> None:
        maker, arguments = self._take(2)
        self._push(Made(maker, arguments))

    def _make_by_name(self) -> None:
        maker, arguments, named = self._take(3)
        self._push(Made(maker, (arguments, named)))

    def _build(self) -> None:
        state = self.pop()
        target = self._stack[-1]
        if isinstance(target, Made):
            target.state = state


def _paired(values: list[Value]) -> list[tuple[Value, Value]]:
    if len(values) % 2:
        raise IndexError
    return list(zip(values[::2], values[1::2], strict=True))
