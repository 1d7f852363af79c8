"""Values to filter and to count by, written so that the engine takes two for equal exactly when we do.

By itself it folds case and accents and trims blanks. Filters ignore case and nothing else; counts ignore nothing. So
what is not plain is escaped, and what has capitals is there twice: as it is, to be counted, and without them in a
field of its own, which only filters look at.
"""

from functools import lru_cache

from regdex.search import Document, matching
from regdex.search.casing import caseless
from regdex.search.language.query import LABEL_FACET

COUNTED = ("registry", "project", "platform", "media_type")
FILTERED = ("tag", "label")
WITH_TAILS = ("tag",)  # filtered by how they end, too: `tag:*-alpine`
MAX_LENGTH = 400  # letters of a value; the engine cuts at 468 bytes
EMPTY = "^"  # an empty text: no other is escaped to this

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!\"#$%&'()*+,-./:;<=>?@[\\]_`{|}~")


def make_fields(document: Document) -> dict[str, list[str]]:
    """`caseless_…` has what its field has not already."""
    made: dict[str, list[str]] = {}
    for field in COUNTED:
        made[field], made[without_case(field)] = _counted(tuple(matching.texts_of(document, field)))
    for field in FILTERED:
        made[field] = [_both(text)[1] for text in matching.texts_of(document, field)]
    for field in WITH_TAILS:
        made[tail_of(field)] = [_tail(text) for text in matching.texts_of(document, field)]
    return made


@lru_cache(maxsize=20_000)
def _counted(texts: tuple[str, ...]) -> tuple[list[str], list[str]]:
    both = [_both(text) for text in texts]
    return [escaped or EMPTY for escaped, _ in both], [folded for escaped, folded in both if folded != escaped]


@lru_cache(maxsize=20_000)
def _tail(text: str) -> str:
    return fold(text[::-1])


@lru_cache(maxsize=20_000)
def _both(text: str) -> tuple[str, str]:
    return escape(text), fold(text)


def make_label_fields(document: Document, keys: tuple[str, ...]) -> dict[str, list[str]]:
    """A field for each label key that is counted by value."""
    pairs = [label.partition("=") for label in document.labels]
    return {field_of_label(key): [escape(value) or EMPTY for name, _, value in pairs if name == key] for key in keys}


def field_of_facet(facet: str) -> str:
    return field_of_label(facet.removeprefix(LABEL_FACET)) if facet.startswith(LABEL_FACET) else facet


def field_of_label(key: str) -> str:
    """Letters and digits only: dots would nest."""
    return f"label_{key.encode().hex()}"


def without_case(field: str) -> str:
    return f"caseless_{field}"


def tail_of(field: str) -> str:
    """The field of the same values read backwards, so that an end is a beginning."""
    return f"tail_{field}"


def fold(text: str) -> str:
    """Equal for texts that differ in case only."""
    return escape(caseless(text))


def escape(text: str) -> str:
    """Plain letters, digits and signs as they are, all else by number; never ambiguous, at most `MAX_LENGTH` long."""
    if not _PLAIN.issuperset(text):
        text = "".join(letter if letter in _PLAIN else f"^{ord(letter):x};" for letter in text)
    return text[:MAX_LENGTH]


def unescape(value: str) -> str:
    """What `escape` was given, if that was not cut."""
    if value == EMPTY or "^" not in value:
        return value.removesuffix(EMPTY)
    first, *rest = value.split("^")
    for piece in rest:
        number, _, text = piece.partition(";")
        first += (chr(int(number, 16)) if number else "") + text
    return first
