"""One commit of an index for searches, with the data about it that they have cached."""

import threading
import time
from dataclasses import dataclass, field
from typing import TypeAlias

import tantivy

from regdex.search import FacetValue, Query
from regdex.search.tantivy.reading.vocabulary import Vocabulary, read_vocabulary

# Facets of recent queries: every page of a search needs the same ones.
Counted: TypeAlias = dict[Query, dict[str, list[FacetValue]]]

# Reading words may take this fraction (1/n) of the time, because commits may come faster than they are read.
LEARNING_SHARE = 20


@dataclass(slots=True)
class State:
    """One commit. `words` is None until they are read; it stays None if they are not all ASCII, or too many."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    counted: Counted = field(default_factory=dict)
    words: Vocabulary | None = None
    has_missed_words: bool = False

    def words_holding(self, letters: str) -> list[str] | None:
        """Return the words of names that contain these letters; None if the dictionary has to be scanned for them."""
        if self.words is None:
            self.has_missed_words = True
            return None
        return self.words.holding(letters)


class Learning:
    """Reads the words of states in which a search needed them, one state at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0

    def learn(self, state: State) -> None:
        """Read the words, unless it is too soon or already running. It takes milliseconds, in a background thread."""
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
