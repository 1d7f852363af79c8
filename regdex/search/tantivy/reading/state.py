"""One commit of an index as searches see it, and what they have found out about it so far."""

import threading
import time
from dataclasses import dataclass, field
from typing import TypeAlias

import tantivy

from regdex.search import FacetValue, Query
from regdex.search.tantivy.reading.vocabulary import Vocabulary, read_vocabulary

# Facets of queries that were asked lately: each page of a search asks for the same ones.
Counted: TypeAlias = dict[Query, dict[str, list[FacetValue]]]

# Of the time, one part in so many may go into reading words: commits may come faster than that.
LEARNING_SHARE = 20


@dataclass(slots=True)
class State:
    """`words` is None until they have been read, and for good where they are not all ASCII or too many."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    counted: Counted = field(default_factory=dict)
    words: Vocabulary | None = None
    has_missed_words: bool = False

    def words_holding(self, letters: str) -> list[str] | None:
        """The words of names with these letters inside; None when the dictionary has to be scanned for them."""
        if self.words is None:
            self.has_missed_words = True
            return None
        return self.words.holding(letters)


class Learning:
    """Reads the words of states that searches missed them in, one state at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0

    def learn(self, state: State) -> None:
        """Unless it is too soon, or being done. Takes milliseconds: for a thread that nobody waits for."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            began = time.monotonic()
            if state.words is None and state.has_missed_words and began >= self._due:
                state.has_missed_words = False
                if not state.searcher.doc_freq("traits", "unusual:words"):
                    state.words = read_vocabulary(
                        lambda first: [word for word, _ in state.searcher.terms_with_prefix("words", first)]
                    )
                now = time.monotonic()
                self._due = now + LEARNING_SHARE * (now - began)
        finally:
            self._lock.release()
