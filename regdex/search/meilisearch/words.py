"""Encodes words for Meilisearch, in documents and queries alike, so that the engine splits them no further.

Typos are accepted in words of letters. Words with digits, and pairs of Chinese, Japanese or Korean characters, are
strict: one different character is another version or another word. They are encoded as numbers, in which the engine
accepts no typo (`disableOnNumbers`). The beginning of a word is encoded as the beginning of its number.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from regdex.search.tokens import CJK

_starts_with_cjk = re.compile(f"[{CJK}]").match
# Prefixes with which no typed word begins, nor a typed word with a typo.
_LOOSE, _LOOSE_STRICT = "$$", "98"
# A word at the end of a field, so that the field never equals the typed text (ranking rule `exactness`). At the end of
# a query, it becomes the word that matches as a beginning.
END = "99"
_FIRST_GRAM = 910_000
_LETTERS = {letter: at for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789-_.")}


class _Digits(dict[int, str]):
    """Letter → digits: two digits up to 89 for letters of names, 9 and seven digits for all others."""

    def __missing__(self, code: int) -> str:
        digits = self[code] = f"{code - 33:02d}" if 33 <= code < 123 else f"9{code:07d}"
        return digits


_DIGITS = _Digits()


def is_strict(word: str) -> bool:
    """Return whether only the exact word matches, without typos."""
    return not word.isalpha() or (not word.isascii() and _starts_with_cjk(word) is not None)


@lru_cache(maxsize=20_000)
def encode(word: str) -> str:
    return word.translate(_DIGITS) if is_strict(word) else word


def text(found: Iterable[str]) -> str:
    """Return a field of these words."""
    return " ".join(map(encode, found))


@lru_cache(maxsize=70_000)
def gram(letters: str) -> str:
    """Encode up to three consecutive letters as a word that nobody types. All letters that names lack are equal."""
    number = 0
    for letter in letters:
        number = number * 40 + _LETTERS.get(letter, 39)
    return str(_FIRST_GRAM + number)


@lru_cache(maxsize=20_000)
def loose(word: str) -> str:
    """Encode a word as one that nobody types and that is long enough for two typos."""
    return _LOOSE_STRICT + word.translate(_DIGITS) if is_strict(word) else _LOOSE + word


def beginnings(word: str) -> list[str]:
    """Return the word and the beginnings of a version: 1.25.3, 1.25 and 1."""
    found = [word]
    while "." in word:
        word = word.rpartition(".")[0]
        found.append(word)
    return found
