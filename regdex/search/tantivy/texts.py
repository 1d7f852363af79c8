"""The words of each text of a document, as strings that Tantivy splits at spaces. Repeated results are cached."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from regdex.search import tokens
from regdex.search.casing import caseless
from regdex.search.tokens import Word

_DIGIT = re.compile("[0-9]")

MAX_TEXT_LENGTH = 4000
MAX_NUMBERS = 6
MAX_PINYIN_TEXT = 400  # characters of a label or a description for which pinyin is made


class Text(NamedTuple):
    """`sequence` has the smallest words in order. `also` has other spellings of some words, in no order."""

    sequence: str
    also: tuple[str, ...]


class Value(NamedTuple):
    """The same for a label or a tag, and its whole value in lower case."""

    sequence: str
    also: tuple[str, ...]
    caseless: str


class NameTexts(NamedTuple):
    """For `corp/payments/payment-gateway`: path `corp/payments/`, last `payment-gateway`, first `payment`."""

    sequence: str
    also: tuple[str, ...]
    words: str
    path: str
    last: str
    first: str


def name_texts(name: str) -> NameTexts:
    path, slash, last = name.rpartition("/")
    above = _above(path + slash)
    words = tokens.in_order(last)
    sequence = _sequence(words)
    flat = dict.fromkeys((*above.flat, *tokens.flatten(words)))
    return NameTexts(
        sequence=f"{above.sequence} {sequence}",
        also=(*above.also, *_wholes(words), *_beginnings_of_versions(words, sequence), *_sounds(last)),
        words=" ".join(flat),
        path=above.path,
        last=caseless(last),
        first=words[0].text if words else "",
    )


class _Above(NamedTuple):
    path: str
    sequence: str
    also: tuple[str, ...]
    flat: tuple[str, ...]


@lru_cache(maxsize=20_000)
def _above(path: str) -> _Above:
    words = tokens.in_order(path)
    sequence = _sequence(words)
    also = (*_wholes(words), *_beginnings_of_versions(words, sequence), *_sounds(path))
    return _Above(caseless(path), sequence, also, tuple(tokens.flatten(words)))


def described_text(text: str) -> Text:
    """Return the words of a title or a description."""
    words = tokens.in_order(text[:MAX_TEXT_LENGTH])
    sequence = _sequence(words)
    # MaxMind typed in lower case is one word; v1.2 typed in any case has the same parts.
    wholes = [whole for whole in _wholes(words) if whole.isalpha()]
    return Text(sequence, (*wholes, *_beginnings_of_versions(words, sequence), *_sounds(text)))


@lru_cache(maxsize=20_000)
def label_text(label: str) -> Value:
    return Value(*described_text(label), caseless(label))


@lru_cache(maxsize=20_000)
def tag_text(tag: str) -> Value:
    return Value(*described_text(tag), caseless(tag))


def _sequence(words: Iterable[Word]) -> str:
    return " ".join([token for word in words for token in (word.parts or (word.text,))])


def _wholes(words: Iterable[Word]) -> list[str]:
    return [word.text for word in words if word.parts]


def _beginnings_of_versions(words: Iterable[Word], sequence: str) -> list[str]:
    """Return, for 1.25.3, 1 and 1.25; for v1.25.3 also v1, v1.25 and itself. Most texts have no digit: skip them."""
    return list(_beginnings(words)) if _DIGIT.search(sequence) or not sequence.isascii() else []


def _beginnings(words: Iterable[Word]) -> Iterator[str]:
    for word in words:
        for token in word.parts or (word.text,):
            if token[0].isdigit():
                numbers = token.split(".")
                beginnings = [".".join(numbers[:at]) for at in range(1, min(len(numbers), MAX_NUMBERS))]
                yield from beginnings
                if len(word.parts) == 2 and word.text[1:] == token:
                    yield from (f"{word.text[0]}{beginning}" for beginning in beginnings)
                    yield word.text


def _sounds(text: str) -> tuple[str, ...]:
    """Return the pinyin of Chinese text, and the characters with which no pair begins."""
    if text.isascii():
        return ()
    return (*tokens.pinyin(text[:MAX_PINYIN_TEXT]), *tokens.last_signs(text))
