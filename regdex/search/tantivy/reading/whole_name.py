"""Bonuses for documents whose whole name, last segment or beginning of the last segment was typed."""

from collections.abc import Iterator, Sequence
from itertools import product

from regdex.search import tokens
from regdex.search.casing import caseless
from regdex.search.tantivy.parts import Part, all_of, any_of, scored
from regdex.search.tantivy.reading.dictionaries import Dictionaries
from regdex.search.tokens import Word

EXACT_NAME = 4096.0
EXACT_LAST = 2048.0
PREFIX = 1024.0
TURNED_NAME = 512.0
NEAR_LAST = 256.0

MIN_MISTYPED_LENGTH = 5
MIN_MISTYPED_TWICE_LENGTH = 9

SEPARATORS = ("-", "_", ".", "")
_NO_SEPARATORS = str.maketrans("", "", "-_.")
PATH_SEPARATORS = ("/", *SEPARATORS)
MAX_MIXED = 3  # up to this many words, all combinations of separators are tried; above, the same separator everywhere

MIN_PIECE_LENGTH = 3
MAX_JOINED_LENGTH = 40
MAX_PIECES = 4


class WholeName:
    """Builds the bonuses of a typed `text` with these `words`."""

    def __init__(self, index: Dictionaries, text: str, words: Sequence[Word]) -> None:
        self._index = index
        self._text = text.strip()
        self._words = words

    def bonuses(self) -> list[Part]:
        if "/" in self._text:
            return [*self._exact_path(), *self._exact_last(self._text.rpartition("/")[2])]
        return [*self._exact_words(), *self._exact_last(self._text)]

    def mistyped(self, *, is_far: bool) -> list[Part]:
        """Match the whole last segment with a typo anywhere, also in a separator or in a short word.

        Unless `is_far`, only a segment without digits matches, because one different digit is another version.
        """
        path, slash, last = caseless(self._text).rpartition("/")
        last = "-".join(last.split())
        if len(last) < MIN_MISTYPED_LENGTH or not (is_far or last.translate(_NO_SEPARATORS).isalpha()):
            return []
        distance = 2 if is_far and len(last) >= MIN_MISTYPED_TWICE_LENGTH else 1
        near = self._index.near("last", last, distance)
        return [scored(all_of([self._index.term("path", path + slash), near]) if path else near, NEAR_LAST)]

    def _exact_path(self) -> Iterator[Part]:
        """Match the full name, optionally after its registry."""
        registry, _, rest = self._text.partition("/")
        for name, in_registry in ((self._text, None), (rest, registry)):
            path, slash, last = name.rpartition("/")
            named = self._named([caseless(path + slash)], tokens.split(last), last)
            if named is not None:
                only = [self._index.term("registry", caseless(in_registry))] if in_registry is not None else []
                yield scored(all_of([*only, named]), EXACT_NAME)

    def _exact_words(self) -> Iterator[Part]:
        """Match a name typed with spaces: the path may end after any word, or follow the last segment."""
        for at in range(len(self._words)):
            first, then = self._words[:at], self._words[at:]
            for above, last, score in ((first, then, EXACT_NAME), (then, first, TURNED_NAME)):
                paths = mixed([word.text for word in above], PATH_SEPARATORS)
                named = self._named([f"{path}/" for path in paths] if above else [""], last, "") if last else None
                if named is not None:
                    yield scored(named, score)

    def _named(self, paths: list[str], last_words: Sequence[Word], typed: str) -> Part | None:
        paths = self._known("path", paths)
        lasts = self._known("last", spellings(last_words, typed)) if paths else []
        return all_of([self._index.any_term("path", paths), self._index.any_term("last", lasts)]) if lasts else None

    def _exact_last(self, typed: str) -> Iterator[Part]:
        words = tokens.split(typed, limit=len(self._words))
        if lasts := self._known("last", spellings(words, typed)):
            yield scored(self._index.any_term("last", lasts), EXACT_LAST)
        if words:
            beginning = any_of(self._beginnings(words))
            path = self._text[: -len(typed)] if typed else ""
            yield scored(all_of([self._index.term("path", caseless(path)), beginning]) if path else beginning, PREFIX)

    def _beginnings(self, words: Sequence[Word]) -> Iterator[Part]:
        """Match beginnings of last segments. One word matches their first words: these are fewer than last segments."""
        pieces = [word.text for word in words]
        if len(words) == 1:
            yield self._index.prefix("first", pieces[0])
            whole, beginning = take_apart(self._index, pieces[0])
            pieces = list(words[0].parts) or whole or beginning
        if len(pieces) > 1:
            yield self._index.separated("last", pieces)

    def _known(self, field: str, values: Sequence[str]) -> list[str]:
        return [value for value in values if self._index.frequency(field, value)]


def spellings(words: Sequence[Word], typed: str) -> list[str]:
    """Return possible spellings of a last segment for which these words were typed, including `typed` itself."""
    if len(words) == 1:
        found = [caseless(typed), words[0].text, *mixed(words[0].parts, SEPARATORS)]
    else:
        found = [caseless(typed), *mixed([word.text for word in words], SEPARATORS)]
    return [text for text in dict.fromkeys(found) if text]


def mixed(pieces: Sequence[str], separators: Sequence[str]) -> Iterator[str]:
    """Join pieces with separators: in all combinations if there are few pieces, else with the same one everywhere."""
    gaps = max(len(pieces) - 1, 0)
    mixes = product(separators, repeat=gaps) if len(pieces) <= MAX_MIXED else ((one,) * gaps for one in separators)
    for mix in mixes if pieces else ():
        yield "".join(text for pair in zip(pieces, (*mix, ""), strict=True) for text in pair)


def take_apart(index: Dictionaries, text: str) -> tuple[list[str], list[str]]:
    """Split `paymentgateway` into words of names; and `paymentgat` into words of which the last is only begun."""
    if not text.isalpha() or not text.isascii() or not 2 * MIN_PIECE_LENGTH <= len(text) <= MAX_JOINED_LENGTH:
        return [], []
    # best[n] is the best split of text[:n]: the fewest pieces, and of these the one whose rarest piece is most frequent
    best: dict[int, tuple[int, int, list[str]]] = {0: (0, 0, [])}
    for end in range(MIN_PIECE_LENGTH, len(text) + 1):
        ways = []
        for start, (count, rarest, pieces) in best.items():
            if count < MAX_PIECES and end - start >= MIN_PIECE_LENGTH and end - start < len(text):
                frequency = index.frequency("words", text[start:end])
                if frequency:
                    ways.append(
                        (count + 1, max(rarest, -frequency) if count else -frequency, [*pieces, text[start:end]])
                    )
        if ways:
            best[end] = min(ways)
    whole = best[len(text)][2] if len(text) in best else []
    begun = max((end for end in best if 0 < end <= len(text) - MIN_PIECE_LENGTH), default=0)
    return whole, [*best[begun][2], text[begun:]] if begun and best[begun][0] < MAX_PIECES else []
