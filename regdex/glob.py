r"""Globs: `*` is any run of characters, `?` is one, every other character is itself. As LIKE patterns and in Python.

LIKE's escape is `\`, PostgreSQL's default.
"""

import re
from typing import NamedTuple, Self

from regdex.errors import InvalidArgument

# They bound the work of a match.
MAX_LENGTH = 128
MAX_STARS = 8

_LITERAL = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
_LIKE = {**_LITERAL, **str.maketrans({"*": "%", "?": "_"})}


class Glob(NamedTuple):
    """A LIKE pattern, and its literal beginning: names in order that match lie behind it, so less of them is read."""

    pattern: str
    prefix: str

    @classmethod
    def of(cls, match: str) -> Self:
        """InvalidArgument names the rule that `match` breaks; an empty glob matches everything."""
        if is_too_long(match):
            raise InvalidArgument(f"a glob has at most {MAX_LENGTH} characters and {MAX_STARS} stars")
        if not match.isprintable():
            raise InvalidArgument("a glob has printable characters only")
        return cls(to_like(match) if match else "%", re.split(r"[*?]", match, maxsplit=1)[0])


def is_too_long(glob: str) -> bool:
    """Whether matching it may take too much work."""
    return len(glob) > MAX_LENGTH or glob.count("*") > MAX_STARS


def to_like(glob: str) -> str:
    """A LIKE pattern for what the glob matches."""
    return glob.translate(_LIKE)


def literal_to_like(text: str) -> str:
    """A LIKE pattern for the text alone, whatever characters it has."""
    return text.translate(_LITERAL)


def to_expression(glob: str, *, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """A regular expression for `fullmatch`. Atomic groups keep its work linear in text and stars."""
    first, *rest = glob.split("*")
    expression = _literal(first)
    for number, piece in enumerate(rest, start=1):
        # The shortest run up to the next piece is as good as any other, but for the last, which has to end the text.
        expression += f".*{_literal(piece)}" if number == len(rest) else f"(?>.*?{_literal(piece)})"
    return re.compile(expression, re.DOTALL | flags)


def _literal(piece: str) -> str:
    return ".".join(re.escape(part) for part in piece.split("?"))
