"""Recall: how often the first 20 hits of a misspelt word have a repository with the word that was meant."""

import random
from collections.abc import Iterable, Sequence

from regdex.search import Document, Query, SearchIndex, tokens
from tests.benchmarks.questions import SHORTEST, mistype

DEPTH = 20
WORDS = 300


async def recall(index: SearchIndex, documents: Iterable[Document], *, typos: int) -> float:
    """Over words of names of five letters and more, each with `typos` letters wrong."""
    chance = random.Random(4)
    words = sorted({word for document in documents for word in _words(document.repository)})
    found = []
    for word in chance.choices(words, k=WORDS):
        typed = word
        for _ in range(typos):
            typed = mistype(chance, typed)
        if typed not in words:  # it became another word
            hits = (await index.search(Query(text=typed, limit=DEPTH))).documents
            found.append(any(word in _words(hit.repository) for hit in hits))
    return sum(found) / len(found)


def _words(name: str) -> Sequence[str]:
    return [w.text for w in tokens.split(name) if len(w.text) >= SHORTEST and w.text.isalpha()]
