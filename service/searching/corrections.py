"""`did_you_mean`: a query that finds something, where one found nothing.

Engine-neutral: each word is searched for alone, as forgivingly as the engine can. A word that finds something stays,
spelt as it was found; one that finds nothing is left out. What remains is offered if it finds something.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace

from regdex.search import Found, Query, SearchIndex, tokens
from regdex.search.spelling import distance

MOST_WORDS = 6
_WORDS = re.compile(r"\S+")


async def correct(engine: SearchIndex, query: Query) -> str:
    """Plain words that find something within the same filters; empty when there are none, or nothing to correct."""
    words = _WORDS.findall(query.text)[:MOST_WORDS]
    if not words or query.offset:
        return ""
    if len(words) == 1 and "/" not in query.text and not query.phrases and not query.wildcards:
        return ""  # it was alone; only a host before a slash makes it another search
    alone = await asyncio.gather(*(_find(engine, query, word) for word in words))
    spelt = [_spelling(word, found) for word, found in zip(words, alone, strict=True) if found.documents]
    corrected = " ".join(dict.fromkeys(word for word in spelt if word))
    if not corrected or corrected == query.text:
        return ""
    if len(spelt) == 1 or (await _find(engine, query, corrected)).documents:
        return corrected
    return spelt[0]


async def _find(engine: SearchIndex, query: Query, text: str) -> Found:
    return await engine.search(replace(query, text=text, phrases=(), wildcards=(), facets=(), limit=5))


def _spelling(word: str, found: Found) -> str:
    """The word of a name that was found for it, the one nearest to it; the word itself where that is there."""
    typed = tokens.fold(word)
    names = [document.repository for document in found.documents]
    if any(typed in name for name in names):
        return word
    return min(_standing(names), key=lambda candidate: distance(candidate, typed), default=word)


def _standing(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(part for name in names for part in re.findall(r"[a-z0-9.]+", name)))
