"""Converts filters, phrases and wildcards to Tantivy queries with the meaning of `regdex.search.matching`."""

from collections.abc import Iterator

import tantivy

from regdex.search import tokens
from regdex.search.casing import caseless
from regdex.search.language.query import Filter, NumberFilter, Pattern, Query, Range, SignedFilter, TextFilter
from regdex.search.matching import compile_pattern
from regdex.search.tantivy.parts import Part, all_of, any_of, anything, nothing, scored, without
from regdex.search.tantivy.reading.dictionaries import Dictionaries
from regdex.search.tantivy.reading.globs import OF_ONE_WORD, cuts, rests, runs, tidy

MAX_READ = 1000

_MIN, _MAX = -(2**63), 2**63 - 1


class Conditions:
    """Builds conditions for one state of the index."""

    def __init__(self, dictionaries: Dictionaries, schema: tantivy.Schema) -> None:
        self._dictionaries = dictionaries
        self._schema = schema

    def of(self, query: Query) -> list[Part]:
        """Return all conditions, including the visible projects. They do not change the score."""
        parts: list[Part] = []
        if query.project_ids is not None:
            parts.append(self._dictionaries.any_term("project_id", sorted(query.project_ids)))
        parts += map(self._filter, query.filters)
        parts += map(self._phrase, query.phrases)
        parts += map(self._wildcard, query.wildcards)
        parts += (without(self._phrase(phrase)) for phrase in query.without_phrases)
        parts += (without(self._wildcard(glob)) for glob in query.without_wildcards)
        return [scored(part, 0.0) for part in parts]

    def _filter(self, condition: Filter) -> Part:
        match condition:
            case SignedFilter(is_signed):
                return self._dictionaries.term("signed", is_signed)
            case NumberFilter(field, ranges, is_negated):
                part = any_of(self._range(field, limits) for limits in ranges)
            case TextFilter(field, patterns, is_negated):
                part = self._dictionaries.fitting(field, patterns)
        return without(part) if is_negated else part

    def _range(self, field: str, limits: Range) -> Part:
        low = None if limits.low is None or limits.low <= _MIN else limits.low
        last = None if limits.high is None or limits.high > _MAX else limits.high - 1
        if low is None and last is None:
            return tantivy.Query.exists_query(field)
        if (_MIN if low is None else low) > min(_MAX, _MAX if last is None else last):
            return nothing()
        return tantivy.Query.range_query(self._schema, field, tantivy.FieldType.Integer, low, last)

    def _phrase(self, phrase: str) -> Part:
        """Match words in a row. Positions of different texts of a document are never in a row."""
        words = tokens.sequence(phrase)
        if len(words) > 1:
            return tantivy.Query.phrase_query(self._schema, "all", list[str | tuple[int, str]](words))
        return self._dictionaries.term("all", words[0]) if words else anything()

    def _wildcard(self, text: str) -> Part:
        """Match a word of the name, its last segment, the name, or registry and name."""
        glob = tidy(caseless(tokens.fold(text)))
        if glob == "*":
            return anything()
        words = self._dictionaries.glob("words", glob)
        if OF_ONE_WORD.fullmatch(glob):
            return any_of([words, self._dictionaries.glob("registry", glob)]) if glob.endswith("*") else words
        names = self._read_names(glob)
        if names is not None:
            return any_of([words, names])
        # A glob that begins with a star also matches names with any path: `_named` includes its last segments.
        ways = [] if "/" in glob or glob.startswith("*") else [self._dictionaries.glob("last", glob)]
        return any_of([words, *ways, *self._named(glob), *self._named_after_registry(glob)])

    def _read_names(self, glob: str) -> Part | None:
        """Match the names one by one if few have all letters and digits of the glob; return None if many have them."""
        pieces = runs(glob)
        if not pieces:
            return None
        those = all_of(
            any_of(self._dictionaries.glob(field, f"*{piece}*") for field in ("words", "registry")) for piece in pieces
        )
        expression = compile_pattern(Pattern(glob, is_glob=True))
        names = self._dictionaries.names(those, MAX_READ)
        if names is None:
            return None
        return self._dictionaries.any_term(
            "id",
            [
                id
                for id, registry, name in names
                if any(map(expression.fullmatch, (name, name.rpartition("/")[2], f"{registry}/{name}")))
            ],
        )

    def _named(self, glob: str) -> Iterator[Part]:
        """Match names. Paths are few, last segments nearly as many as names, so paths are looked up first."""
        if glob == "*":
            yield anything()
            return
        for path, last in cuts(glob):
            above = self._dictionaries.glob("path", path)
            if path.startswith("*") or self._dictionaries.count(above):
                yield all_of([above, self._dictionaries.glob("last", last)])

    def _named_after_registry(self, glob: str) -> Iterator[Part]:
        """Match registry and name, except names that `_named` matches: a star at the start covers registries too."""
        covered = {glob, glob.removeprefix("*")} if glob.startswith("*") else set()
        registries: dict[frozenset[str], list[str]] = {}
        for registry in self._dictionaries.terms("registry"):
            left = rests(glob, f"{registry}/") - covered
            if left:
                registries.setdefault(left, []).append(registry)
        for left, these in registries.items():
            names = [part for rest in sorted(left) for part in self._named(rest)]
            yield all_of([self._dictionaries.any_term("registry", these), any_of(names)])
