"""The distinct words of names, in memory, to find the words that contain given letters.

Tantivy's dictionaries are sorted by beginnings: finding letters inside of words scans all words, at about 60 ns each.
"""

import string
from collections.abc import Callable, Iterable

# A search reads one character in 1 ns and holds the GIL; for more characters the dictionary is scanned instead.
MAX_CHARACTERS = 2_000_000
MAX_HOLDING = 1000  # words with the same letters inside; for more of them, an automaton is smaller than a list

_FIRST = string.digits + string.ascii_lowercase
_END = "\n"


class Vocabulary:
    """Words of ASCII letters and digits."""

    def __init__(self, words: Iterable[str]) -> None:
        self._text = _END.join(("", *words, ""))

    def holding(self, letters: str) -> list[str] | None:
        """Return the words that contain these letters; None if there are more than `MAX_HOLDING`."""
        text = self._text
        found: list[str] = []
        at = text.find(letters)
        while at >= 0:
            if len(found) == MAX_HOLDING:
                return None
            end = text.index(_END, at)
            found.append(text[text.rindex(_END, 0, at) + 1 : end])
            at = text.find(letters, end)
        return found


def read_vocabulary(list_words: Callable[[str], list[str]]) -> Vocabulary | None:
    """Read words by first character, so that other threads can run in between. Return None if too large."""
    words: list[str] = []
    left = MAX_CHARACTERS
    for first in _FIRST:
        these = list_words(first)
        left -= sum(map(len, these)) + len(these)
        if left < 0:
            return None
        words += these
    return Vocabulary(words)
