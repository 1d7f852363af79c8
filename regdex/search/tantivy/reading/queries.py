"""Converts a search to a Tantivy query of terms with constant scores, so that Regdex decides the order of hits.

A document has to match every word, in any order. Scores are added up: a word found in a better way was also found in
the worse ways. A match of the whole name adds a bonus above all of these. Downloads and recency multiply the sum by at
most 1.02, so they order only equally good matches.

Each set of documents is looked up once, both to find and to score. With several words Tantivy reads the rarest and
skips in the others; a union of alternatives is read completely, so each word has as few of them as possible.
"""

import enum
import math
from typing import NamedTuple

import tantivy

from regdex import search
from regdex.search import tokens
from regdex.search.language.query import MAX_WORDS
from regdex.search.tantivy.layout import MIN_RANK
from regdex.search.tantivy.parts import Part, all_of, any_of, anything, scored
from regdex.search.tantivy.reading.conditions import Conditions
from regdex.search.tantivy.reading.dictionaries import Dictionaries
from regdex.search.tantivy.reading.state import State
from regdex.search.tantivy.reading.whole_name import WholeName, take_apart

FIRST_HITS = 1000  # hits that can be paged to
MIN_BEGINNING_LENGTH = 3
MIN_INSIDE_LENGTH = 3
MAX_INSIDE_LENGTH = 12
MIN_WORDS_BUT_ONE = 3
MIN_TYPO_LENGTH = 4
MIN_TWO_TYPOS_LENGTH = 4
ENOUGH = 20  # with fewer hits than this a search for one word is widened

# The sums of the scores of a word: 7 whole in the name, 5 as a beginning there, 4 joined or apart there, 3 whole
# elsewhere, 2 as a beginning elsewhere, 1 with a typo. In a FAR search 1 more for all except two typos. 0.5 more for a
# word of the title, for a word inside of another, and for a typo in a last segment that consists of this word.
NEAR = 1.0
WHOLE_IN_NAME = 4.0
WHOLE = 2.0
JOINED = 4.0
BEGINNING = 2.0
BEGINNING_IN_NAME = 3.0
LAST_WHOLE_IN_NAME = 1.0
IN_TITLE = 0.5
INSIDE = 1.5
NEAR_LAST = 0.5

MIN_RANK_FACTOR = math.log2(2 + MIN_RANK)  # Tantivy multiplies scores by log2(2 + rank)


class Reach(enum.IntEnum):
    """How wide a search is. Each includes the one before it, and adds only worse matches."""

    EXACT = 0  # words and beginnings
    TYPOS = 1  # one letter wrong, missing, added or swapped with its neighbour
    FAR = 2  # two of them, words inside of words, and one word of three or more missing


class _Ways(NamedTuple):
    """The ways to match a word. One of `needed` must match; `better` are special cases of these that add to the score.

    A document's score is the sum of the scores of all ways that match.
    """

    needed: list[Part]
    better: list[Part]


class Search:
    """Builds the Tantivy query of one search on one state of the index."""

    def __init__(self, state: State, query: search.Query) -> None:
        self._schema = state.schema
        self._query = query
        self._index = Dictionaries(state)
        self._words = tokens.split(query.text, limit=MAX_WORDS)
        self._conditions: list[Part] | None = None
        self._bonuses: list[Part] | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether no text was typed. All documents that match the conditions are then found."""
        return not self._query.text.strip()

    @property
    def is_void(self) -> bool:
        """Return whether nothing can match, because the text has no word or no project is visible."""
        return (not self._words and not self.is_empty) or self._query.project_ids == frozenset()

    def rarest(self) -> int:
        """Return the frequency of the rarest word, an upper limit for documents with all words."""
        return min(self._frequency(word.text) for word in self._words)

    def is_enough(self, reach: Reach, count: int, best: float) -> bool:
        """Return whether a wider search is unnecessary, given the number of hits and the score of the first."""
        if reach is Reach.EXACT:
            return count >= FIRST_HITS or (count > 0 and not self._has_typos(Reach.TYPOS))
        if reach is Reach.TYPOS:
            has_typo = len(self._words) == 1 and best < MIN_RANK_FACTOR * BEGINNING
            return count >= ENOUGH or (count > 0 and not has_typo)
        return True

    def build(self, reach: Reach, *, is_scored: bool = True) -> Part:
        """Return the query. Unscored it finds the same documents faster, without parts that only add to the score."""
        if self._conditions is None:
            self._conditions = Conditions(self._index, self._schema).of(self._query)
        if self.is_empty:
            return all_of([*self._conditions, anything()])
        ways = [self._ways(at, reach) for at in range(len(self._words))]
        name = WholeName(self._index, self._query.text, self._words)
        if self._bonuses is None and is_scored:
            self._bonuses = name.bonuses()
        optional = list(self._bonuses or ()) if is_scored else []
        if len(ways) == 1:
            required = [any_of([*ways[0].needed, *(ways[0].better if is_scored else [])])]
        else:
            required = self._together([any_of(of_word.needed) for of_word in ways], reach)
            if reach is not Reach.EXACT and (mistyped := name.mistyped(is_far=reach is Reach.FAR)):
                required = [any_of([all_of(required), *mistyped])]
            optional += (part for of_word in ways for part in of_word.better if is_scored)
        return tantivy.Query.boolean_query(
            [
                *((tantivy.Occur.Must, part) for part in (*self._conditions, *required)),
                *((tantivy.Occur.Should, part) for part in optional),
            ]
        )

    def _together(self, words: list[Part], reach: Reach) -> list[Part]:
        if reach is not Reach.FAR or len(words) < MIN_WORDS_BUT_ONE:
            return words
        most = [(tantivy.Occur.Should, part) for part in words]
        return [tantivy.Query.boolean_query(most, minimum_number_should_match=len(words) - 1)]

    def _ways(self, at: int, reach: Reach) -> _Ways:
        word, is_last = self._words[at], at == len(self._words) - 1
        text = word.text
        whole = NEAR if is_last else NEAR + WHOLE
        needed = [scored(part, whole) for part in self._whole(text)]
        if self._has_typo(text, reach):
            needed = [*self._mistyped(text, reach, is_last=is_last), *([] if is_last else needed)]
        better = [scored(self._index.term("words", text), LAST_WHOLE_IN_NAME if is_last else WHOLE_IN_NAME)]
        if is_last:
            needed += (scored(part, BEGINNING) for part in self._begins(text))
            better.append(scored(self._index.prefix("words", text), BEGINNING_IN_NAME))
        needed += (scored(part, JOINED) for part in self._joined(at))
        # Words of registries and platforms: too many documents have them to search for one alone.
        if (len(self._words) > 1 or reach is Reach.FAR) and self._index.frequency("traits", f"word:{text}"):
            needed.append(scored(self._index.term("traits", f"word:{text}"), WHOLE))
        if self._index.frequency("title", text):
            better.append(scored(self._index.term("title", text), IN_TITLE))
        if reach is Reach.FAR and self._may_be_inside(text):
            needed.append(scored(self._index.glob("words", f"*{text}*"), INSIDE))
        return _Ways(needed, better)

    def _has_typo(self, text: str, reach: Reach) -> bool:
        """Return whether to accept typos in a word: not if it has digits, because that would be another version.

        Of several words, existing ones are taken as typed. If all exist but no document has them together, any of them
        may have a typo.
        """
        if reach is Reach.EXACT or len(text) < MIN_TYPO_LENGTH or not text.isalpha():
            return False
        if len(self._words) == 1 or not (self._frequency(text) or self._index.frequency("traits", f"word:{text}")):
            return True
        return reach is Reach.FAR and self.rarest() > 0

    def _may_be_inside(self, text: str) -> bool:
        """Return whether to search inside of other words, which scans all words of the index."""
        is_meant_so = len(self._words) > 1 and self._frequency(text) > 0
        return MIN_INSIDE_LENGTH <= len(text) <= MAX_INSIDE_LENGTH and len(self._words) <= 2 and not is_meant_so

    def _has_typos(self, reach: Reach) -> bool:
        return any(self._has_typo(word.text, reach) for word in self._words)

    def _mistyped(self, text: str, reach: Reach, *, is_last: bool) -> list[Part]:
        ways = [scored(self._index.near("all", text, 1), NEAR)]
        if self._index.frequency("also", text):
            ways.append(scored(self._index.term("also", text), NEAR))
        if len(self._words) == 1:
            ways.append(scored(self._index.near("last", text, 1), NEAR_LAST))
        if reach is Reach.FAR and is_last:
            ways.append(scored(self._index.near("words", text, 1, is_beginning=True), NEAR))
        if reach is Reach.FAR and len(text) >= MIN_TWO_TYPOS_LENGTH:  # in names only, which have few words
            ways.append(scored(self._index.near("words", text, 2), NEAR))
        if self._is_unknown(text):
            ways.append(scored(self._index.near("last", text, 1 if reach is Reach.TYPOS else 2), NEAR))
        return ways

    def _whole(self, text: str) -> list[Part]:
        fields = [field for field in ("all", "also") if self._index.frequency(field, text)]
        return [self._index.term(field, text) for field in fields or ("all",)]

    def _begins(self, text: str) -> list[Part]:
        """Match beginnings of words. One or two letters match in names only: other fields have too many such words."""
        is_short = len(text) < MIN_BEGINNING_LENGTH and text.isascii()
        return [self._index.prefix(field, text) for field in (("words",) if is_short else ("all", "also"))]

    def _joined(self, at: int) -> list[Part]:
        """Match the word as parts of other words, or joined with a neighbour, because separators are often left out."""
        text, is_last = self._words[at].text, at == len(self._words) - 1
        ways = []
        for neighbours in (self._words[at : at + 2], self._words[max(at - 1, 0) : at + 1]):
            pair = tokens.join(neighbours)
            if len(neighbours) == 2 and self._frequency(pair):
                ways += self._whole(pair)
        if self._words[at].parts and not (text[1:2].isdigit() and self._frequency(text)):  # v2 means v2, not v and 2
            *parts, last = self._words[at].parts
            ends = [*self._whole(last), *(self._begins(last) if is_last else [])]
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

    def _is_unknown(self, text: str) -> bool:
        """Return whether no name has this word and it is long enough to be several words without separators."""
        return len(text) >= 6 and text.isalpha() and not self._index.frequency("words", text)

    def _frequency(self, text: str) -> int:
        return self._index.frequency("all", text) + self._index.frequency("also", text)
