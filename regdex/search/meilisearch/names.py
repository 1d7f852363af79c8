"""Joined words and grams of a repository's name, made in the same way for documents and queries."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from regdex.search import tokens
from regdex.search.meilisearch.words import is_strict

SEPARATORS = frozenset("-_.")

_RUN = re.compile(r"[^-_./]+")


class Name(NamedTuple):
    """The words before the last slash, and the words after it."""

    parent: list[tokens.Word]
    last: list[tokens.Word]


def split(name: str) -> Name:
    """Split a repository's name, or a typed text."""
    parent, _, last = name.rpartition("/")
    return Name(list(_words_of_parent(parent)), tokens.split(last))


@lru_cache(maxsize=20_000)
def _words_of_parent(parent: str) -> tuple[tokens.Word, ...]:
    return tuple(tokens.split(parent))


def joined_pairs(found: Iterable[tokens.Word]) -> list[str]:
    """Join neighbours that become a strict word: `node-18` gives `node18`. The engine itself splits other words."""
    return [pair for one, other in pairwise(found) if is_strict(pair := one.text + other.text)]


def grams(text: str) -> list[str]:
    """Return every three consecutive letters."""
    return [text[at : at + 3] for at in range(len(text) - 2)]


def grams_of(registry: str, repository: str) -> list[str]:
    """Return the grams of all texts that wildcards can match. Separators are grams of their own, for `*_*`."""
    names = [repository.lower()] if repository.isascii() else [repository.lower(), tokens.fold(repository)]
    joined = ["".join(_RUN.findall(name)) for name in names]
    found = [gram for text in (*joined, *_RUN.findall(registry.lower())) for gram in grams(text)]
    return list(dict.fromkeys([*found, *sorted(SEPARATORS.intersection(f"{registry}{repository}"))]))


def grams_of_glob(pattern: str) -> list[str]:
    """Return the grams that every name matching this glob must contain."""
    found = [gram for piece in re.split(r"[*?]", pattern) for run in _RUN.findall(piece) for gram in grams(run)]
    return list(dict.fromkeys([*found, *sorted(SEPARATORS.intersection(pattern))]))
