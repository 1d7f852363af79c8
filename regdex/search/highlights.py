"""Highlights: the parts of a hit that match the query, computed from query and document alone, for every engine.

A word of the query matches as a whole word, as a beginning or inside of a longer word, and across separators. If there
is no such match, words with one or two different letters match. The output has no markup; the caller escapes it.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from regdex.search import Document, Query, tokens
from regdex.search.language.query import MAX_WORDS, Pattern
from regdex.search.matching import compile_pattern
from regdex.search.spelling import is_within, max_typos

FIELDS = ("repository", "title", "description")
MAX_SHOWN = 200  # characters of a description that are shown
BEFORE = 60  # of these, before the first match

_WORD = re.compile(r"[^\W_]+")
_NO_SIGNS = {at: None for at in range(128) if not chr(at).isalnum()}

Span = tuple[int, int]
Piece = tuple[str, bool]


class Highlighter:
    """Computes the highlights of the hits of one query."""

    def __init__(self, query: Query) -> None:
        texts = [query.text, *query.phrases]
        words = list(dict.fromkeys(w.text for text in texts for w in tokens.split(text, limit=MAX_WORDS)))
        plain = ("".join(filter(str.isalnum, word)) for word in words[:MAX_WORDS])
        self._words = [(word, max_typos(word)) for word in plain]
        self._wildcards = [compile_pattern(Pattern(tokens.fold(w), is_glob=True)) for w in query.wildcards]

    def highlight(self, document: Document) -> dict[str, list[Piece]]:
        """Return field → its pieces in order, each with whether it matched. Fields without a match are left out."""
        found: dict[str, list[Piece]] = {}
        for field in FIELDS:
            text: str = getattr(document, field)
            spans = self._spans(text, is_name=field == "repository") if text else []
            if spans:
                found[field] = _pieces(text, _merge(spans))
        return found

    def _spans(self, text: str, *, is_name: bool) -> list[Span]:
        letters = _letters(text)
        standing = [match.span() for match in _WORD.finditer(text)]
        spans: list[Span] = []
        for word, typos in self._words:
            exact = _exact(text, standing, letters, word) if word and word in letters else ()
            spans += exact or (_near(text, standing, word, typos) if typos else ())
        if is_name:
            for expression in self._wildcards:
                spans += _fitting(text, standing, expression)
        return spans


def _fitting(text: str, standing: Iterable[Span], expression: re.Pattern[str]) -> list[Span]:
    """Return the words of a name that match a wildcard, and its last segment if that or the full name matches."""
    last = text.rfind("/") + 1
    spans = [span for span in standing if expression.fullmatch(text, *span)]
    if expression.fullmatch(text) or expression.fullmatch(text, last):
        spans.append((last, len(text)))
    return spans


def _letters(text: str) -> str:
    """Return the letters and digits of a text, case and accents folded."""
    return text.translate(_NO_SIGNS).lower() if text.isascii() else "".join(map(_folded, text))


def _places(text: str) -> list[int]:
    """Return the position in `text` of each character of `_letters(text)`."""
    return [at for at, character in enumerate(text) for _ in _folded(character)]


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", character.lower()) if c.isalnum())


def _exact(text: str, standing: Iterable[Span], letters: str, word: str) -> list[Span]:
    places = _places(text)
    found = [(places[at], places[at + len(word) - 1] + 1) for at in _occurrences(letters, word)]
    if len(word) > 2 or not word.isascii():
        return found
    # One or two Latin letters match only at the beginning of a word: inside of words they are too frequent.
    begins = {start for start, _ in standing}
    return [span for span in found if span[0] in begins]


def _occurrences(letters: str, word: str) -> Iterable[int]:
    at = letters.find(word)
    while at >= 0:
        yield at
        at = letters.find(word, at + 1)


def _near(text: str, standing: Iterable[Span], word: str, typos: int) -> list[Span]:
    return [
        (start, end)
        for start, end in standing
        if abs(end - start - len(word)) <= typos and is_within(tokens.fold(text[start:end]), word, typos)
    ]


def _merge(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _pieces(text: str, spans: Sequence[Span]) -> list[Piece]:
    first, last = 0, len(text)
    if last > MAX_SHOWN:
        first = max(0, min(spans[0][0] - BEFORE, last - MAX_SHOWN))
        last = first + MAX_SHOWN
    pieces: list[Piece] = [("…", False)] if first else []
    at = first
    for span in spans:
        start, end = max(span[0], first), min(span[1], last)
        if start < end:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    pieces += [(text[at:last], False), ("…" if last < len(text) else "", False)]
    return [piece for piece in pieces if piece[0]]
