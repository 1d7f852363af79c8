"""A search as the engines get it: words that are forgiven much, and conditions that hold or do not.

Text becomes one in `regdex.search.language`, typed parameters in the use case. What each part means is said here once;
`regdex.search.matching` says the same as code, and every engine is tested against that.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

TextField: TypeAlias = Literal["registry", "project", "tag", "label", "platform", "media_type"]
NumberField: TypeAlias = Literal["pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars"]
Sort: TypeAlias = Literal["relevance", "name", "pushed", "pulled", "downloads", "size", "stars"]

# What can be counted by value, beside `label:<key>` for the keys that the settings choose.
FACETS = ("registry", "project", "platform", "media_type", "signed")
LABEL_FACET = "label:"
_FROM_CONTENT: frozenset[str] = frozenset(("label", "platform", "media_type", "size_bytes"))
MAX_FACET_VALUES = 50


class Pattern(NamedTuple):
    """What a value has to be, without regard to case. In a glob `*` is any run of characters and `?` any one."""

    text: str
    is_glob: bool = False


@dataclass(frozen=True, slots=True)
class TextFilter:
    """Holds when any value of `field` fits any of `patterns`; negated, when none does.

    Labels are `key=value`; a pattern that asks for a key alone ends in `=*`. The project of a repository without a
    slash is the empty text. Tags are those that exist now, the newest 1,000 of a repository.
    """

    field: TextField
    patterns: tuple[Pattern, ...]
    is_negated: bool = False


class Range(NamedTuple):
    """Integers from `low` on and below `high`; None is no bound."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """Holds when the number lies in any of `ranges`. Times are microseconds since 1970, sizes bytes.

    A time that was never seen lies in no range.
    """

    field: NumberField
    ranges: tuple[Range, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class SignedFilter:
    """Holds for repositories with a signature, or for those without."""

    is_signed: bool


def is_exactly(field: TextField, text: str) -> TextFilter:
    """The filter of one value."""
    return TextFilter(field, (Pattern(text),))


Filter: TypeAlias = TextFilter | NumberFilter | SignedFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Everything has to hold. `project_ids` is what the caller may see, None is everything; nothing can widen it.

    `text`: words as they were typed; each has to be found, typos, beginnings and missing separators forgiven.
    `phrases`: words that follow each other, exactly, in the name, the title, the description, a label or a tag.
    `wildcards`: globs for a whole word of the name, its last segment, the name, or registry and name.
    `without_phrases`, `without_wildcards`: repositories that these would find are left out.
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
        """Whether content that has not been read could change the answer: words are looked for in labels, too."""
        texts = (self.text, *self.phrases, *self.without_phrases)
        fields = {one.field for one in self.filters if not isinstance(one, SignedFilter)}
        return (
            any(texts)
            or bool(fields & _FROM_CONTENT)
            or any(isinstance(one, SignedFilter) for one in self.filters)
            or any(name in _FROM_CONTENT or name == "signed" or name.startswith(LABEL_FACET) for name in self.facets)
            or self.sort == "size"
        )
