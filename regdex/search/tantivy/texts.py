"""The words of each part of a document, as strings that Tantivy splits at spaces. What repeats is kept."""

from functools import lru_cache
from typing import NamedTuple

from regdex.search import tokens
from regdex.search.casing import caseless

LONGEST_TEXT = 4000
LONGEST_LABEL = 400
LONGEST_SOUND = 400  # of Chinese text in a label or a description, in characters


class Text(NamedTuple):
    """`sequence`: its smallest words in order. `also`: other ways to type some of them, in no order."""

    sequence: str
    also: tuple[str, ...] = ()


class NameTexts(NamedTuple):
    """Of `corp/payments/payment-gateway`: path `corp/payments/`, parent `corppayments`, last `payment-gateway`."""

    sequence: str
    also: tuple[str, ...]
    words: str
    path: str
    parent: str
    last: str
    first: str


def name_texts(name: str) -> NameTexts:
    path, slash, last = name.rpartition("/")
    above = _above(path) if slash else _ABOVE_NOTHING
    words = tokens.split(last)
    flat = dict.fromkeys((*above.flat, *tokens.flatten(words)))
    wholes = [word.text for word in words if word.parts]
    return NameTexts(
        sequence=f"{above.text.sequence} {' '.join(tokens.sequence(last))}",
        also=(*above.text.also, *wholes, *_sounds(last)),
        words=" ".join(flat),
        path=above.path,
        parent=above.joined,
        last=caseless(last),
        first=words[0].text if words else "",
    )


class _Above(NamedTuple):
    path: str
    joined: str
    flat: tuple[str, ...]
    text: Text


_ABOVE_NOTHING = _Above("", "", (), Text(""))


@lru_cache(maxsize=50_000)
def _above(path: str) -> _Above:
    words = tokens.split(path)
    return _Above(f"{caseless(path)}/", tokens.join(words), tuple(tokens.flatten(words)), _text(path))


def described(text: str) -> Text:
    """A title or a description."""
    return _text(text[:LONGEST_TEXT])


@lru_cache(maxsize=20_000)
def labelled(text: str) -> Text:
    return _text(text[:LONGEST_LABEL])


@lru_cache(maxsize=100_000)
def tagged(tag: str) -> Text:
    return _text(tag)


@lru_cache(maxsize=20_000)
def plain_words(text: str) -> tuple[str, ...]:
    """Words that can be typed but are in no phrase: of platforms, artifact types, the registry."""
    return tuple(tokens.flatten(tokens.split(text)))


def _text(text: str) -> Text:
    words = tokens.in_order(text)
    sequence = " ".join(token for word in words for token in (word.parts or (word.text,)))
    also = [word.text for word in words if word.parts]
    return Text(sequence, (*also, *_sounds(text)) if also or not text.isascii() else ())


def _sounds(text: str) -> tuple[str, ...]:
    """How its Chinese is typed in Latin letters, and the signs that no pair begins with."""
    if text.isascii():
        return ()
    return (*tokens.pinyin(text[:LONGEST_SOUND]), *tokens.last_signs(text))
