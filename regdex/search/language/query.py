"""The query that engines receive: words, which match approximately, and conditions, which match exactly or not at all.

`regdex.search.language.parser` makes it of text, the use case of typed parameters. The meaning of each part is defined
here. `regdex.search.matching` implements it for one document, and every engine is tested against that.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

TextField: TypeAlias = Literal["registry", "project", "tag", "label", "platform", "media_type"]
NumberField: TypeAlias = Literal["pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars"]
Sort: TypeAlias = Literal["relevance", "name", "pushed", "pulled", "downloads", "size", "stars"]

MAX_WORDS = 10  # words of a text that engines use; Meilisearch has the same limit

# Facets that every index has. The settings add `label:<key>` for chosen keys.
FACETS = ("registry", "project", "platform", "media_type", "signed")
LABEL_FACET = "label:"
_FROM_CONTENT: frozenset[str] = frozenset(("label", "platform", "media_type", "size_bytes"))
MAX_FACET_VALUES = 50


class Pattern(NamedTuple):
    """A value to match, ignoring case. In a glob, `*` matches any characters and `?` any one."""

    text: str
    is_glob: bool = False


@dataclass(frozen=True, slots=True)
class TextFilter:
    """Matches if any value of `field` matches any of `patterns`; negated, if none does.

    Labels are `key=value`; a pattern for a key with any value ends in `=*`. The project of a repository without a slash
    is the empty text. Tags are the newest 1,000 of a repository that exist now.
    """

    field: TextField
    patterns: tuple[Pattern, ...]
    is_negated: bool = False


class Range(NamedTuple):
    """Integers from `low` (included) to `high` (excluded); None means no bound."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """Matches if the number is in any of `ranges`. Times are microseconds since 1970, sizes bytes.

    A repository without the number, for example one never pulled, is in no range.
    """

    field: NumberField
    ranges: tuple[Range, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SignedFilter:
    """Matches repositories with a signature, or those without."""

    is_signed: bool


def is_exactly(field: TextField, text: str) -> TextFilter:
    """Return a filter for exactly one value."""
    return TextFilter(field, (Pattern(text),))


Filter: TypeAlias = TextFilter | NumberFilter | SignedFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search; all its parts must match. `project_ids` are the projects that the caller may see; None means all.

    `text`: the typed words. Each must match, also with a typo, as a beginning, or with separators left out.
    `phrases`: words in exactly this order, in the name, the title, the description, a label or a tag.
    `wildcards`: globs for a whole word of the name, the last segment, the name, or registry and name.
    `without_phrases`, `without_wildcards`: exclude the repositories that match these.
    """

    text: str = ""
    phrases: tuple[str, ...] = ()
    wildcards: tuple[str, ...] = ()
    without_phrases: tuple[str, ...] = ()
    without_wildcards: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    project_ids: frozenset[int] | None = None
    sort: Sort = "relevance"
    facets: tuple[str, ...] = ()
    offset: int = 0
    limit: int = 20

    @property
    def draws_on_content(self) -> bool:
        """Return whether unread content could change the result. Words are also searched in labels, a part of it."""
        texts = (self.text, *self.phrases, *self.without_phrases)
        fields = {one.field for one in self.filters if not isinstance(one, SignedFilter)}
        return (
            any(texts)
            or bool(fields & _FROM_CONTENT)
            or any(isinstance(one, SignedFilter) for one in self.filters)
            or any(name in _FROM_CONTENT or name == "signed" or name.startswith(LABEL_FACET) for name in self.facets)
            or self.sort == "size"
        )
