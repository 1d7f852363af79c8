"""The different words of names, in memory: which of them have some letters inside is then found without Tantivy.

Its dictionaries are sorted by beginnings; for what is inside of words each of them has to be looked at, at some 60 ns.
"""

import string
from collections.abc import Callable, Iterable

# Looked through at one a nanosecond, while nothing else in the process is: more words than that are left to scans.
MAX_CHARACTERS = 2_000_000
MAX_HOLDING = 1000  # words with the same letters inside: for more, an automaton is the shorter way to say it

_FIRST = string.digits + string.ascii_lowercase
_END = "\n"


class Vocabulary:
    """Words of ASCII letters and digits."""

    def __init__(self, words: Iterable[str]) -> None:
        self._text = _END.join(("", *words, ""))

    def holding(self, letters: str) -> list[str] | None:
        """The words with these letters anywhere; None where they are too many to be listed."""
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
    """Of what `list_words` gives for each beginning, so that others can go on between; None if too large."""
    words: list[str] = []
    left = MAX_CHARACTERS
    for first in _FIRST:
        these = list_words(first)
        left -= sum(map(len, these)) + len(these)
        if left < 0:
            return None
        words += these
    return Vocabulary(words)
