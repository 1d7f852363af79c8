r"""Globs as LIKE patterns and as regular expressions: `*` matches any characters, `?` one, all others themselves.

The escape character of LIKE is `\`, PostgreSQL's default.
"""

import re
from typing import NamedTuple, Self

from regdex.errors import InvalidArgument

# Both limit the work of a match.
MAX_LENGTH = 128
MAX_STARS = 8

_LITERAL = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
_LIKE = {**_LITERAL, **str.maketrans({"*": "%", "?": "_"})}


class Glob(NamedTuple):
    """A LIKE pattern, and its literal beginning. An index scan of names can begin at `prefix`."""

    pattern: str
    prefix: str

    @classmethod
    def of(cls, match: str) -> Self:
        """Convert `match`; an empty glob matches everything. Raise InvalidArgument if it breaks a rule."""
        if is_too_long(match):
            raise InvalidArgument(f"a glob has at most {MAX_LENGTH} characters and {MAX_STARS} stars")
        if not match.isprintable():
            raise InvalidArgument("a glob has printable characters only")
        return cls(to_like(match) if match else "%", re.split(r"[*?]", match, maxsplit=1)[0])


def is_too_long(glob: str) -> bool:
    """Return whether the glob exceeds a limit."""
    return len(glob) > MAX_LENGTH or glob.count("*") > MAX_STARS


def to_like(glob: str) -> str:
    """Return the LIKE pattern that matches the same texts as the glob."""
    return glob.translate(_LIKE)


def literal_to_like(text: str) -> str:
    """Return the LIKE pattern that matches only this text."""
    return text.translate(_LITERAL)


def to_expression(glob: str, *, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return a regular expression for `fullmatch`. Atomic groups keep its work linear in text and stars."""
    first, *rest = glob.split("*")
    expression = _literal(first)
    for number, piece in enumerate(rest, start=1):
        # The first occurrence of a piece is always enough, except of the last piece, which has to end the text.
        expression += f".*{_literal(piece)}" if number == len(rest) else f"(?>.*?{_literal(piece)})"
    return re.compile(expression, re.DOTALL | flags)


def _literal(piece: str) -> str:
    return ".".join(re.escape(part) for part in piece.split("?"))
