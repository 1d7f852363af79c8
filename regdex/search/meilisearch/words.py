"""Words as they are written for the engine, in documents and queries alike, so that it splits them no further.

Words of letters can be misspelt. Words with digits, and pairs of Chinese, Japanese or Korean signs, are strict: one
off is another version, or another word. These are written as numbers, to which the engine forgives no typo
(`disableOnNumbers`); the beginning of a word is the beginning of its number.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_CJK = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
# What no word begins with that somebody types, nor any typo of one.
_LOOSE, _LOOSE_STRICT = "$$", "98"
# A word at the end of a field, which then never is just what was typed (`exactness`). At the end of a query, it is the
# one of which the beginning would suffice.
END = "99"
_FIRST_GRAM = 910_000
_LETTERS = {letter: at for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789-_.")}


class _Digits(dict[int, str]):
    """Of each letter: two digits, up to 89, of those that names have, and 9 and seven more of all others."""

    def __missing__(self, code: int) -> str:
        digits = self[code] = f"{code - 33:02d}" if 33 <= code < 123 else f"9{code:07d}"
        return digits


_DIGITS = _Digits()


def is_strict(word: str) -> bool:
    """Whether no other word is as good."""
    return not word.isalpha() or (not word.isascii() and _CJK.match(word) is not None)


@lru_cache(maxsize=20_000)
def encode(word: str) -> str:
    return word.translate(_DIGITS) if is_strict(word) else word


def text(found: Iterable[str]) -> str:
    """A field of these words."""
    return " ".join(map(encode, found))


@lru_cache(maxsize=70_000)
def gram(letters: str) -> str:
    """Up to three letters of a name in a row, as a word that nobody types. Letters that names lack are all alike."""
    number = 0
    for letter in letters:
        number = number * 40 + _LETTERS.get(letter, 39)
    return str(_FIRST_GRAM + number)


@lru_cache(maxsize=20_000)
def loose(word: str) -> str:
    """The word as one that nobody types, and in which two typos are forgiven even if it is short."""
    return _LOOSE_STRICT + word.translate(_DIGITS) if is_strict(word) else _LOOSE + word


def beginnings(word: str) -> list[str]:
    """The word and, of a version, what it begins with: 1.25 is the beginning of 1.25.3 wherever it stands."""
    found = [word]
    while "." in word:
        word = word.rpartition(".")[0]
        found.append(word)
    return found
