"""Tantivy without Regdex around it: for each kind of question the one query that its documentation shows for it."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import tantivy

from regdex.search.tantivy.place import Place
from tests.benchmarks.load import Load
from tests.benchmarks.questions import FACETS, Kind

LIMIT = 20


class BareTantivy:
    """The index that a TantivyWriter made in `directory`, asked directly, in this thread."""

    def __init__(self, directory: Path) -> None:
        current = Place(directory).current()
        assert current is not None
        index = tantivy.Index.open(str(current))
        self._schema = index.schema
        self._searcher = index.searcher()

    def measure(self, kind: Kind, *, seconds: float) -> Load:
        """One question after another; what is stored of the hits is read, not parsed."""
        ask = self._asking(kind)
        for text in kind.texts[:20]:
            ask(text)
        times: list[float] = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            at = time.perf_counter()
            ask(kind.texts[len(times) % len(kind.texts)])
            times.append(time.perf_counter() - at)
        took = time.perf_counter() - began
        times.sort()
        return Load(len(times) / took, median(times) * 1000, times[int(len(times) * 0.99)] * 1000)

    def _asking(self, kind: Kind) -> Callable[[str], object]:
        make = self._making(kind)
        if kind.name == "word, facets":
            columns = {"project": "project_value", "platform": "platform_value", "label:language": "label_value"}
            terms = {facet: {"terms": {"field": columns[facet], "size": 50}} for facet in FACETS}
            return lambda text: (self._read(make(text)), self._searcher.aggregate(make(text), terms))
        if kind.name == "word, by name":
            return lambda text: self._read(make(text), order_by_field="name", order=tantivy.Order.Asc)
        return lambda text: self._read(make(text))

    def _making(self, kind: Kind) -> Callable[[str], tantivy.Query]:
        match kind.name:
            case "1 typo":
                return lambda text: self._fuzzy(text, 1)
            case "2 typos":
                return lambda text: self._fuzzy(text, 2)
            case "two words":
                return lambda text: self._all(*map(self._word, text.split()))
            case "prefix of 4" | "2 letters" | "suggest":
                return lambda text: self._fuzzy(text, 0, prefix=True)
            case "infix":
                return lambda text: tantivy.Query.regex_query(self._schema, "words", f".*{re.escape(text)}.*")
            case "1 typo, filters":
                filters = [
                    tantivy.Query.term_query(self._schema, "label", "language=go"),
                    tantivy.Query.term_query(self._schema, "platform", "linux/arm64"),
                    tantivy.Query.range_query(
                        self._schema, "downloads_30d", tantivy.FieldType.Integer, 2, 2**62, True, True
                    ),
                ]
                return lambda text: self._all(self._fuzzy(text, 1), *filters)
            case _:
                return self._word

    def _read(self, query: tantivy.Query, **order: Any) -> list[Any]:
        result = self._searcher.search(query, LIMIT, **order)
        return [self._searcher.doc(address).get_first("stored") for _, address in result.hits]

    def _word(self, text: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "words", text, index_option="basic")

    def _fuzzy(self, text: str, distance: int, *, prefix: bool = False) -> tantivy.Query:
        return tantivy.Query.fuzzy_term_query(self._schema, "words", text, distance=distance, prefix=prefix)

    def _all(self, *parts: tantivy.Query) -> tantivy.Query:
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])
