"""Builds Tantivy queries from parts."""

from collections.abc import Iterable
from typing import TypeAlias

import tantivy

Part: TypeAlias = tantivy.Query


def all_of(parts: Iterable[Part]) -> Part:
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])


def any_of(parts: Iterable[Part]) -> Part:
    """Return a query for any of `parts`; without parts it matches nothing."""
    found = list(parts)
    return found[0] if len(found) == 1 else tantivy.Query.boolean_query([(tantivy.Occur.Should, it) for it in found])


def without(part: Part) -> Part:
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, anything()), (tantivy.Occur.MustNot, part)])


def anything() -> Part:
    return tantivy.Query.all_query()


def nothing() -> Part:
    return tantivy.Query.empty_query()


def scored(part: Part, score: float) -> Part:
    return tantivy.Query.const_score_query(part, score)
