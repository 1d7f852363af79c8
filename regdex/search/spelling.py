"""The edit distance of words, and the number of typos that is accepted."""

from functools import lru_cache


def max_typos(word: str) -> int:
    """Return the accepted typos in a word: 0 below four letters or with digits, 1 below eight letters, else 2."""
    if len(word) < 4 or not word.isalpha():
        return 0
    return 1 if len(word) < 8 else 2


@lru_cache(maxsize=50_000)
def is_within(one: str, other: str, max_distance: int) -> bool:
    """Return whether the distance is at most `max_distance`. A comparison of letters rules out most pairs quickly."""
    if len(set(one).difference(other)) > max_distance or len(set(other).difference(one)) > max_distance:
        return False
    return distance(one, other) <= max_distance


@lru_cache(maxsize=50_000)
def distance(one: str, other: str) -> int:
    """Count the letters to add, remove, replace, or swap with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, its in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
