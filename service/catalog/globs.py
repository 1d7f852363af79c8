"""Globs of `*` and `?` as the store takes them."""

import re
from typing import NamedTuple, Self

from regdex.reference import glob_to_like


class Glob(NamedTuple):
    """A LIKE pattern, and its literal beginning: names in order that match lie behind it, so less of them is read."""

    pattern: str
    prefix: str

    @classmethod
    def of(cls, match: str) -> Self:
        """InvalidArgument names the rule that `match` breaks; an empty glob matches everything."""
        return cls(glob_to_like(match), re.split(r"[*?]", match, maxsplit=1)[0])
