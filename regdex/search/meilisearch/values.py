"""Values to filter and count by, encoded so that the engine compares them as Regdex does.

Meilisearch folds case and accents and trims blanks. Filters in Regdex ignore only case; counts ignore nothing.
Therefore special characters are escaped, and a value with capitals is stored twice: unchanged for counts, and in lower
case in a field that only filters use.
"""

from functools import lru_cache

from regdex.search import Document, matching
from regdex.search.casing import caseless
from regdex.search.language.query import LABEL_FACET

COUNTED = ("registry", "project", "platform", "media_type")
FILTERED = ("tag", "label")
WITH_TAILS = ("tag",)  # also filtered by their ends: `tag:*-alpine`
MAX_LENGTH = 400  # letters of a value; the engine cuts at 468 bytes
EMPTY = "^"  # encodes an empty text; no other text is escaped to this

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!\"#$%&'()*+,-./:;<=>?@[\\]_`{|}~")


def make_fields(document: Document) -> dict[str, list[str]]:
    """Return the fields of values. `caseless_…` has only values that its field does not have."""
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
    """Return a field for each label key that is counted by value."""
    pairs = [label.partition("=") for label in document.labels]
    return {field_of_label(key): [escape(value) or EMPTY for name, _, value in pairs if name == key] for key in keys}


def field_of_facet(facet: str) -> str:
    return field_of_label(facet.removeprefix(LABEL_FACET)) if facet.startswith(LABEL_FACET) else facet


def field_of_label(key: str) -> str:
    """Return a field name of letters and digits only: a dot would mean a nested field."""
    return f"label_{key.encode().hex()}"


def without_case(field: str) -> str:
    return f"caseless_{field}"


def tail_of(field: str) -> str:
    """Return the field of the reversed values, in which an end is a beginning."""
    return f"tail_{field}"


def fold(text: str) -> str:
    """Escape a text without its case."""
    return escape(caseless(text))


def escape(text: str) -> str:
    """Keep plain letters, digits and signs and write others as numbers, unambiguously; cut to `MAX_LENGTH`."""
    if not _PLAIN.issuperset(text):
        text = "".join(letter if letter in _PLAIN else f"^{ord(letter):x};" for letter in text)
    return text[:MAX_LENGTH]


def unescape(value: str) -> str:
    """Return the text that `escape` encoded, unless it was cut."""
    if value == EMPTY or "^" not in value:
        return value.removesuffix(EMPTY)
    first, *rest = value.split("^")
    for piece in rest:
        number, _, text = piece.partition(";")
        first += (chr(int(number, 16)) if number else "") + text
    return first
