import random

import pytest

from gitmodel.bisection import halve, make_line, scan


def straight(text):
    """Return a line of one-letter names, each the child of the last, and what each is."""
    names = [f"v{number}" for number in range(len(text))]
    history = [(name, names[max(n - 1, 0) : n]) for n, name in enumerate(names)]
    words = {"+": "good", "-": "bad", "?": "skip"}
    return make_line(history, names), {n: words[c] for n, c in zip(names, text, strict=True)}


@pytest.mark.parametrize(
    ("text", "found", "again"),
    [
        ("-", "0", ""),
        ("+-", "1", ""),
        ("+++---", "3", ""),
        ("------", "0", ""),
        ("++??--", "234", ""),
        ("++?-?-", "23", ""),
        ("????-", "01234", ""),
        # What goes back and forth: the first is the first.
        ("+-+-+-", "1", "24"),
        ("+?-+?-", "12", "3"),
    ],
)
def test_scan(text, found, again):
    line, verdicts = straight(text)
    assert scan(line, verdicts) == (
        tuple(f"v{number}" for number in found),
        tuple(f"v{number}" for number in again),
    )


@pytest.mark.parametrize("text", ["-", "+-", "+++---", "------", "++??--", "++?-?-", "????-"])
def test_halving_finds_what_scanning_does(text):
    line, verdicts = straight(text)
    assert halve(line, verdicts.__getitem__) == scan(line, verdicts)[0]


@pytest.mark.parametrize("size", [1, 2, 3, 100, 1000])
def test_halving_takes_few_tests_and_none_twice(size):
    for first in {0, size // 3, size // 2, size - 1}:
        line, verdicts = straight("+" * first + "-" * (size - first))
        tested = []

        def test(name, tested=tested, verdicts=verdicts):
            tested.append(name)
            return verdicts[name]

        assert halve(line, test) == (f"v{first}",)
        assert len(tested) == len(set(tested)) <= size.bit_length()


@pytest.mark.parametrize("seed", range(50))
def test_what_goes_back_and_forth_ends_at_a_change(seed):
    chance = random.Random(seed)
    text = "".join(chance.choice("+-") for _ in range(20)) + "-"
    line, verdicts = straight(text)
    (found,) = halve(line, verdicts.__getitem__)
    number = int(found[1:])
    assert text[number] == "-"
    assert number == 0 or text[number - 1] == "+"


#     b - c
#    /     \
#   a       f - g        d is bad, and so is what it was merged into
#    \     /
#     d - e
MERGED = {"a": "", "b": "a", "c": "b", "d": "a", "e": "d", "f": "ce", "g": "f"}


@pytest.mark.parametrize(
    ("bad", "first"),
    [("defg", "d"), ("efg", "e"), ("bcfg", "b"), ("fg", "f"), ("g", "g"), ("abcdefg", "a")],
)
def test_merges(bad, first):
    line = make_line(((name, list(above)) for name, above in MERGED.items()), set(MERGED))
    verdicts = {name: "bad" if name in bad else "good" for name in MERGED}
    assert halve(line, verdicts.__getitem__) == (first,)
    assert scan(line, verdicts) == ((first,), ())


def test_commits_that_are_no_candidates_pass_on_what_is_above_them():
    line = make_line(((name, list(above)) for name, above in MERGED.items()), {"b", "d", "g"})
    assert line.names == ("b", "d", "g")
    assert line.above == (0b001, 0b010, 0b111)


@pytest.mark.parametrize("seed", range(30))
def test_any_history_in_which_bad_stays_bad(seed):
    chance = random.Random(seed)
    names = [f"v{number}" for number in range(30)]
    history = [
        (n, chance.sample(names[:i], min(i, chance.choice([1, 1, 2])))) for i, n in enumerate(names)
    ]
    line = make_line(history, names)
    culprit = chance.choice(line.chosen(line.above[-1]))
    bit = 1 << names.index(culprit)
    verdicts = {n: "bad" if line.above[i] & bit else "good" for i, n in enumerate(names)}
    assert halve(line, verdicts.__getitem__) == (culprit,)
    assert scan(line, verdicts) == ((culprit,), ())
