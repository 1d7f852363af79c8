"""`did_you_mean`: the correction that is offered when a search finds nothing.

This works with every engine. Each word is searched for alone, and the engine corrects typos. A word with hits is
replaced by its spelling in the hits; a word without hits is dropped. The remaining words are offered if they find
something together; otherwise the first of them is offered.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace

from regdex.search import Found, Query, SearchIndex, tokens
from regdex.search.spelling import distance

MAX_WORDS = 6
_WORDS = re.compile(r"\S+")


async def correct(engine: SearchIndex, query: Query) -> str:
    """Return words that find something with the same filters; empty when there are none or no correction is needed."""
    words = _WORDS.findall(query.text)[:MAX_WORDS]
    if not words or query.offset:
        return ""
    if len(words) == 1 and "/" not in query.text and not query.phrases and not query.wildcards:
        return ""  # this word was just searched for alone; a host before a slash would have become a filter
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
    """Return the closest word in the names found for `word`, or `word` itself when one of the names contains it."""
    typed = tokens.fold(word)
    names = [document.repository for document in found.documents]
    if any(typed in name for name in names):
        return word
    return min(_words_of(names), key=lambda candidate: distance(candidate, typed), default=word)


def _words_of(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(part for name in names for part in re.findall(r"[a-z0-9.]+", name)))
