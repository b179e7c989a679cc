"""Find where what was good became bad, among versions that descend from one another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "bad", "skip"]


@dataclass(frozen=True, slots=True)
class Line:
    """What may be the first bad one: names, parents before children.

    Bit M of `above[N]` is set if number N is number M or descends from it.
    """

    names: tuple[str, ...]
    above: tuple[int, ...]

    def chosen(self, bits: int) -> tuple[str, ...]:
        """Return the names whose bits are set."""
        return tuple(name for number, name in enumerate(self.names) if bits >> number & 1)


def make_line(history: Iterable[tuple[str, Sequence[str]]], candidates: Collection[str]) -> Line:
    """Return the line of some commits, given all commits with their parents, parents first."""
    names: list[str] = []
    above: list[int] = []
    seen: dict[str, int] = {}
    for commit, parents in history:
        bits = 0
        for parent in parents:
            bits |= seen.get(parent, 0)
        if commit in candidates:
            bits |= 1 << len(names)
            names.append(commit)
            above.append(bits)
        seen[commit] = bits
    return Line(tuple(names), tuple(above))


def halve(line: Line, test: Callable[[str], Verdict]) -> tuple[str, ...]:
    """Return which may be the first bad one, the last of them surely bad.

    The last of the line is known to be bad.  Each test halves what is left, as `git bisect` does;
    this takes for granted that what descends from a bad one is bad.  It is one, unless some
    before it were skipped.
    """
    bad = len(line.names) - 1
    suspects = line.above[bad]
    skipped = 0
    while left := suspects & ~skipped & ~(1 << bad):
        number = _middle(line, suspects, left)
        verdict = test(line.names[number])
        if verdict == "good":
            suspects &= ~line.above[number]
        elif verdict == "bad":
            bad, suspects = number, suspects & line.above[number]
        else:
            skipped |= 1 << number
    return line.chosen(suspects)


def scan(line: Line, verdicts: Mapping[str, Verdict]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what `halve` does, given what all are, and which are good again after a bad one.

    It is the first bad one in the order of the line, whatever comes after it.
    """
    is_bad = _bits(line, verdicts, "bad")
    is_good = _bits(line, verdicts, "good")
    first = (is_bad & -is_bad).bit_length() - 1
    suspects = line.above[first]
    for number in _numbers(suspects & is_good):
        suspects &= ~line.above[number]
    again = (name for number, name in enumerate(line.names) if line.above[number] & is_bad)
    return line.chosen(suspects), tuple(name for name in again if verdicts[name] == "good")


def _middle(line: Line, suspects: int, left: int) -> int:
    """Return the number whose test says most, whichever way it ends."""
    size = suspects.bit_count()

    def worth(number: int) -> int:
        count = (line.above[number] & suspects).bit_count()
        return min(count, size - count)

    return max(_numbers(left), key=worth)


def _bits(line: Line, verdicts: Mapping[str, Verdict], wanted: Verdict) -> int:
    chosen = (n for n, name in enumerate(line.names) if verdicts[name] == wanted)
    return sum(1 << number for number in chosen)


def _numbers(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]
