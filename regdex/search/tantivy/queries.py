"""What a search becomes in Tantivy: terms with constant scores, so that the order of hits is ours.

A document has to match every word, in any order. Scores only add up: a word found in a better way was also found in
the worse ones. The name as a whole brings a bonus above all of them. Downloads and recency multiply the sum by at
most 1.02: they order what matches alike, and nothing else.

Fast because what must match is one set of documents a word (`all` holds every word of a document): Tantivy skips
through these, while a union of alternatives is read from end to end. The scores look only at what matched.
"""

import enum
import math

import tantivy

from regdex import search
from regdex.search import tokens
from regdex.search.tantivy.conditions import Conditions
from regdex.search.tantivy.dictionaries import Dictionaries
from regdex.search.tantivy.parts import Part, all_of, any_of, anything, scored
from regdex.search.tantivy.whole_name import WholeName, take_apart

MOST_WORDS = 10
FIRST_HITS = 1000  # what can be paged to
SHORTEST_BEGINNING = 3
ENOUGH = 20  # with fewer hits than this a search for one word goes farther

# What a word adds up to: 7 whole in the name, 5 as a beginning there, 4 joined or apart there, 3 whole elsewhere,
# 2 as a beginning elsewhere, 1 with a typo. One more each in a search that goes FAR, but for what only that finds.
# Half of one more for a word of the title, for a word inside of another rather than two typos, and for a typo in a
# last segment that is but this word.
NEAR = 1.0
LESS_FAR = 1.0
WHOLE = 2.0
WHOLE_IN_NAME = 4.0
JOINED = 3.0
LAST_WHOLE = 1.0
LAST_WHOLE_IN_NAME = 1.0
BEGINNING = 1.0
BEGINNING_IN_NAME = 4.0
IN_TITLE = 0.5
INSIDE = 0.5
NEAR_LAST = 0.5

RANK_LEAST = math.log2(3)  # Tantivy multiplies scores by log2(2 + rank)


class Reach(enum.IntEnum):
    """How far a search goes; each includes the one before it, and finds only worse matches in addition."""

    EXACT = 0  # words and beginnings
    TYPOS = 1  # one letter wrong, missing, added or swapped with its neighbour
    FAR = 2  # two of them, words inside of words, and one word of three or more missing


class Search:
    """The parts of one query against one state of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema, query: search.Query) -> None:
        self._schema = schema
        self._query = query
        self._index = Dictionaries(searcher, schema)
        self._words = tokens.split(query.text, limit=MOST_WORDS)
        self._conditions: list[Part] | None = None

    @property
    def is_empty(self) -> bool:
        """No words were typed: all that fits the conditions is found."""
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
        if self._conditions is None:
            self._conditions = Conditions(self._index, self._schema).of(self._query)
        if self.is_empty:
            return all_of([*self._conditions, anything()])
        words = [self._match(at, reach) for at in range(len(self._words))]
        if reach is Reach.FAR and len(words) > 2:
            optional = [(tantivy.Occur.Should, word) for word in words]
            words = [tantivy.Query.boolean_query(optional, minimum_number_should_match=len(words) - 1)]
        required = [(tantivy.Occur.Must, part) for part in (*self._conditions, *words)]
        scores = [score for at in range(len(self._words)) for score in self._scores(at, reach)]
        bonuses = WholeName(self._index, self._query.text, self._words).bonuses()
        return tantivy.Query.boolean_query([*required, *((tantivy.Occur.Should, part) for part in (*scores, *bonuses))])

    def _match(self, at: int, reach: Reach) -> Part:
        """What a document needs to match a word; 1 in score."""
        word, is_last = self._words[at], at == len(self._words) - 1
        text = word.text
        has_typos = len(text) >= 4 and text.isalpha()  # with digits, one letter off is another version
        ways = self._near(text, 1) if has_typos and reach is not Reach.EXACT else self._whole(text)
        ways += self._begins(text) if is_last else []
        ways += self._versions(text)
        ways += self._joined(at)
        if has_typos and reach is not Reach.EXACT and self._is_unknown(text):
            ways.append(self._fuzzy("last", text, 1 if reach is Reach.TYPOS else 2))
        if reach is Reach.FAR:
            ways += self._far(text, has_typos=has_typos, is_last=is_last)
        return scored(any_of(ways), NEAR)

    def _whole(self, text: str) -> list[Part]:
        fields = [field for field in ("all", "also") if self._index.frequency(field, text)]
        return [self._index.term(field, text) for field in fields or ("all",)]

    def _near(self, text: str, distance: int) -> list[Part]:
        return [self._fuzzy(field, text, distance) for field in ("all", "also")]

    def _begins(self, text: str) -> list[Part]:
        """With one or two letters only words of names: other words that begin with them are too many to look up."""
        is_short = len(text) < SHORTEST_BEGINNING and text.isascii()
        return [self._index.prefix(field, text) for field in (("words",) if is_short else ("all", "also"))]

    def _versions(self, text: str) -> list[Part]:
        """1.25 is the beginning of 1.25.3 wherever it stands."""
        return [self._index.prefix("all", f"{text}.")] if text[-1].isdigit() and text[0].isdigit() else []

    def _joined(self, at: int) -> list[Part]:
        """The word as parts of others, or with its neighbour as one: what stands between words is easily forgotten."""
        text, is_last = self._words[at].text, at == len(self._words) - 1
        ways = []
        for neighbours in (self._words[at : at + 2], self._words[max(at - 1, 0) : at + 1]):
            pair = tokens.join(neighbours)
            if len(neighbours) == 2 and self._frequency(pair):
                ways += self._whole(pair)
        if self._words[at].parts:
            *parts, last = self._words[at].parts
            ends = [*self._whole(last), *(self._begins(last) if is_last else []), *self._versions(last)]
            ways.append(all_of([*(any_of(self._whole(part)) for part in parts), any_of(ends)]))
        if self._is_unknown(text):
            whole, beginning = take_apart(self._index, text)
            if whole:
                ways.append(all_of(self._index.term("words", piece) for piece in whole))
            if beginning and is_last:
                known = [self._index.term("words", piece) for piece in beginning[:-1]]
                ways.append(all_of([*known, self._index.prefix("words", beginning[-1])]))
            sounds = tokens.pairs_of_syllables(text, lambda pair: self._index.frequency("also", pair) > 0)
            if len(sounds) > 1:
                ways.append(all_of(self._index.term("also", pair) for pair in sounds))
        return ways

    def _far(self, text: str, *, has_typos: bool, is_last: bool) -> list[Part]:
        ways = []
        if has_typos and is_last:
            ways.append(self._fuzzy("words", text, 1, prefix=True))
        if has_typos and len(text) >= 6:
            ways += self._near(text, 2)
        return [*ways, *self._inside(text)]

    def _inside(self, text: str) -> list[Part]:
        return [self._index.glob("words", f"*{text}*")] if len(text) >= 3 and len(self._words) <= 2 else []

    def _scores(self, at: int, reach: Reach) -> list[Part]:
        """What a document that matches a word gets for matching it better; see the table above."""
        word, is_last = self._words[at], at == len(self._words) - 1
        text = word.text
        scores = []
        if reach is Reach.FAR and len(text) >= 4 and text.isalpha():
            scores.append(scored(any_of(self._near(text, 1)), LESS_FAR))
        if reach is Reach.FAR:
            scores.extend(scored(part, INSIDE) for part in self._inside(text))
        if reach is not Reach.EXACT and len(self._words) == 1 and len(text) >= 4 and text.isalpha():
            scores.append(scored(self._fuzzy("last", text, 1), NEAR_LAST))
        if self._index.frequency("title", text):
            scores.append(scored(self._index.term("title", text), IN_TITLE))
        if is_last:
            scores.append(scored(any_of(self._whole(text)), LAST_WHOLE))
            scores.append(scored(self._index.term("words", text), LAST_WHOLE_IN_NAME))
            scores.append(scored(self._index.prefix("words", text), BEGINNING_IN_NAME))
            scores.append(scored(any_of(self._begins(text)), BEGINNING))
        else:
            scores.append(scored(any_of(self._whole(text)), WHOLE))
            scores.append(scored(self._index.term("words", text), WHOLE_IN_NAME))
        scores.extend(scored(part, JOINED) for part in self._joined(at))
        return scores

    def _is_unknown(self, text: str) -> bool:
        """No name has this word, and it is long enough to be several without what stood between them."""
        return len(text) >= 6 and text.isalpha() and not self._index.frequency("words", text)

    def _frequency(self, text: str) -> int:
        return self._index.frequency("all", text) + self._index.frequency("also", text)

    def _fuzzy(self, field: str, text: str, distance: int, *, prefix: bool = False) -> Part:
        return tantivy.Query.fuzzy_term_query(
            self._schema, field, text, distance=distance, transposition_cost_one=True, prefix=prefix
        )
