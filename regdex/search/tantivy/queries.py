"""What a search becomes in Tantivy: terms with constant scores, so that the order of hits is ours.

A document has to match every word, in any order. Scores only add up: a word found in a better way was also found in
the worse ones. The name as a whole brings a bonus above all of them. Downloads and recency multiply the sum by at
most 1.02: they order what matches alike, and nothing else.

Fast because what must match is one set of documents a word (`all` holds every word of a document): Tantivy skips
through these, while a union of alternatives is read from end to end. The scores look only at what matched.
"""

import enum
import math
import re
from collections.abc import Sequence
from typing import TypeAlias

import tantivy

from regdex import search
from regdex.search import tokens
from regdex.search.query import TextFilter
from regdex.search.tantivy.layout import NO_PARENT

MOST_WORDS = 10
FIRST_HITS = 1000  # what can be paged to
ENOUGH = 20  # with fewer hits than this a search for one word goes farther

EXACT_NAME = 4096.0
EXACT_LAST = 2048.0
PREFIX = 1024.0

# What a word adds up to: 7 whole in the name, 5 as a beginning there, 4 joined or apart there, 3 whole elsewhere,
# 2 as a beginning elsewhere, 1 with a typo. One more each in a search that goes FAR, but for what only that finds.
NEAR = 1.0
LESS_FAR = 1.0
WHOLE = 2.0
WHOLE_IN_NAME = 4.0
JOINED = 3.0
LAST_WHOLE = 1.0
LAST_WHOLE_IN_NAME = 1.0
BEGINNING = 1.0
BEGINNING_IN_NAME = 4.0

RANK_LEAST = math.log2(3)  # Tantivy multiplies scores by log2(2 + rank)

Part: TypeAlias = tantivy.Query


class Reach(enum.IntEnum):
    """How far a search goes; each includes the one before it, and finds only worse matches in addition."""

    EXACT = 0  # words and beginnings
    TYPOS = 1  # one letter wrong, missing, added or swapped with its neighbour
    FAR = 2  # two of them, words inside of words, and one word of three or more missing


class Search:
    """The parts of one query against one state of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema, query: search.Query) -> None:
        self._searcher = searcher
        self._schema = schema
        self._query = query
        self._words = tokens.split(query.text, limit=MOST_WORDS)
        self._name = tokens.split_name(query.text)

    @property
    def is_empty(self) -> bool:
        """Nothing was asked for: everything matches."""
        return not self._query.text.strip()

    @property
    def is_void(self) -> bool:
        """Nothing can match: no word in it, or no project visible."""
        return (not self._words and not self.is_empty) or self._query.project_ids == frozenset()

    def rarest(self) -> int:
        """No more documents than this hold every word exactly."""
        return min(self._frequency(word.text) for word in self._words)

    def is_enough(self, reach: Reach, count: int, best: float) -> bool:
        """Whether going farther is not worth its time, by the hits so far and the score of the first."""
        if reach is Reach.EXACT:
            return count >= FIRST_HITS
        if reach is Reach.TYPOS:
            has_typo = len(self._words) == 1 and best < RANK_LEAST * (NEAR + BEGINNING)
            return count >= ENOUGH or (count > 0 and not has_typo)
        return True

    def build(self, reach: Reach) -> Part:
        if self.is_empty:
            return _all([*self._filters(), tantivy.Query.all_query()])
        words = [self._match(at, reach) for at in range(len(self._words))]
        if reach is Reach.FAR and len(words) > 2:
            optional = [(tantivy.Occur.Should, word) for word in words]
            words = [tantivy.Query.boolean_query(optional, minimum_number_should_match=len(words) - 1)]
        required = [(tantivy.Occur.Must, part) for part in (*self._filters(), *words)]
        scores = [score for at in range(len(self._words)) for score in self._scores(at, reach)]
        return tantivy.Query.boolean_query(
            [*required, *((tantivy.Occur.Should, part) for part in (*scores, *self._bonuses()))]
        )

    def _filters(self) -> list[Part]:
        """What the caller may see and asked to be limited to; never part of the words."""
        parts = []
        if self._query.project_ids is not None:
            ids = sorted(self._query.project_ids)
            parts.append(tantivy.Query.term_set_query(self._schema, "project_id", ids))
        for condition in self._query.filters:
            if isinstance(condition, TextFilter) and condition.field in ("registry", "project"):
                parts.append(self._term(condition.field, condition.patterns[0].text))
        return [_scored(part, 0.0) for part in parts]

    def _bonuses(self) -> list[Part]:
        words = [word.text for word in self._words]
        if "/" in self._query.text:
            names = [self._named(self._name.parent, self._name.last)]
            registry, _, rest = self._query.text.strip().partition("/")
            inside = tokens.split_name(rest)
            names.append(_all([self._term("registry", registry.lower()), self._named(inside.parent, inside.last)]))
            last, first = self._name.last, self._name.first
        else:
            names = [self._named("".join(words[:at]), "".join(words[at:])) for at in range(len(words))]
            last, first = "".join(words), words[0]
        bonuses = [_scored(name, EXACT_NAME) for name in names]
        bonuses.append(_scored(self._term("last", last), EXACT_LAST))
        beginning = self._last_begins(last, first)
        if beginning is not None:
            if self._name.parent:
                beginning = _all([self._term("parent", self._name.parent), beginning])
            bonuses.append(_scored(beginning, PREFIX))
        return bonuses

    def _named(self, parent: str, last: str) -> Part:
        return _all([self._term("parent", parent or NO_PARENT), self._term("last", last)])

    def _last_begins(self, last: str, first: str) -> Part | None:
        """The last segment begins with `last`. Its first words are few, last segments nearly as many as documents."""
        if last == first:
            beginning = self._prefix("first", first)
            return _either([beginning, self._prefix("last", last)]) if self._is_unknown(last) else beginning
        return self._prefix("last", last) if len(last) >= 5 else None

    def _match(self, at: int, reach: Reach) -> Part:
        """What a document needs to match a word; 1 in score."""
        word, is_last = self._words[at], at == len(self._words) - 1
        text = word.text
        has_typos = len(text) >= 4 and text.isalpha()  # with digits, one letter off is another version
        ways = [self._fuzzy("all", text, 1) if has_typos and reach is not Reach.EXACT else self._term("all", text)]
        if is_last:
            ways += [self._prefix("words", text), self._prefix("more", text)]
        elif "." in text:  # 1.25 is the beginning of 1.25.3 wherever it stands
            ways += [self._prefix("words", text + "."), self._prefix("more", text + ".")]
        ways += self._joined(at)
        if reach is Reach.FAR:
            ways += self._far(text, has_typos=has_typos, is_last=is_last)
        return _scored(_either(ways) if len(ways) > 1 else ways[0], NEAR)

    def _joined(self, at: int) -> list[Part]:
        """The word as parts of others, or with its neighbour as one: what stands between words is easily forgotten."""
        text, is_last = self._words[at].text, at == len(self._words) - 1
        ways = []
        for neighbours in (self._words[at : at + 2], self._words[max(at - 1, 0) : at + 1]):
            pair = tokens.join(neighbours)
            if len(neighbours) == 2 and self._frequency(pair):
                ways.append(self._term("all", pair))
        if self._words[at].parts:
            ways.append(_all([self._term("all", part) for part in self._words[at].parts]))
        if self._is_unknown(text):
            halves = self._halves(text)
            if halves:
                ways.append(_all([self._term("words", half) for half in halves]))
            ways.append(self._prefix("last", text) if is_last else self._term("last", text))
        return ways

    def _far(self, text: str, *, has_typos: bool, is_last: bool) -> list[Part]:
        ways = []
        if has_typos and is_last:
            ways.append(self._fuzzy("words", text, 1, prefix=True))
        if has_typos and len(text) >= 6:
            ways.append(self._fuzzy("all", text, 2))
        if len(text) >= 3 and len(self._words) <= 2:
            ways.append(tantivy.Query.regex_query(self._schema, "words", f".*{re.escape(text)}.*"))
        return ways

    def _scores(self, at: int, reach: Reach) -> list[Part]:
        """What a document that matches a word gets for matching it better; see the table above."""
        word, is_last = self._words[at], at == len(self._words) - 1
        text = word.text
        scores = []
        if reach is Reach.FAR and len(text) >= 4 and text.isalpha():
            scores.append(_scored(self._fuzzy("all", text, 1), LESS_FAR))
        if is_last:
            scores.append(_scored(self._term("all", text), LAST_WHOLE))
            scores.append(_scored(self._term("words", text), LAST_WHOLE_IN_NAME))
            scores.append(_scored(self._prefix("words", text), BEGINNING_IN_NAME))
            scores.append(_scored(self._prefix("more", text), BEGINNING))
        else:
            scores.append(_scored(self._term("all", text), WHOLE))
            scores.append(_scored(self._term("words", text), WHOLE_IN_NAME))
        scores.extend(_scored(part, JOINED) for part in self._joined(at))
        return scores

    def _halves(self, text: str) -> tuple[str, str] | None:
        """The two known words that `paymentgateway` was made of, if it was."""
        cuts = [(text[:at], text[at:]) for at in range(3, len(text) - 2)]
        frequency, halves = max((min(self._frequency(half, "words") for half in cut), cut) for cut in cuts)
        return halves if frequency else None

    def _is_unknown(self, text: str) -> bool:
        """No name has this word, and it is long enough to be several without what stood between them."""
        return len(text) >= 6 and text.isalpha() and not self._frequency(text, "words")

    def _frequency(self, text: str, field: str = "all") -> int:
        return int(self._searcher.doc_freq(field, text))

    def _term(self, field: str, value: str) -> Part:
        return tantivy.Query.term_query(self._schema, field, value, index_option="basic")

    def _prefix(self, field: str, text: str) -> Part:
        return self._fuzzy(field, text, 0, prefix=True)

    def _fuzzy(self, field: str, text: str, distance: int, *, prefix: bool = False) -> Part:
        return tantivy.Query.fuzzy_term_query(
            self._schema, field, text, distance=distance, transposition_cost_one=True, prefix=prefix
        )


def _all(parts: Sequence[Part]) -> Part:
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])


def _either(parts: Sequence[Part]) -> Part:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])


def _scored(part: Part, score: float) -> Part:
    return tantivy.Query.const_score_query(part, score)
