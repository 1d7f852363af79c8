"""What searches are measured with: of each kind some hundred different requests, made of words that names have."""

import random
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from regdex.search import Document, Query
from regdex.search.language.query import NumberFilter, Pattern, Range, TextFilter
from regdex.v1 import search_pb2
from tests.benchmarks.load import request

EACH = 300
SHORTEST = 5  # letters of a word that is mistyped
FILTERS = {"label": "language=go", "platform": "linux/arm64", "min_downloads": 2}
CONDITIONS = (
    TextFilter("label", (Pattern("language=go"),)),
    TextFilter("platform", (Pattern("linux/arm64"),)),
    NumberFilter("downloads_30d", (Range(low=2),)),
)
FACETS = ("project", "platform", "label:language")


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one kind: text, and what is asked beside it. `goals_ms` is the p99 over REST by size."""

    name: str
    texts: list[str]
    beside: dict[str, Any]
    goals_ms: dict[int, float]
    method: str = "SearchRepositories"

    def over_rest(self) -> list[bytes]:
        path = "/api/v1/suggest" if self.method == "SuggestRepositories" else "/api/v1/search"
        beside = [
            (name, value) for name, given in self.beside.items() for value in (given if _is_many(given) else [given])
        ]
        return [request("GET", f"{path}?{urlencode([('q', text), *beside])}") for text in self.texts]

    def in_process(self) -> list[Query]:
        """The same for an engine, without the service around it."""
        return [
            Query(
                text=text,
                filters=CONDITIONS if "label" in self.beside else (),
                facets=self.beside.get("facets", ()),
                sort=self.beside.get("order_by", "relevance"),
            )
            for text in self.texts
        ]

    def over_grpc(self) -> list[bytes]:
        message: Any = getattr(search_pb2, f"{self.method}Request")
        repeated = ("label", "platform", "facets")
        beside = {
            name: ([given] if name in repeated and not _is_many(given) else given)
            for name, given in self.beside.items()
        }
        if "order_by" in beside:
            beside["order_by"] = f"SEARCH_ORDER_{beside['order_by'].upper()}"
        return [message(q=text, **beside).SerializeToString() for text in self.texts]


def kinds(documents: Iterable[Document]) -> list[Kind]:
    """Of the words of these names."""
    chance = random.Random(2)
    lasts = sorted({document.repository.rpartition("/")[2] for document in documents})
    words = sorted({w for last in lasts for w in last.replace(".", "-").replace("_", "-").split("-") if w.isalpha()})
    long_words = [word for word in words if len(word) >= SHORTEST]

    def some(make: Callable[[str], str], of: list[str]) -> list[str]:
        return [make(chance.choice(of)) for _ in range(EACH)]

    typo, fast, shown = {10_000: 3.0, 100_000: 3.0, 1_000_000: 5.0}, same(10), same(10)
    return [
        Kind("1 typo", some(lambda word: mistype(chance, word), long_words), {}, typo),
        Kind("2 typos", some(lambda word: mistype(chance, mistype(chance, word)), long_words), {}, typo),
        Kind("two words", some(lambda last: " ".join(last.split("-")[:2]), lasts), {}, fast),
        Kind("prefix of 4", some(lambda word: word[:4], long_words), {}, fast),
        Kind("2 letters", some(lambda word: word[:2], words), {}, same(50)),
        Kind("infix", some(lambda word: word[1:-1], [w for w in long_words if len(w) >= 6]), {}, same(20)),
        Kind("1 typo, filters", some(lambda word: mistype(chance, word), long_words), FILTERS, shown),
        Kind("word, facets", some(str, long_words), {"facets": FACETS}, shown),
        Kind("word, by name", some(str, long_words), {"order_by": "name"}, same(20)),
        Kind("suggest", some(lambda word: word[:3], words), {}, fast, "SuggestRepositories"),
    ]


def same(milliseconds: float) -> dict[int, float]:
    """One goal for all sizes."""
    return dict.fromkeys((10_000, 100_000, 1_000_000), milliseconds)


def mistype(chance: random.Random, word: str) -> str:
    """One letter replaced, left out, put in or swapped with its neighbour; never the first."""
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice(string.ascii_lowercase.replace(word[at], ""))
    return chance.choice(
        (
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )


def _is_many(given: Any) -> bool:
    return isinstance(given, tuple)
