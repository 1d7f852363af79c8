"""Words as they are written for the engine, in documents and queries alike, so that it splits them no further.

Words of letters can be misspelt. Words with digits, and pairs of Chinese, Japanese or Korean signs, are strict: one
off is another version, or another word. The engine is told to leave fields of strict words alone.
"""

import re
from collections.abc import Iterable

# A word that every document has: what is searched for where only conditions count.
ANY = "$any"
# Signs that are no separators to the engine. That others are none could be a setting, but a costly one: the engine
# then makes its list of separators anew for every search.
_DOT, _MARK = "$", "$"

_CJK = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)


def is_strict(word: str) -> bool:
    """Whether no other word is as good."""
    return not word.isalpha() or (not word.isascii() and _CJK.match(word) is not None)


def part(found: Iterable[str]) -> tuple[str, str]:
    """Words as two texts: those that can be misspelt, and strict ones."""
    forgiving: list[str] = []
    strict: list[str] = []
    for word in found:
        if word.isascii() and word.isalpha():
            forgiving.append(word)
        elif is_strict(word):
            strict.append(encode(word))
        else:
            forgiving.append(word)
    return " ".join(forgiving), " ".join(strict)


def encode(word: str) -> str:
    """The word without what the engine would split or fold; beginnings stay beginnings.

    Dots of versions become another sign; Chinese, Japanese and Korean ones code points.
    """
    if word.isascii() or not _CJK.search(word):
        return word.replace(".", _DOT)
    return _MARK + "".join(f"{ord(sign):05x}" for sign in word)


def beginnings(word: str) -> list[str]:
    """The word and, of a version, what it begins with: 1.25 is the beginning of 1.25.3 wherever it stands."""
    found = [word]
    while "." in word:
        word = word.rpartition(".")[0]
        found.append(word)
    return found
