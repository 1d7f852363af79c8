"""What a repository's name is equal to, and what is in it: values to filter by, the same in documents and queries."""

from collections.abc import Iterable
from typing import NamedTuple

from regdex.search import tokens

SEPARATORS = frozenset("-_.")


class Name(NamedTuple):
    """The words before the last slash, and those after it."""

    parent: list[tokens.Word]
    last: list[tokens.Word]


def split(name: str) -> Name:
    """A repository's name, or what somebody typed for one."""
    parent, _, last = name.rpartition("/")
    return Name(tokens.split(parent) if parent else [], tokens.split(last))


def keys_of(name: Name) -> set[str]:
    """All that a query may be equal to."""
    whole = [*name.parent, *name.last]
    return {same(name), joined(name), same_last(name.last), any_order(name.last), any_order(whole)}


def same(name: Name) -> str:
    """The name but for what separates its words: `payments/payment gateway`."""
    return f"{_spaced(name.parent)}/{_spaced(name.last)}"


def joined(name: Name) -> str:
    """The name without what separates its words: `payments/paymentgateway`."""
    return f"{tokens.join(name.parent)}/{tokens.join(name.last)}"


def same_last(last: Iterable[tokens.Word]) -> str:
    return f"/{_spaced(last)}/"


def any_order(found: Iterable[tokens.Word]) -> str:
    return "&".join(sorted({word.text for word in found}))


def grams(text: str) -> list[str]:
    """Every three letters in a row."""
    return [text[at : at + 3] for at in range(len(text) - 2)]


def grams_of(registry: str, repository: str, joined_name: str) -> list[str]:
    """Of registry and name, which have all that wildcards are held against, and of the name without separators.

    Separators count alone, too: `*_*` is asked for, and no three letters are in it.
    """
    whole = f"{registry}/{repository}".lower()
    return list({*grams(whole), *grams(joined_name), *SEPARATORS.intersection(whole)})


def _spaced(found: Iterable[tokens.Word]) -> str:
    return " ".join(word.text for word in found)
