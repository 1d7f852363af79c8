"""Where a hit matches a query: the same for every engine, from the query and the document alone.

A word is shown where it stands, as a beginning or inside of a longer one; across separators where it was typed without
them; and where nothing of that is found, the words one or two letters away. Pure; no markup: whoever shows it escapes.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from regdex.search import Document, Query, tokens
from regdex.search.matching import compile_pattern
from regdex.search.query import Pattern
from regdex.search.spelling import distance, most_typos

FIELDS = ("repository", "title", "description")
LONGEST = 200  # characters of a description that are shown
BEFORE = 60  # of them, before the first match
MOST_WORDS = 10

Span = tuple[int, int]
Piece = tuple[str, bool]


def highlight(document: Document, query: Query) -> dict[str, list[Piece]]:
    """Field → its pieces in order, whether each matched; only fields in which something did."""
    texts = [query.text, *query.phrases]
    words = list(dict.fromkeys(w.text for text in texts for w in tokens.split(text, limit=MOST_WORDS)))[:MOST_WORDS]
    found: dict[str, list[Piece]] = {}
    for field in FIELDS:
        text = str(getattr(document, field))
        spans = _merge(_spans(text, words, query.wildcards if field == "repository" else ()))
        if spans:
            found[field] = _pieces(text, spans)
    return found


def _spans(text: str, words: Sequence[str], wildcards: Iterable[str]) -> list[Span]:
    if not text:
        return []
    letters, places = _letters(text)
    standing = [(m.start(), m.end()) for m in re.finditer(r"[^\W_]+", text)]
    begins = {start for start, _ in standing}
    spans: list[Span] = []
    for word in words:
        plain = "".join(c for c in word if c.isalnum())
        exact = [
            (places[at], places[at + len(plain) - 1] + 1)
            for at in _occurrences(letters, plain)
            # One or two Latin letters are shown at the beginning of a word only: inside, they are everywhere.
            if len(plain) > 2 or not plain.isascii() or places[at] in begins
        ]
        spans += exact or _near(text, standing, plain)
    for wildcard in wildcards:
        expression = compile_pattern(Pattern(tokens.fold(wildcard), is_glob=True))
        if expression.fullmatch(tokens.fold(text)) or expression.fullmatch(tokens.fold(text.rpartition("/")[2])):
            spans.append((text.rfind("/") + 1, len(text)))
        spans += [span for span in standing if expression.fullmatch(tokens.fold(text[slice(*span)]))]
    return spans


def _letters(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text, folded, and where each stood."""
    if text.isascii():
        places = [at for at, character in enumerate(text) if character.isalnum()]
        return "".join(text[at] for at in places).lower(), places
    letters: list[str] = []
    places = []
    for at, character in enumerate(text):
        folded = "".join(c for c in unicodedata.normalize("NFKD", character.lower()) if c.isalnum())
        letters.append(folded)
        places += [at] * len(folded)
    return "".join(letters), places


def _occurrences(letters: str, word: str) -> Iterable[int]:
    at = letters.find(word) if word else -1
    while at >= 0:
        yield at
        at = letters.find(word, at + 1)


def _near(text: str, standing: Iterable[Span], word: str) -> list[Span]:
    allowed = most_typos(word)
    return [
        (start, end)
        for start, end in standing
        if allowed
        and abs(end - start - len(word)) <= allowed
        and distance(tokens.fold(text[start:end]), word) <= allowed
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
    if last > LONGEST:
        first = max(0, min(spans[0][0] - BEFORE, last - LONGEST))
        last = first + LONGEST
    pieces: list[Piece] = [("…", False)] if first else []
    at = first
    for span in spans:
        start, end = max(span[0], first), min(span[1], last)
        if start < end:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    pieces += [(text[at:last], False), ("…" if last < len(text) else "", False)]
    return [piece for piece in pieces if piece[0]]
