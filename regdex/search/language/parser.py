"""Parses the query language: one line of text becomes words and conditions, the same for every engine.

    paymnet gatway          words; typos, beginnings of words and missing separators also match
    "payment gateway"       exactly these words in this order
    -legacy  -"old api"     not these words
    nginx*  *-agent         wildcards for words and names: `*` matches any characters, `?` any one
    nginx:1.25*             a name with one of its tags
    sha256:ab12…            a digest or its beginning; also name@sha256:…, docker-pullable://name@sha256:…
    b34bba99b91e            12 or more hexadecimal digits: a digest if one begins with them, else a word
    project:payments  label:team=*  platform:linux/arm64  pushed:>30d  size:<200MB  signed:true
    registry:(prod edge)    any of several values
    -tag:latest             `-` negates a filter

All parts must match. A quoted value is literal. Engines use the first ten words. The parser reads no clock: the caller
passes `now`.
"""

import re
from datetime import datetime
from typing import NamedTuple

from regdex.digest import read_pasted
from regdex.errors import InvalidArgument
from regdex.glob import MAX_LENGTH, MAX_STARS, is_too_long
from regdex.search.language.query import (
    Filter,
    NumberField,
    NumberFilter,
    Query,
    Range,
    SignedFilter,
    TextField,
    TextFilter,
)
from regdex.search.language.values import parse_number, parse_size, parse_time, text_patterns

MAX_CONDITIONS = 20
# Limits for all wildcards of a query together: each makes an engine run an automaton over all its words.
MAX_STARS_IN_ALL = 200
MAX_MARKS_IN_ALL = 64
MAX_VALUES = 20

TEXT_FIELDS: dict[str, TextField] = {
    "registry": "registry",
    "project": "project",
    "tag": "tag",
    "label": "label",
    "platform": "platform",
    "media": "media_type",
}
NUMBER_FIELDS: dict[str, NumberField] = {
    "pushed": "pushed_at",
    "pulled": "pulled_at",
    "downloads": "downloads_30d",
    "size": "size_bytes",
    "stars": "stars",
}
FIELD_NAMES = (*TEXT_FIELDS, *NUMBER_FIELDS, "signed")

_FIELD = re.compile(rf"({'|'.join(FIELD_NAMES)}):", re.IGNORECASE)
_UNKNOWN_FIELD = re.compile(r"[A-Za-z_]+:(?=[<>=(\"])")
_TAG = re.compile(r"[A-Za-z0-9_.*?-]{1,128}")
_MIN_DIGITS = 6
_MIN_DIGITS_ALONE = 12


class Parsed(NamedTuple):
    """A parsed query and its digest: `algorithm:` and at least 6 hex digits, or at least 12 hex digits alone.

    `digest` is in lower case, and empty if the text has none. Digits alone also stay among the words of the query, for
    the case that no digest begins with them.
    """

    query: Query
    digest: str


class _Value(NamedTuple):
    text: str
    is_glob: bool
    at: int


def parse(text: str, *, now: datetime) -> Parsed:
    """Parse a query. Raise InvalidArgument with the problem and the number of the character, counted from 1."""
    parsed = _Parser(text, now).parse()
    check_wildcards(parsed.query)
    return parsed


def check_wildcards(query: Query) -> None:
    """Raise InvalidArgument if the query has more wildcards than an engine can process in time."""
    globs = [*query.wildcards, *query.without_wildcards]
    texts = (condition for condition in query.filters if isinstance(condition, TextFilter))
    globs += [pattern.text for condition in texts for pattern in condition.patterns if pattern.is_glob]
    stars, marks = (sum(glob.count(sign) for glob in globs) for sign in "*?")
    if stars > MAX_STARS_IN_ALL or marks > MAX_MARKS_IN_ALL:
        raise InvalidArgument(
            f"all wildcards of a query have at most {MAX_STARS_IN_ALL} stars and {MAX_MARKS_IN_ALL} question marks"
        )


def quote(value: str) -> str:
    """Write a value so that the parser reads it literally. It must not contain a quote."""
    return value if re.fullmatch(r"[\w./=:@+-]+", value) else f'"{value}"'


class _Parser:
    def __init__(self, text: str, now: datetime) -> None:
        self._text = text
        self._now = now
        self._at = 0
        self._words: list[str] = []
        self._phrases: dict[bool, list[str]] = {False: [], True: []}
        self._wildcards: dict[bool, list[str]] = {False: [], True: []}
        self._filters: list[Filter] = []
        self._digest = ""

    def parse(self) -> Parsed:
        while self._skip_space():
            at = self._at
            self._term()
            if self._conditions() > MAX_CONDITIONS:
                raise self._error(at, f"a query can have at most {MAX_CONDITIONS} conditions in addition to its words")
        query = Query(
            text=" ".join(self._words),
            phrases=tuple(self._phrases[False]),
            wildcards=tuple(self._wildcards[False]),
            without_phrases=tuple(self._phrases[True]),
            without_wildcards=tuple(self._wildcards[True]),
            filters=tuple(self._filters),
        )
        return Parsed(query, self._digest)

    def _term(self) -> None:
        is_negated = self._text[self._at] == "-" and self._text[self._at + 1 : self._at + 2].strip() not in ("", "-")
        self._at += is_negated
        field = _FIELD.match(self._text, self._at)
        if field is not None:
            self._filter(field[1].lower(), is_negated=is_negated, at=self._at, value_at=field.end())
        elif self._text[self._at] == '"':
            self._phrases[is_negated].append(self._quoted())
        else:
            self._plain(is_negated=is_negated)

    def _conditions(self) -> int:
        quoted_or_wild = (*self._phrases.values(), *self._wildcards.values())
        return len(self._filters) + sum(len(group) for group in quoted_or_wild)

    def _plain(self, *, is_negated: bool) -> None:
        at = self._at
        if _UNKNOWN_FIELD.match(self._text, at):
            raise self._error(at, f"unknown field; the fields are {', '.join(FIELD_NAMES)}")
        term = self._bare(end='"')
        pasted = read_pasted(term)
        name, tag = _split_reference(term)
        if pasted is not None and pasted.algorithm:
            self._set_digest(str(pasted), is_negated=is_negated, at=at)
        elif is_negated and tag:
            raise self._error(at, "a name with a tag cannot be negated; use -tag:")
        elif tag:
            self._word(name, is_negated=False, at=at)
            self._filters.append(TextFilter("tag", text_patterns("tag", tag, is_glob=_is_glob(tag))))
            self._check_glob(tag, at)
        else:
            if pasted is not None and len(pasted.digits) >= _MIN_DIGITS_ALONE and not is_negated:
                self._digest = self._digest or pasted.digits
                term = pasted.digits
            self._word(term, is_negated=is_negated, at=at)

    def _word(self, term: str, *, is_negated: bool, at: int) -> None:
        if not _is_glob(term):
            (self._phrases[True] if is_negated else self._words).append(term)
        elif term.strip("*"):
            self._check_glob(term, at)
            self._wildcards[is_negated].append(term)
        elif is_negated:
            raise self._error(at, "this would exclude everything")

    def _set_digest(self, digest: str, *, is_negated: bool, at: int) -> None:
        if is_negated or ":" in self._digest:
            raise self._error(at, "a query can have one digest, which cannot be negated")
        if len(digest.partition(":")[2]) < _MIN_DIGITS:
            raise self._error(at, f"a digest needs at least {_MIN_DIGITS} hex digits")
        self._digest = digest

    def _filter(self, name: str, *, is_negated: bool, at: int, value_at: int) -> None:
        self._at = value_at
        values = self._values(name)
        if not all(value.text.isprintable() for value in values):
            raise self._error(value_at, f"{name}: must have printable characters only")
        if name in TEXT_FIELDS:
            field = TEXT_FIELDS[name]
            patterns = [p for v in values for p in text_patterns(field, v.text, is_glob=v.is_glob)]
            self._filters.append(TextFilter(field, tuple(patterns), is_negated))
        elif name in NUMBER_FIELDS:
            ranges = tuple(self._range(name, value) for value in values)
            self._filters.append(NumberFilter(NUMBER_FIELDS[name], ranges, is_negated))
        else:
            if len(values) != 1 or values[0].text.lower() not in ("true", "false"):
                raise self._error(at, "signed: must be true or false")
            self._filters.append(SignedFilter((values[0].text.lower() == "true") != is_negated))

    def _range(self, name: str, value: _Value) -> Range:
        try:
            if name in ("pushed", "pulled"):
                return parse_time(value.text, now=self._now)
            return parse_size(value.text) if name == "size" else parse_number(value.text)
        except ValueError as error:
            raise self._error(value.at, f"{name}: {error}") from None

    def _values(self, name: str) -> list[_Value]:
        if self._text[self._at : self._at + 1] != "(":
            return [self._value(name, end="")]
        opened_at = self._at
        self._at += 1
        values: list[_Value] = []
        while self._skip_space():
            if self._text[self._at] == ")":
                self._at += 1
                if not values:
                    break
                if len(values) > MAX_VALUES:
                    raise self._error(opened_at, f"{name}: can have at most {MAX_VALUES} values")
                return values
            values.append(self._value(name, end=")"))
        raise self._error(opened_at, f"{name}: values and a closing bracket are missing")

    def _value(self, name: str, *, end: str) -> _Value:
        """Read bare and quoted text up to a space or `end`. `*` and `?` are wildcards only in bare text."""
        at = self._at
        runs: list[str] = []
        is_glob = is_quoted = False
        while self._at < len(self._text) and not self._text[self._at].isspace() and self._text[self._at] != end:
            if self._text[self._at] == '"':
                is_quoted = True
                runs.append(self._quoted())
            else:
                runs.append(self._bare(end='"' + end))
                is_glob = is_glob or _is_glob(runs[-1])
        text = "".join(runs)
        if not text and not is_quoted:
            raise self._error(at, f"{name}: the value is missing")
        if is_glob:
            self._check_glob(text, at)
        return _Value(text, is_glob, at)

    def _bare(self, *, end: str) -> str:
        at = self._at
        while self._at < len(self._text) and not self._text[self._at].isspace() and self._text[self._at] not in end:
            self._at += 1
        return self._text[at : self._at]

    def _quoted(self) -> str:
        closed_at = self._text.find('"', self._at + 1)
        if closed_at < 0:
            raise self._error(self._at, "a quote is not closed")
        quoted = self._text[self._at + 1 : closed_at]
        self._at = closed_at + 1
        return quoted

    def _skip_space(self) -> bool:
        """Skip spaces. Return whether text is left."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at < len(self._text)

    def _check_glob(self, glob: str, at: int) -> None:
        if is_too_long(glob):
            raise self._error(at, f"a wildcard can have at most {MAX_LENGTH} characters and {MAX_STARS} stars")

    def _error(self, at: int, problem: str) -> InvalidArgument:
        return InvalidArgument(f"q: at character {at + 1}: {problem}")


def _is_glob(text: str) -> bool:
    return "*" in text or "?" in text


def _split_reference(term: str) -> tuple[str, str]:
    """Split `nginx:1.25*` into name and tag. The tag is empty if there is none, as in `localhost:5000/app`."""
    name, _, tag = term.rpartition(":")
    return (name, tag) if name and _TAG.fullmatch(tag) else (term, "")
