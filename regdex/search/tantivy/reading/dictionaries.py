"""Finds documents whose values in a field match patterns, by the field's dictionary of terms."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import tantivy

from regdex.errors import Unavailable
from regdex.search.casing import caseless
from regdex.search.language.query import Pattern
from regdex.search.matching import compile_pattern
from regdex.search.tantivy.parts import Part, any_of, anything, nothing, without
from regdex.search.tantivy.reading.globs import INSIDE, tidy, to_expression, together
from regdex.search.tantivy.reading.state import State
from regdex.search.tantivy.reading.stored import read_name

# Fields with about as many values as documents. A pattern that begins with a star scans all values, at about 70 ns
# each. The limit below keeps the scans of one search within one or two seconds.
LARGE = frozenset(("last", "tag", "label"))
MAX_SCANNED = 20_000_000

_BEFORE_SIGNS = re.compile(r"[^*?]*")
_KEY_ALONE = re.compile(r"([^*?=]+)=\*")


class Dictionaries:
    """Accesses the dictionaries of one state of the index, for one search."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._searcher = state.searcher
        self._schema = state.schema
        self._scanned_documents = 0

    def frequency(self, field: str, value: str) -> int:
        return int(self._searcher.doc_freq(field, value))

    def terms(self, field: str, beginning: str = "") -> list[str]:
        return [term for term, _ in self._searcher.terms_with_prefix(field, beginning)]

    def term(self, field: str, value: Any) -> Part:
        return tantivy.Query.term_query(self._schema, field, value, index_option="basic")

    def any_term(self, field: str, values: Sequence[Any]) -> Part:
        return tantivy.Query.term_set_query(self._schema, field, values)

    def near(self, field: str, text: str, distance: int, *, is_beginning: bool = False) -> Part:
        """Match terms with up to `distance` letters wrong, missing, added or swapped with a neighbour."""
        return tantivy.Query.fuzzy_term_query(
            self._schema, field, text, distance=distance, transposition_cost_one=True, prefix=is_beginning
        )

    def prefix(self, field: str, text: str) -> Part:
        return tantivy.Query.fuzzy_term_query(self._schema, field, text, distance=0, prefix=True)

    def separated(self, field: str, pieces: Sequence[str]) -> Part:
        """Match values that begin with the pieces, with at most one separator between two pieces."""
        is_ascii = self._is_ascii(field)
        expression = "[-_.]?".join(to_expression(piece, is_ascii=is_ascii) for piece in pieces)
        try:
            return tantivy.Query.regex_query(self._schema, field, expression + to_expression("*", is_ascii=is_ascii))
        except ValueError:  # the expression is too long
            return nothing()

    def count(self, part: Part) -> int:
        return int(self._searcher.search(part, 1).count)  # type: ignore[attr-defined]  # missing in its stubs

    def names(self, part: Part, limit: int) -> list[tuple[int, str, str]] | None:
        """Return id, registry and repository of the matching documents; None if there are more than `limit`."""
        found = self._searcher.search(part, limit, order_by_field="id")
        if int(found.count) > limit:  # type: ignore[attr-defined]  # missing in its stubs
            return None
        return [(int(id), *read_name(self._searcher, address)) for id, address in found.hits]

    def fitting(self, field: str, patterns: Iterable[Pattern]) -> Part:
        """Match documents with a value that matches any of the patterns, ignoring case."""
        exact: list[str] = []
        globs: list[str] = []
        parts: list[Part] = []
        for pattern in dict.fromkeys(patterns):
            text = caseless(pattern.text)
            if not pattern.is_glob or not ("*" in text or "?" in text):
                exact.append(text)
            elif (glob := tidy(text)) == "*":
                parts.append(self.term("traits", f"has:{field}"))
            elif field == "label" and (key := _KEY_ALONE.fullmatch(glob)):
                parts.append(self.term("traits", f"key:{key[1]}"))
            else:
                globs.append(glob)
        if exact:
            parts.append(self.any_term(field, exact) if len(exact) > 1 else self.term(field, exact[0]))
        return any_of([*parts, *self._scanned(field, globs)])

    def glob(self, field: str, glob: str) -> Part:
        """Match a glob, in lower case and tidy, in a field in which every document has a value."""
        if glob == "*":
            return anything()
        if field == "path" and glob == "*/":
            return without(self.term("path", ""))
        if field == "words" and (inside := INSIDE.fullmatch(glob)):
            words = self._state.words_holding(inside[1])
            if words is not None:
                return self.any_term(field, words) if words else nothing()
        return any_of(self._scanned(field, [glob])) if "*" in glob or "?" in glob else self.term(field, glob)

    def _scanned(self, field: str, globs: Sequence[str]) -> list[Part]:
        """Return as few scans of the dictionary as the limit on the size of automata allows."""
        is_ascii = self._is_ascii(field)
        return [self._scan(field, group, is_ascii=is_ascii) for group in together(globs)]

    def _is_ascii(self, field: str) -> bool:
        """Return whether all values are ASCII; automata are then a tenth as large."""
        return not self.frequency("traits", f"unusual:{field}")

    def _scan(self, field: str, globs: Sequence[str], *, is_ascii: bool) -> Part:
        if field in LARGE and any(glob[0] in "*?" for glob in globs):
            self._scanned_documents += self._searcher.num_docs
            if self._scanned_documents > MAX_SCANNED:
                raise Unavailable("too many patterns that begin with a star for this number of repositories")
        expression = "|".join(to_expression(glob, is_ascii=is_ascii) for glob in globs)
        try:
            return tantivy.Query.regex_query(self._schema, field, expression)
        except ValueError:  # the automaton has too many states
            if len(globs) > 1:
                return any_of(self._scan(field, [glob], is_ascii=is_ascii) for glob in globs)
            return self._enumerated(field, globs[0])

    def _enumerated(self, field: str, glob: str) -> Part:
        """Match by listing terms. For `*a??????b`, whose automaton would need a state for each combination of `a`s."""
        beginning = _BEFORE_SIGNS.match(glob)
        expression = compile_pattern(Pattern(glob, is_glob=True))
        terms = self.terms(field, beginning[0] if beginning else "")
        return self.any_term(field, [term for term in terms if expression.fullmatch(term)])
